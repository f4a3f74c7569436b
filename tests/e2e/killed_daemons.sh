#!/bin/sh
# A job with input and output goes on while either side's daemon is killed and started again: not a
# byte is lost or repeated, and the exit code arrives.
set -eu
. tests/e2e/lib/steps.sh

gpulet testnet up --hosts 1 --renters 1 --seed 6 --dir "$NET" >/dev/null
head -c 20000000 /dev/urandom >"$WORK/bytes"

for victim in renter-1 host-1; do
    rm -f "$WORK/code" "$WORK/back"
    {
        {
            head -c 12000000 "$WORK/bytes"
            while [ ! -e "$WORK/back-again.$victim" ]; do sleep 0.1; done
            tail -c 8000000 "$WORK/bytes"
        } | {
            got=0
            on renter-1 rent --for 5m -- sh -c 'cat; exit 9' >"$WORK/back" 2>"$WORK/err" || got=$?
            echo "$got" >"$WORK/code"
        }
    } &
    wait_until 10 "the first bytes" test -s "$WORK/back"
    gpulet testnet kill "$victim" -9 --dir "$NET" 2>/dev/null
    sleep 0.5
    gpulet testnet restart "$victim" --dir "$NET" 2>/dev/null
    touch "$WORK/back-again.$victim"
    wait
    equal "exit code ($victim killed)" 9 "$(cat "$WORK/code")"
    cmp "$WORK/bytes" "$WORK/back" || fail "other bytes came back ($victim killed)"
    has "the charge ($victim killed)" "$WORK/err" 'charged'
done
