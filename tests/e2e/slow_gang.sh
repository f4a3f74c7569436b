#!/bin/sh
# Gangs for longer: below the minimum all end, and a standing request of several hosts waits for them.
. tests/e2e/lib/network.sh

network_up --hosts 5 --renters 2 --seed 3
members() { on renter-1 leases --all --json | rows leases gang lease rank state charged_uusd reason peer_label; }

# Two of four lost, and one free host cannot take both: below the minimum all end; what ran is paid.
on renter-1 rent --hosts 4 --gang-min 4 --for 3m -- sleep 9753 >"$WORK/out" 2>"$WORK/err" &
job=$!
all_run() { [ "$(members | grep -c -P '\tactive\t')" -eq 4 ]; }
wait_for 20 "four members run" all_run
for lost in $(members | awk -F '\t' '$4 == "active" && $3 < 2 { print $7 }'); do
    gpulet --dir "$NET" testnet kill "$lost" -9 2>/dev/null
    echo "$lost" >>"$WORK/lost"
done
code=0
wait "$job" || code=$?
[ "$code" -eq 125 ] || fail "below the minimum the code is $code: $(cat "$WORK/err")"
grep -q 'fewer than 4 hosts' "$WORK/err" || fail "no word why: $(cat "$WORK/err")"
while read -r lost; do
    gpulet --dir "$NET" testnet restart "$lost" 2>/dev/null
done <"$WORK/lost"
wait_for 60 "all are settled" no_open_leases renter-1

# A standing request of several hosts waits until they are free.
on renter-2 rent --hosts 3 --detach -- sleep 20 >/dev/null 2>&1 || fail "the other renter's gang"
on renter-1 request --hosts 3 --for 1m -- sh -c 'echo filled $RANK' >/dev/null 2>&1 || fail "a request"
filled() { [ "$(on renter-1 leases --json | rows leases exit_code run_ms state | grep -c closed)" -ge "$1" ]; }
closed=$(on renter-1 leases --json | rows leases state | grep -c closed)
wait_for 90 "the request is filled" filled $((closed + 3))
