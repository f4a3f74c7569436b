# What the tours share: a narrated step, a check, and values out of JSON documents.
# A tour runs with BIN (the programs) in the environment and leaves nothing behind.

PATH="${BIN:?say where the programs are}:$PATH"
export PATH
WORK=${WORK:-$(mktemp -d /tmp/gpulet-tour.XXXXXX)}
NET=$WORK/net
XDG_RUNTIME_DIR=$WORK/runtime
export XDG_RUNTIME_DIR
mkdir -p "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"

step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }

# Shows a command as a person would type it, then runs it.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

# on NODE COMMAND...: a gpulet command of a node; show NODE COMMAND... prints it first.
on() {
    node=$1
    shift
    gpulet --dir "$NET" --node "$node" "$@"
}
show() {
    node=$1
    shift
    printf '$ gpulet --node %s %s\n' "$node" "$*"
    gpulet --dir "$NET" --node "$node" "$@"
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# equal WHAT WANTED GOT
equal() {
    [ "$2" = "$3" ] || fail "$1: wanted \"$2\", got \"$3\""
    note "$1: $3"
}

# The values of a key in a pretty-printed JSON document on stdin, a line each.
values() {
    sed -n 's/^ *"'"$1"'": "\{0,1\}\([^"]*[^",]\)"\{0,1\},\{0,1\}$/\1/p'
}

# The same, the first one only.
value() {
    values "$1" | head -n 1
}

# wait_until SECONDS WHAT COMMAND...: until the command succeeds.
wait_until() {
    left=$(($1 * 10))
    what=$2
    shift 2
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "$what did not happen in time"
        sleep 0.1
    done
}

clean_up() {
    code=$?
    trap - EXIT INT TERM
    [ ! -f "$NET/network.json" ] || gpulet testnet down --dir "$NET" >/dev/null 2>&1 || code=1
    if [ "$code" -eq 0 ]; then
        rm -rf "$WORK"
    else
        echo "kept for a look: $WORK" >&2
    fi
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
