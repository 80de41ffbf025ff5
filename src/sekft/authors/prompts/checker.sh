fail() { echo "$1"; exit 1; }
# same PATH TEXT: a file, no link, that holds this text and nothing else; whether its last line is ended is free.
same() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  printf '%s\n' "$2" | cmp -s - "$1" || printf %s "$2" | cmp -s - "$1"
}
# words PATH TEXT: as `same`, but any blanks and tabs may part the words of a line; TEXT has single blanks.
words() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -le 65536 ] || return 1
  [ "$(tr -dc '\000' < "$1" | wc -c)" -eq 0 ] && [ "$(awk '{ $1 = $1; print }' "$1"; echo .)" = "$2
." ]
}
results=:
# result same|words PATH TEXT [BEFORE]: a file that the work makes. A tool may leave a backup of what it held BEFORE.
result() {
  "$1" "$2" "$3" || fail "$2 is not as asked"
  results=$results$2:
  [ $# -gt 3 ] || return 0
  for backup in "$2.orig" "$2.bak" "$2~"; do ! same "$backup" "$4" || results=$results$backup:; done
}
# folder PATH: a folder that the work makes.
folder() { [ -d "$1" ] && [ ! -L "$1" ] || fail "$1 is no folder"; results=$results$1:; }
# tree PATH…: all that lies under these, but what the work makes: kind, mode and path, and the text of files.
tree() {
  find "$@" -mindepth 1 | LC_ALL=C sort | while IFS= read -r path; do
    case $results in *":$path:"*) continue ;; esac
    if [ -L "$path" ]; then echo "link $path to $(readlink "$path")"
    elif [ -d "$path" ]; then stat -c 'dir %a %n' "$path"
    elif [ -f "$path" ] && [ "$(stat -c %s "$path")" -le 65536 ]; then
      stat -c 'file %a %n' "$path"
      tr '\000' '\001' < "$path"
    else echo "other $path"; fi
  done
}
