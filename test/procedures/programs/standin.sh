# What every stand-in does around `act`, which its own file says: it notes the call, and stops where the test wants the
# command to be killed. Its world is a folder of small files; how a call is told from another is its words on one line.
world=${0%/*}/../world
called="${0##*/} $*"

note() {
  printf '%s\t%s\t%s\t%s\n' "$1" "$(date +%s)" "${PAWL_IDEMPOTENCY_KEY-}" "$called" >> "$world/.calls"
}

# Once, at the call that the test named: `before` it does anything, or `after` it did it and before it answers.
hold() {
  [ -f "$world/.hold" ] || return 0
  read -r when what < "$world/.hold"
  [ "$when" = "$1" ] || return 0
  # shellcheck disable=SC2254 # It is a pattern.
  case $called in $what) ;; *) return 0 ;; esac
  mv "$world/.hold" "$world/.held"
  exec sleep 600 > /dev/null 2>&1
}

put() {
  case $1 in */*) mkdir -p "$world/${1%/*}" ;; esac
  printf '%s\n' "$2" > "$world/$1"
}
get() { cat "$world/$1" 2> /dev/null; }
has() { [ -e "$world/$1" ]; }
gone() { rm -r "${world:?}/$1"; }
refuse() { echo "${0##*/}: $*" >&2; exit 254; }
# The word after an option: `option --region "$@"`.
option() {
  wanted=$1
  shift
  while [ $# -gt 0 ]; do
    [ "$1" = "$wanted" ] && printf '%s' "$2" && return 0
    shift
  done
}
# Says that the call has changed the world: each of them is held against the journal.
did() { note did; }

stand_in() {
  note call
  hold before
  answer=$(act "$@") || exit $?
  hold after
  [ -z "$answer" ] || printf '%s\n' "$answer"
}
