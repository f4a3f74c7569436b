#!/bin/sh
# One job on many hosts: all of them or none, each told its rank; another host takes a lost one's place;
# one word ends all.
. tests/e2e/lib/network.sh

network_up --hosts 5 --renters 2 --seed 3
members() { on renter-1 leases --all --json | rows leases gang lease rank state charged_uusd reason peer_label; }
gang_of() { sed -n 's/^gpulet: gang \([0-9a-f]*\) runs.*/\1/p' "$1" | head -n 1; }

# Environment, prefixed lines, exit code 0; spares are not started.
on renter-1 rent --hosts 3 --spares 1 -- sh -c \
    'echo "$RANK $WORLD_SIZE $GPULET_GANG_RANK $OMPI_COMM_WORLD_RANK $PMI_RANK $NODE_RANK $MASTER_ADDR $LOCAL_RANK"' \
    >"$WORK/out" 2>"$WORK/err" || fail "a gang of three: $(cat "$WORK/err")"
for rank in 0 1 2; do
    grep -q -x "\[$rank\] $rank 3 $rank $rank $rank $rank rank-0.gpulet 0" "$WORK/out" ||
        fail "rank $rank is not told who it is: $(cat "$WORK/out")"
done
[ "$(wc -l <"$WORK/out")" -eq 3 ] || fail "more than three members wrote"
[ "$(members | grep -c closed)" -eq 3 ] || fail "not three leases are closed"

# One member's output alone, and the first exit code that is not 0.
code=0
on renter-1 rent --hosts 3 --rank 1 -- sh -c 'printf "only $RANK"; [ "$RANK" != 2 ] || { sleep 0.5; exit 7; }' \
    >"$WORK/out" 2>"$WORK/err" || code=$?
[ "$code" -eq 7 ] || fail "the exit code is $code: $(cat "$WORK/err")"
[ "$(cat "$WORK/out")" = "only 1" ] || fail "not rank 1 alone: $(cat "$WORK/out")"

# More than there are: nothing is held, nothing paid.
code=0
on renter-1 rent --hosts 6 -- true 2>"$WORK/err" || code=$?
[ "$code" -eq 1 ] || fail "six of five hosts: $code"
wait_for 5 "nothing is held" no_open_leases renter-1

# A host is lost: a spare takes its rank over, and the job goes on to its end.
on renter-1 rent --hosts 3 --for 3m -- sh -c 'echo "begin $RANK $GPULET_GANG_GENERATION"; sleep 14; echo "end $RANK"' \
    >"$WORK/out" 2>"$WORK/err" &
job=$!
begun() { [ "$(grep -c "begin" "$WORK/out")" -eq "$1" ]; }
wait_for 20 "three members run" begun 3
lost=$(members | awk -F '\t' '$4 == "active" && $3 == 2 { print $7 }')
gpulet --dir "$NET" testnet kill "$lost" -9 2>/dev/null
wait_for 30 "a spare runs" begun 4
grep -q -x '\[2\] begin 2 2' "$WORK/out" || fail "the spare has no rank 2: $(cat "$WORK/out")"
code=0
wait "$job" || code=$?
[ "$code" -eq 0 ] || fail "with a spare the job ends well: $code: $(cat "$WORK/err")"
for rank in 0 1 2; do
    grep -q -x "\[$rank\] end $rank" "$WORK/out" || fail "rank $rank did not end: $(cat "$WORK/out")"
done
gpulet --dir "$NET" testnet restart "$lost" 2>/dev/null
wait_for 40 "the lost one is settled" no_open_leases renter-1

# One word ends all of a detached one; leases show the gang.
gang=$(on renter-1 rent --hosts 3 --detach -- sleep 9753 2>"$WORK/err") || fail "detached: $(cat "$WORK/err")"
[ "$(members | grep -c "^$gang.*active")" -eq 3 ] || fail "the leases do not show their gang"
on renter-1 lease end "$(printf '%.10s' "$gang")" || fail "the gang is not ended by its id"
wait_for 20 "all members end" no_open_leases renter-1
