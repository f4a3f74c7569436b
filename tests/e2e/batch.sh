#!/bin/sh
# The batch lane: two renters bid at an auctioneer, whose clearing anybody can compute anew; what it gave
# becomes leases at one price for all, and a falsified file is found out.
set -eu
. tests/e2e/lib/steps.sh
EPOCH=5

rows() { "$TESTS/tools/json_rows" "$@" | tr '\t' ' '; }
gpulet testnet up --hosts 9 --renters 3 --seed 5 --dir "$NET" >/dev/null
on renter-3 config set auction "$EPOCH" 2>/dev/null
gpulet testnet kill renter-3 --dir "$NET" 2>/dev/null
gpulet testnet restart renter-3 --dir "$NET" 2>/dev/null
knows() { on "$1" peers --json | grep -q '"renter-3"'; }
sees_all() { [ "$(on renter-3 listings --json | rows listings listing | wc -l)" -eq 9 ]; }
wait_until 20 "the auctioneer's listings" sees_all
wait_until 20 "the auctioneer at renter-1" knows renter-1
wait_until 20 "the auctioneer at renter-2" knows renter-2

# What is no bid is refused with a sentence.
code 2 on renter-1 request --batch --units 0.3 --unit-price 2/h -- true
code 2 on renter-1 request --units 0.3 -- true
code 2 on renter-1 request --batch --auctioneer renter-3 --units 0.3 --unit-price 2/h --max-price 0.1/h -- true
code 1 on renter-1 request --batch --auctioneer nobody --units 0.3 --unit-price 2/h -- true

# Ten bids in one epoch.
while [ $(($(date +%s) % EPOCH)) -ne 0 ]; do sleep 0.1; done
for price in 8.1 8.2 8.3 8.4 8.5; do
    for renter in renter-1 renter-2; do
        on "$renter" request --batch --auctioneer renter-3 --units 0.35 --unit-price "$price/h" \
            --for 2m -- echo "won by $renter" >/dev/null
    done
done
on renter-2 request --batch --auctioneer renter-1 --units 0.3 --unit-price 2/h -- true >/dev/null
is_refused() { on renter-2 requests --json | grep -q 'collects no bids'; }
wait_until 20 "the refusal of a node that is no auctioneer" is_refused

clearings() { on "$1" clear --json | rows clearings clearing bids price_uusd_per_hour; }
is_cleared() { clearings "$1" | awk '$2 >= 8 && $3 > 0 { found = 1 } END { exit !found }'; }
wait_until 30 "a clearing with one price" is_cleared renter-3
wait_until 20 "the same at a bidder" is_cleared renter-1
id=$(clearings renter-3 | awk '$2 >= 8 && $3 > 0 { print $1; exit }')
on renter-3 clear --export "$id" --output "$WORK/epoch.clearing"
on renter-1 clear --export "$(printf '%.10s' "$id")" >"$WORK/bidder.clearing"
cmp "$WORK/epoch.clearing" "$WORK/bidder.clearing" || fail "two files of one clearing"
code 1 on renter-3 clear --export ffffffffff
code 2 gpulet clear --verify "$WORK/epoch.clearing" --export "$id"

# Anybody computes it anew, with no node at all.
gpulet clear --verify "$WORK/epoch.clearing" >"$WORK/valid" || fail "the clearing is not valid"
grep -q '^valid' "$WORK/valid" || fail "no word on it"
gpulet clear --verify "$WORK/epoch.clearing" --json |
    rows fills renter host paid_uusd_per_hour >"$WORK/fills"
[ "$(wc -l <"$WORK/fills")" -ge 8 ] || fail "too few fills"

# A changed byte, wherever it is, is found out.
size=$(wc -c <"$WORK/epoch.clearing")
for part in 1 2 3 4 5 6 7 8 9; do
    cp "$WORK/epoch.clearing" "$WORK/false.clearing"
    at=$((size * part / 10))
    byte=$(od -An -tu1 -j "$at" -N 1 "$WORK/false.clearing" | tr -d ' ')
    printf "\\$(printf '%03o' $(((byte + 1) % 256)))" |
        dd of="$WORK/false.clearing" bs=1 seek="$at" conv=notrunc 2>/dev/null
    code 1 gpulet clear --verify "$WORK/false.clearing"
    gpulet clear --verify "$WORK/false.clearing" 2>&1 | grep -q 'no valid clearing: .' ||
        fail "no sentence on byte $at"
done

# The leases are at the clearing's prices, none under its host's ask, and run the job.
has_lease() { on renter-1 leases --json | grep -q '"lease":'; }
wait_until 30 "a lease" has_lease
renter=$(on renter-1 status --json | value identity)
on renter-1 leases --json | rows leases lease peer ask_uusd_per_hour >"$WORK/leases"
awk -v r="$renter" '$1 == r { print $2, $3 }' "$WORK/fills" >"$WORK/given"
on renter-1 listings --json | rows listings host ask_uusd_per_hour >"$WORK/asks"
matching=0
while read -r lease peer paid; do
    ask=$(awk -v h="$peer" '$1 == h { print $2 }' "$WORK/asks")
    [ "$paid" -ge "$ask" ] || fail "lease $lease pays $paid, under the ask of $ask"
    ! awk -v h="$peer" -v p="$paid" '$1 == h && $2 == p { f = 1 } END { exit !f }' "$WORK/given" ||
        matching=$((matching + 1))
done <"$WORK/leases"
[ "$matching" -ge 1 ] || fail "no lease at a price of the clearing"
lease=$(head -n 1 "$WORK/leases" | cut -d' ' -f1)
wait_until 20 "the end of the job" lease_has renter-1 "$lease" state closed
equal "its output" "won by renter-1" "$(on renter-1 lease logs "$lease")"
