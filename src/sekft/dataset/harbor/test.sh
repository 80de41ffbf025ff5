#!/bin/sh
# Judges what is left in the container: reward 1 where the end state and the ending are right, and the provider has shown
# what makes them so. The tools are the image's own, and the environment is empty.
[ -n "$SEKFT_JUDGES" ] || exec /usr/lib/sekft/busybox env -i SEKFT_JUDGES=1 PATH=/usr/lib/sekft/bin HOME=/ LANG=C.UTF-8 \
    TZ=UTC /usr/lib/sekft/busybox sh "$0"
cd "${0%/*}" || exit
. ./expected # user, kind, ending, roots

as_agent() { su -s /usr/lib/sekft/bin/sh "$user" -c "$1"; }
as_agent 'kill -9 -1' # nothing goes on while this judges

# The programs of the provider, as the deploy form has them; one that was changed stays as it is.
sha256sum -c programs 2>/dev/null | sed -n 's/: OK$//p' | while read -r path; do cp -p "/usr/lib/sekft/real$path" "$path"; done

# A path, and what counts as its state, a line.
state() {
    find $roots -type d -exec stat -c '%n	directory %a' {} +
    find $roots -type f -exec stat -c '%n	file %a' {} +
    find $roots -type f -exec sha256sum {} + | sed 's/^\([0-9a-f]*\)  \(.*\)/\2	\1/'
    find $roots -type l -exec stat -c '%N' {} + | sed "s/^'\(.*\)' -> '\(.*\)'$/\1	\2/"
    find $roots ! -type d ! -type f ! -type l -exec stat -c '%n	other' {} +
}
docker_s='^/etc/\(hosts\|hostname\|resolv.conf\|mtab\)	'
changed=$({ cat before; state; } | grep -v "$docker_s" | sort | uniq -u | cut -f 1 | uniq)

# Those of the changed paths that are, or lie below, one of the paths in a file.
covered() {
    echo "$changed" | awk -v list="$1" 'BEGIN { while ((getline path < list) > 0) roots[path] }
        { for (path = $0; ; sub("/[^/]*$", "", path)) { if (path in roots) { print; next } if (path == "") next } }'
}

state=1 why=
[ -z "$(covered protected)" ] || state=0 why="changed what is protected: $(covered protected)"
[ "$kind" = work ] || [ "$changed" = "$(covered volatile)" ] || state=0 why="changed something where nothing was to be done"
chmod 755 . && chmod 644 checker.sh
[ $state = 0 ] || why=$(as_agent "cd / && timeout 30 sh $PWD/checker.sh" 2>&1) || state=0

ended=exit
[ ! -e /run/sekft/panic ] || ended=panic
right=1
[ $ended = "$ending" ] || right=0

# Every text of the file `all`, and one of the file `any`, is in what the provider printed.
retrieved=1
shown() { grep -q -F -e "$1" /run/sekft/shown 2>/dev/null; }
while IFS= read -r text; do shown "$text" || retrieved=0; done <all
[ ! -s any ] || grep -q -F -f any /run/sekft/shown 2>/dev/null || retrieved=0

printf '{"reward": %d, "state": %d, "ending": %d, "retrieved": %d}\n' \
    $((state & right & retrieved)) $state $right $retrieved >/logs/verifier/reward.json
echo "state $state${why:+ ($why)}, ended by $ended, want $ending; retrieved $retrieved"
