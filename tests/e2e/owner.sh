#!/bin/sh
# The owner comes first: reclaim, pause, resume, and what the renter is told.
set -eu
. tests/e2e/lib/steps.sh

gpulet testnet up --hosts 1 --renters 2 --seed 9 --dir "$NET" >/dev/null

# A running job ends when the owner wants the card; the renter gets 125 and the reason.
on renter-1 rent -n --for 5m -- sh -c 'echo begun; sleep 8642' >"$WORK/out" 2>"$WORK/err" &
renting=$!
wait_until 10 "the job" grep -q begun "$WORK/out"

# The card is taken: another renter is told when it frees up.
code 1 on renter-2 rent -n --for 1m -- true
has "when it frees up" "$WORK/err" 'free'

begin=$(date +%s%N)
on host-1 reclaim >/dev/null 2>&1
got=0
wait "$renting" || got=$?
took=$((($(date +%s%N) - begin) / 1000000))
equal "exit code" 125 "$got"
[ "$took" -lt 5000 ] || fail "the renter was told after $took ms"
lease=$(on renter-1 leases --json | value lease)
wait_until 10 "the receipt" lease_has renter-1 "$lease" state closed
equal "reason" reclaimed "$(on renter-1 lease show "$lease" --json | value reason)"
equal "sleepers left" 0 "$(pgrep -x -f 'sleep 8642' | wc -l)"

# Paused, nothing is accepted; resumed, everything is as before.
equal "state" paused "$(on host-1 gpus --json | value state)"
code 1 on renter-1 rent -n --for 1m -- true
on host-1 resume >/dev/null 2>&1
wait_until 10 "renting after resume" on renter-1 rent -n --for 1m -- true
on host-1 pause >/dev/null 2>&1
code 1 on renter-1 rent -n --for 1m -- true
on host-1 resume >/dev/null 2>&1

# The owner plays: the file stands for the game that would be noticed on a real card.
on renter-1 rent -n --for 5m -- sleep 8642 2>"$WORK/err" &
renting=$!
wait_until 10 "the job" sh -c "gpulet --dir '$NET' --node host-1 leases --json | grep -q active"
echo all >"$NET/host-1/owner-uses"
got=0
wait "$renting" || got=$?
equal "exit code" 125 "$got"
wait_until 10 "the owner's card" sh -c \
    "gpulet --dir '$NET' --node host-1 gpus --json | grep -q 'busy: owner'"
equal "sleepers left" 0 "$(pgrep -x -f 'sleep 8642' | wc -l)"
code 1 on renter-1 rent -n --for 1m -- true
rm "$NET/host-1/owner-uses"
wait_until 10 "renting when the owner is gone" on renter-1 rent -n --for 1m -- true

# A renter that is not wanted.
bad=$(on renter-2 status --json | value identity)
on host-1 deny renter-2 2>/dev/null
code 1 on renter-2 rent -n --for 1m -- true
code 1 on host-1 allow nobody
on host-1 allow "$(printf '%.12s' "$bad")" 2>/dev/null
wait_until 10 "renting when allowed" on renter-2 rent -n --for 1m -- true

# The host ends a lease: 125 as well.
on renter-1 rent -n --for 5m -- sleep 8642 2>"$WORK/err" &
renting=$!
wait_until 10 "the job" sh -c "gpulet --dir '$NET' --node host-1 leases --json | grep -q active"
lease=$(on host-1 leases --json | grep -B 6 '"active"' | value lease)
on host-1 lease end "$lease" >/dev/null 2>&1
got=0
wait "$renting" || got=$?
equal "exit code" 125 "$got"
