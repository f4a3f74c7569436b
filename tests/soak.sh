#!/bin/sh
# The full counts of every long test of running nodes, and of the simulator. Takes about an hour; each part
# prints its sentence with figures at its end. SOAK_PARTS names some of them only.
set -u
export BIN
failed=0

# part NAME SECONDS SCRIPT [NAME=VALUE...]: a script of tests/e2e with other counts, in a place of its own.
part() {
    name=$1
    limit=$2
    script=$3
    shift 3
    case " ${SOAK_PARTS:-$name} " in
    *" $name "*) ;;
    *) return ;;
    esac
    WORK=$(mktemp -d /tmp/gpulet-soak.XXXXXX)
    export WORK
    start=$(date +%s)
    echo "soak: $name"
    if env "$@" timeout "$limit" sh tests/run/optional.sh "tests/e2e/$script" >"$WORK.log" 2>&1; then
        echo "soak: $name passed in $(($(date +%s) - start)) s: $(tail -n 1 "$WORK.log")"
        rm -rf "$WORK" "$WORK.log"
    else
        tail -n 60 "$WORK.log" >&2
        echo "soak: $name FAILED; kept: $WORK $WORK.log" >&2
        failed=1
    fi
}

part renters 3600 slow_ten_renters.sh COUNT=50
part crash 3600 slow_crash.sh COUNT=200
part disk 600 slow_small_disk.sh
part detached 600 slow_detached.sh
part stalled 600 slow_stalled_daemons.sh
part pipe 600 slow_pipe.sh PIPE_MIB=2000
part peers 600 hostile_peers.sh PARTS=3000000
part book 600 slow_book.sh
part sandbox 600 sandbox.sh
part gangs 7200 slow_gang_crowd.sh GANG_ROUNDS=20 DUELS=100
case " ${SOAK_PARTS:-simulator} " in
*' simulator '*)
    seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
    make --no-print-directory sim SEED="$seed" STEPS="${SOAK_STEPS:-10000000}" || {
        echo "soak: the simulator FAILED with SEED=$seed" >&2
        failed=1
    }
    ;;
esac
[ "$failed" -eq 0 ] && echo "soak: all passed"
exit "$failed"
