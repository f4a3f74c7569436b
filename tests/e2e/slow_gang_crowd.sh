#!/bin/sh
# A crowd of hosts: GANG_ROUNDS times a gang of 20 with 5 spares over 30 hosts of which some are killed: at
# least the minimum runs, or nobody pays. Then DUELS times two gangs of 20 over the 30 hosts: one of them
# gets in.
. tests/e2e/lib/network.sh

network_up --hosts 30 --renters 2 --seed 5

listings() { [ "$(on "$1" listings --json | rows listings host | wc -l)" -ge 30 ]; }
wait_for 60 "all hosts are known" listings renter-1
wait_for 60 "all hosts are known" listings renter-2

# Killed hosts, at any time: before, during and after admission.
round=0
admitted=0
while [ "$round" -lt "${GANG_ROUNDS:-1}" ]; do
    round=$((round + 1))
    on renter-1 leases --all --json | rows leases lease >"$WORK/known"
    on renter-1 rent --hosts 20 --gang-min 18 --spares 5 --for 5m -- sh -c 'echo "begin $RANK"; sleep 12; echo end' \
        >"$WORK/out" 2>"$WORK/err" &
    job=$!
    : >"$WORK/lost"
    for i in 1 2 3; do
        sleep "0.$(random_below 9)"
        lost=host-$((1 + $(random_below 30)))
        gpulet --dir "$NET" testnet kill "$lost" -9 2>/dev/null && echo "$lost" >>"$WORK/lost"
    done
    code=0
    wait "$job" || code=$?
    begun=$(grep -c begin "$WORK/out")
    echo "round $round: code $code, $begun began, lost $(tr '\n' ' ' <"$WORK/lost")"
    if [ "$begun" -gt 0 ] || grep -q 'runs on' "$WORK/err"; then
        admitted=$((admitted + 1))
        world=$(sed -n 's/^gpulet: gang .* runs on \([0-9]*\) hosts/\1/p' "$WORK/err")
        [ "$world" -ge 18 ] || fail "a gang of at least 18 began with $world"
    else
        paid=$(on renter-1 leases --all --json | rows leases lease charged_uusd |
            grep -v -F -f "$WORK/known" | awk -F '\t' '$2 != 0' | wc -l)
        [ "$paid" -eq 0 ] || fail "$paid leases of a gang that was not admitted cost something"
    fi
    sort -u "$WORK/lost" | while read -r lost; do
        gpulet --dir "$NET" testnet restart "$lost" 2>/dev/null
    done
    wait_for 90 "all members are settled" no_open_leases renter-1
done
echo "gangs under killed hosts: $admitted of $round were admitted"

# Two that want the same hosts.
round=0
won=0
while [ "$round" -lt "${DUELS:-3}" ]; do
    round=$((round + 1))
    for renter in 1 2; do
        { on renter-$renter rent --hosts 20 --for 2m -- sh -c 'echo begin; sleep 2' >"$WORK/duel.$renter" \
            2>"$WORK/duel.$renter.err"; echo $? >"$WORK/duel.$renter.code"; } &
    done
    wait
    one=$(grep -c begin "$WORK/duel.1")
    two=$(grep -c begin "$WORK/duel.2")
    echo "duel $round: codes $(cat "$WORK/duel.1.code") $(cat "$WORK/duel.2.code"), $one and $two began"
    for begun in "$one" "$two"; do
        [ "$begun" -eq 0 ] || [ "$begun" -ge 20 ] || fail "a gang of 20 is partial: $begun"
    done
    for renter in 1 2; do
        [ "$(cat "$WORK/duel.$renter.code")" -ne 0 ] || [ "$(grep -c begin "$WORK/duel.$renter")" -ge 20 ] ||
            fail "renter $renter lost output: $(cat "$WORK/duel.$renter.err")"
    done
    [ "$one" -ge 20 ] || [ "$two" -ge 20 ] || {
        cat "$WORK"/duel.*.err >&2
        continue
    }
    won=$((won + 1))
    wait_for 60 "all are free again" no_open_leases renter-1 renter-2
done
echo "duels of two gangs: in $won of $round one was admitted"
[ $((won * 100)) -ge $((round * 99)) ] || fail "too seldom"
