# Sourced by the scripts of this folder: a network of real nodes below $WORK, and words for what they do.
# A script gets BIN, TESTS and WORK from tests/run/e2e.sh; whatever it starts is ended when it ends.
set -u
NET=$WORK/net
XDG_RUNTIME_DIR=$WORK/runtime
export XDG_RUNTIME_DIR
mkdir -p -m 700 "$XDG_RUNTIME_DIR"
unset XDG_DATA_HOME

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# skip WHY: this machine cannot show it.
skip() {
    echo "skipped: $*"
    exit 0
}

# Milliseconds of a clock.
now_ms() {
    date +%s%3N
}

# Whole numbers from the kernel's generator: random_below LIMIT.
random_below() {
    echo $(($(od -An -N4 -tu4 /dev/urandom | tr -d ' ') % $1))
}

# network_up OPTION...: starts the network in $NET.
network_up() {
    gpulet testnet up --dir "$NET" "$@" >"$WORK/up.out" 2>&1 || {
        cat "$WORK/up.out" >&2
        fail "the network did not start"
    }
}

# on NODE COMMAND...: asks a node.
on() {
    on_node=$1
    shift
    gpulet --dir "$NET" --node "$on_node" "$@"
}

# rows LIST FIELD... <JSON: see tests/tools/json_rows.c.
rows() {
    "$TESTS/tools/json_rows" "$@"
}

# node_field NODE FIELD: of `gpulet status`.
node_field() {
    on "$1" status --json | rows . "$2"
}

# The process of a node as the network knows it, running or not.
node_pid() {
    gpulet --dir "$NET" testnet ps --json | rows nodes name pid | awk -v n="$1" '$1 == n { print $2 }'
}

# Starts a node again with more settings; the network does not know its process any more.
restart_with() { # NODE OPTION...
    with_node=$1
    shift
    gpulet --dir "$NET" testnet kill "$with_node" 2>/dev/null || fail "$with_node does not end"
    setsid gpuletd --data "$NET/$with_node" "$@" >>"$NET/$with_node.log" 2>&1 </dev/null &
    wait_for 20 "$with_node answers" answers "$with_node"
}

answers() {
    on "$1" status >/dev/null 2>&1
}

# wait_for SECONDS WHAT COMMAND...: until the command is true.
wait_for() {
    wait_end=$(($(now_ms) + $1 * 1000))
    wait_what=$2
    shift 2
    until "$@"; do
        [ "$(now_ms)" -lt "$wait_end" ] || fail "waited in vain until $wait_what"
        sleep 0.1
    done
}

# lease_field NODE LEASE FIELD: "" when the node does not know the lease.
lease_field() {
    on "$1" leases --all --json | rows leases lease "$3" | awk -v l="$2" -F '\t' '
        index($1, l) == 1 { print $2 }'
}

lease_is() { # NODE LEASE STATE
    [ "$(lease_field "$1" "$2" state)" = "$3" ]
}

# Open leases of a node.
open_leases() {
    on "$1" leases --all --json | rows leases state | grep -cv -x -e closed -e void
}

no_open_leases() { # NODE...
    for quiet_node in "$@"; do
        [ "$(open_leases "$quiet_node")" -eq 0 ] || return 1
    done
}

# A look at all processes must be short, whatever else runs: no process of our own for each of theirs.

# Processes that name a file below $WORK on their command line, and the jobs of its leases: pids.
processes_of_work() {
    ps -ww -eo pid=,args= | below="$WORK/" self=$$ awk '
        index($0, ENVIRON["below"]) && $1 != ENVIRON["self"] { print $1 }'
    job_processes
}

# Processes of this network's jobs: in their control groups, with their lease in the environment, or below
# their supervisors: pids.
job_processes() {
    {
        processes_in_groups
        # shellcheck disable=SC2046
        ps -eo pid=,ppid= | awk -v roots="$(echo $(supervisors))" '
            BEGIN { n = split(roots, list, " "); for (i = 1; i <= n; i++) inside[list[i]] = root[list[i]] = 1 }
            { parent[$1] = $2 }
            END {
                do {
                    grown = 0
                    for (p in parent) if (!(p in inside) && parent[p] in inside) { inside[p] = 1; grown = 1 }
                } while (grown)
                for (p in inside) if (!(p in root)) print p
            }'
    } | sort -u
}

# The processes that hold this network's jobs: pids.
supervisors() {
    ps -ww -eo pid=,args= | begin="gpulet-job --supervise job $NET/" awk '
        { pid = $1; sub(/^ *[0-9]+ /, "") }
        index($0, ENVIRON["begin"]) == 1 { print pid }'
}

processes_in_groups() {
    job_leases=$(for job in "$NET"/*/jobs/*; do [ -d "$job" ] && basename "$job" | cut -c 1-32; done)
    [ -n "$job_leases" ] || return 0
    grep -s -l -a -F "$job_leases" /proc/[0-9]*/cgroup /proc/[0-9]*/environ | cut -d / -f 3
    return 0
}

# Ends everything that was started here, by number.
clean_up() {
    clean_code=$?
    trap - EXIT INT TERM HUP
    if [ "$clean_code" -ne 0 ]; then
        for log in "$NET"/*.log; do
            [ -f "$log" ] && echo "--- $log" && tail -n 25 "$log"
        done >&2
    fi
    gpulet --dir "$NET" testnet down --keep >/dev/null 2>&1
    for round in 1 2 3; do
        left=$(processes_of_work | sort -u)
        [ -n "$left" ] || break
        for pid in $left; do
            kill -9 "$pid" 2>/dev/null
        done
        sleep 0.1
    done
    exit "$clean_code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Resident memory of a process in KiB, anonymous only: anonymous_kib PID.
anonymous_kib() {
    awk '/^Anonymous:/ { print $2 }' "/proc/$1/smaps_rollup"
}

# The most that was resident at any time: peak_kib PID.
peak_kib() {
    awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}
