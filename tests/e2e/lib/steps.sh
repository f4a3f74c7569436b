# What the end-to-end tests share. Each gets BIN, PATH with BIN first, and WORK, an empty directory.

NET=$WORK/net
XDG_RUNTIME_DIR=$WORK/runtime
export XDG_RUNTIME_DIR
mkdir -p "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# equal WHAT WANTED GOT
equal() { [ "$2" = "$3" ] || fail "$1: wanted \"$2\", got \"$3\""; }

# has WHAT FILE WORDS: the file has these words.
has() { grep -q -e "$3" "$2" || fail "$1: \"$3\" is not in: $(cat "$2")"; }

# code WANTED COMMAND...: the exit code; standard error goes to $WORK/err.
code() {
    wanted=$1
    shift
    got=0
    "$@" 2>"$WORK/err" || got=$?
    [ "$got" = "$wanted" ] || fail "exit code of \"$*\": wanted $wanted, got $got: $(cat "$WORK/err")"
}

on() {
    node=$1
    shift
    gpulet --dir "$NET" --node "$node" "$@"
}

# The values of a key in a pretty-printed JSON document on stdin, a line each.
values() { sed -n 's/^ *"'"$1"'": "\{0,1\}\([^"]*[^",]\)"\{0,1\},\{0,1\}$/\1/p'; }
value() { values "$1" | head -n 1; }

# wait_until SECONDS WHAT COMMAND...
wait_until() {
    left=$(($1 * 20))
    what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "$what did not happen in time"
        sleep 0.05
    done
}

runs() { [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status"; }
is_gone() { ! runs "$1"; }

lease_has() { on "$1" lease show "$2" --json | grep -q "\"$3\": \"\{0,1\}$4\"\{0,1\},\{0,1\}$"; }

network_down() {
    status=$?
    trap - EXIT
    if [ -f "$NET/network.json" ]; then
        [ "$status" -eq 0 ] || tail -n 20 "$NET"/*.log >&2
        gpulet testnet down --dir "$NET" || status=1
    fi
    exit "$status"
}
trap network_down EXIT
trap 'exit 130' INT TERM
