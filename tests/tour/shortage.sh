#!/bin/sh
# The shortage of August 2023, cleared over ten million generated listings of gamers. LISTINGS=100k for
# fewer, SEED=n for others. It checks what it shows: no H100 and no dollar is made or lost.
set -eu
WORK=$(mktemp -d /tmp/gpulet-shortage.XXXXXX)
trap 'rm -rf "$WORK"' EXIT INT TERM
listings=${LISTINGS:-10M}
seed=${SEED:-1}

printf '$ gpulet market --scenario %s --seed %s\n\n' "$listings" "$seed"
gpulet market --scenario "$listings" --seed "$seed"

gpulet market --scenario "$listings" --seed "$seed" --json >"$WORK/shortage.json"
awk '
function number() { value = $2; sub(/,$/, "", value); return value + 0 }
function fail(why) { print "FAILED: " why > "/dev/stderr"; failed = 1 }
$1 == "\"h100_wanted\":" { demand += number() }
$1 == "\"units_wanted\":" { wanted = number(); all_wanted += wanted; bids++ }
$1 == "\"bid_uusd_per_h100e_hour\":" { bid = number() }
$1 == "\"units_served\":" { served = number(); if (served > wanted) fail("more served than wanted") }
$1 == "\"paid_uusd_per_hour\":" {
    paid = number()
    all_paid += paid
    if (paid * 65536 > bid * served) fail("somebody paid more than the bid")
}
$1 == "\"earned_uusd_per_hour\":" { earned += number() }
$1 == "\"slots_rented\":" { rented = number(); if (rented > slots) fail("more rented than offered") }
$1 == "\"slots\":" { slots = number() }
END {
    if (bids == 0 || all_paid == 0) fail("there is no result")
    if (demand != 432000) fail("the demand is not 432,000 H100")
    if (all_wanted > 432000 * 65536 || all_wanted + bids < 432000 * 65536) fail("bids lack demand")
    if (all_paid != earned) fail("paid " all_paid ", earned " earned)
    exit failed
}' "$WORK/shortage.json"
echo 'checked: nobody got more than wanted or paid more than bid; what buyers pay, hosts earn'
