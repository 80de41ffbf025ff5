fail() { echo "$1"; exit 1; }
# plain PATH: a file, and no link.
plain() { [ -f "$1" ] && [ ! -L "$1" ] || fail "$1: saw $(ls -ld "$1" 2>&1 | head -c 200), want a plain file"; }
# differs PATH WANT: say so.
differs() {
  fail "$1: saw
$(head -c 500 "$1" | cat -v)
want
$(printf %s "$2" | head -c 500 | cat -v)"
}
# text PATH TEXT: this text and nothing else; whether its last line is ended is free.
text() {
  plain "$1"
  printf '%s\n' "$2" | cmp -s - "$1" || printf %s "$2" | cmp -s - "$1" || differs "$1" "$2"
}
# without_nul PATH: of a bounded size, and text.
without_nul() { [ "$(stat -c %s "$1")" -le 262144 ] && [ "$(tr -dc '\000' < "$1" | wc -c)" -eq 0 ]; }
# words PATH TEXT: as text, but any blanks and tabs may part the words of a line.
words() {
  plain "$1"
  without_nul "$1" && [ "$(awk '{ $1 = $1; print }' "$1"; echo .)" = "$(printf '%s\n' "$2" | awk '{ $1 = $1; print }'; echo .)" ] ||
    differs "$1" "$2"
}
# lines PATH TEXT: as text, but the lines may come in any order.
lines() {
  plain "$1"
  without_nul "$1" && [ "$(LC_ALL=C sort "$1"; echo .)" = "$(printf '%s\n' "$2" | LC_ALL=C sort; echo .)" ] ||
    differs "$1" "$2"
}
# check PATH SCRIPT: a file of which the script says that it is right.
check() {
  plain "$1"
  said=$( (script=$2; set -- "$1"; eval "$script") 2>&1 ) || fail "$1: its check fails: $2
$(printf %s "$said" | head -c 500)"
}
# link PATH TARGET: a link that leads there, whichever way.
link() {
  [ -L "$1" ] || fail "$1: want a link to $2"
  [ "$(readlink "$1")" = "$2" ] || [ "$(readlink -f "$1")" = "$(cd "$(dirname "$1")" && readlink -f "$2")" ] ||
    fail "$1: saw a link to $(readlink "$1"), want $2"
}
# folder PATH: a folder, and no link.
folder() { [ -d "$1" ] && [ ! -L "$1" ] || fail "$1: saw $(ls -ld "$1" 2>&1 | head -c 200), want a folder"; }
# mode PATH MODE: its permission bits.
mode() { [ "$(stat -c %a "$1")" = "$2" ] || fail "$1: saw mode $(stat -c %a "$1"), want $2"; }
# holds PATH SHA256: a plain file of these bytes.
holds() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(sha256sum < "$1" | cut -c 1-64)" = "$2" ]; }
# left PATH SHA256: a file that the work leaves so.
left() { holds "$1" "$2" || fail "$1: saw $(head -c 500 "$1" 2>&1 | cat -v), want what the reference leaves there"; }
# unlike SEEN WANT: the lines that are in one listing alone.
unlike() {
  fail "what nobody asked for is not as it was; saw, and want otherwise:
$(printf '%s\n' "$1" | grep -vxF -e "$2" | head -n 8)
want, and saw otherwise:
$(printf '%s\n' "$2" | grep -vxF -e "$1" | head -n 8)"
}
