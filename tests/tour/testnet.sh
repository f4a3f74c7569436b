#!/bin/sh
# A tour: a whole network on this machine. Hosts offer cards, a renter runs jobs on them and pays, a
# host dies and comes back, an owner wants a card back; and everything adds up. Ends with 0 only when
# all of it was as it should be.
set -eu
. "$(dirname "$0")/lib.sh"

renter() { on renter-1 "$@"; }
lease_state() { renter lease show "$1" --json | value state; }
is_state() { [ "$(lease_state "$1")" = "$2" ]; }

step "A network of four hosts and two renters, each a real gpuletd of its own"
run gpulet testnet up --hosts 4 --renters 2 --seed 1 --dir "$NET"

step "What the first renter sees"
show renter-1 status
show renter-1 listings
equal "listings" 4 "$(renter listings --json | values listing | wc -l)"

step "What would fit, best first, and why the others do not"
show renter-1 search --work infer --vram 16GiB --for 10m --explain
renter search --gpu rtx4090 --vram 48GiB 2>"$WORK/why" && fail "filters contradict each other"
note "$(head -n 1 "$WORK/why")"

step "A job on a rented card: its output and its exit code are ours"
code=0
renter rent --work infer --vram 8GiB --for 2m -- sh -c 'echo hi-$((6*7)); exit 7' \
    >"$WORK/out" 2>"$WORK/err" || code=$?
cat "$WORK/err"
equal "output" hi-42 "$(cat "$WORK/out")"
equal "exit code" 7 "$code"

step "Input and output through a pipe, byte by byte"
head -c 20000000 /dev/urandom >"$WORK/bytes"
begin=$(date +%s%N)
renter rent --vram 8GiB --for 2m -- cat <"$WORK/bytes" >"$WORK/back" 2>"$WORK/err"
end=$(date +%s%N)
cmp "$WORK/bytes" "$WORK/back" || fail "the bytes changed on the way"
note "20 MB there and back in $(((end - begin) / 1000000)) ms"

step "A job that is left running, and its meter"
lease=$(renter rent --vram 8GiB --for 5m --detach -- \
    sh -c 'for i in 1 2 3 4 5 6 7 8; do echo "tick $i"; sleep 1; done' 2>"$WORK/err")
cat "$WORK/err"
wait_until 20 "the meter's first tick" sh -c \
    "gpulet --dir '$NET' --node renter-1 lease show $lease --json | grep -q '\"run_ms\": [1-9]'"
first=$(renter lease show "$lease" --json | value run_ms)
sleep 3
second=$(renter lease show "$lease" --json | value run_ms)
[ "$second" -gt "$first" ] || fail "the meter stands: $first ms, then $second ms"
note "the meter went from $first ms to $second ms"
show renter-1 lease logs -f "$lease" >"$WORK/log"
equal "lines of its log" 8 "$(grep -c '^tick' "$WORK/log")"
wait_until 20 "the end of the lease" is_state "$lease" closed

step "Both sides hold the same receipt"
owner=$(renter lease show "$lease" --json | value peer_label)
renter receipts show "$lease" --json >"$WORK/renter.json"
on "$owner" receipts show "$lease" --json >"$WORK/host.json"
for key in lease host renter amount_uusd run_ms reason; do
    equal "$key" "$(value "$key" <"$WORK/renter.json")" "$(value "$key" <"$WORK/host.json")"
done
renter receipts export "$lease" --output "$WORK/receipt"
run gpulet receipts verify "$WORK/receipt"
cp "$WORK/receipt" "$WORK/forged"
printf '\377' | dd of="$WORK/forged" bs=1 seek=200 conv=notrunc 2>/dev/null
gpulet receipts verify "$WORK/forged" 2>"$WORK/err" && fail "a forged receipt was believed"
note "a changed byte is noticed: $(head -n 1 "$WORK/err")"

step "The books: what was spent is what was earned"
show renter-1 ledger
sum() { awk '{ sum += $1 } END { print sum + 0 }'; }
spent=$(renter spending --json | values spent_uusd | sum)
earned=$(for i in 1 2 3 4; do on "host-$i" earnings --json | values earned_uusd; done | sum)
equal "spent and earned, in millionths of a dollar" "$spent" "$earned"
charged=$(renter receipts --json | values amount_uusd | sum)
equal "the sum of the receipts" "$spent" "$charged"

step "A host's daemon is killed in the middle of a job, and comes back"
lease=$(renter rent --vram 8GiB --for 5m --detach -- \
    sh -c 'for i in $(seq 12); do echo "line $i"; sleep 1; done; echo done' 2>/dev/null)
owner=$(renter lease show "$lease" --json | value peer_label)
sleep 2
run gpulet testnet kill "$owner" -9 --dir "$NET"
sleep 2
run gpulet testnet restart "$owner" --dir "$NET"
wait_until 60 "the end of the lease" is_state "$lease" closed
renter lease logs "$lease" >"$WORK/log"
equal "lines of its log" 13 "$(wc -l <"$WORK/log")"
equal "how it ended" job_exited "$(renter lease show "$lease" --json | value reason)"

step "A card that is taken: the second renter is told when it frees up"
listing=$(renter search --gpu rtx4090 --json | value listing)
lease=$(renter rent --listing "$listing" --for 3m --detach -- sleep 100 2>/dev/null)
owner=$(renter lease show "$lease" --json | value peer_label)
code=0
on renter-2 rent --listing "$listing" --for 1m -- true 2>"$WORK/err" || code=$?
cat "$WORK/err"
equal "exit code" 1 "$code"

step "The owner wants the card back"
show "$owner" reclaim
wait_until 20 "the end of the lease" is_state "$lease" closed
equal "how it ended" reclaimed "$(renter lease show "$lease" --json | value reason)"
equal "state of the cards" paused "$(on "$owner" gpus --json | value state)"
show "$owner" resume

step "All of it goes away"
pids=$(gpulet testnet ps --dir "$NET" --json | values pid)
run gpulet testnet down --dir "$NET"
for pid in $pids; do
    [ ! -d "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status" || fail "process $pid runs"
done
[ ! -e "$NET" ] || fail "$NET is still there"
printf '\nThe tour is over, and everything was as it should be.\n'
