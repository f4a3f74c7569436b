# Ten renters at once on one single-slot host, COUNT times: the slot is never let twice, and everybody ends
# with a job done or with a plain refusal that says when the card is free again.
. tests/e2e/lib/network.sh

count=${COUNT:-1}
renters=10
network_up --hosts 1 --renters "$renters" --seed 11

# Odd renters wait for their turn, even ones take no for an answer.
rent_one() {
    wait=0s
    [ $(($1 % 2)) -eq 0 ] || wait=60s
    on "renter-$1" rent --no-input --wait "$wait" --for 1m -- sh -c "sleep 0.2; echo done by $1" \
        >"$WORK/out.$1" 2>"$WORK/err.$1"
    echo $? >"$WORK/code.$1"
}

judge_one() {
    code=$(cat "$WORK/code.$1")
    if [ "$code" -eq 0 ]; then
        [ "$(cat "$WORK/out.$1")" = "done by $1" ] || fail "renter-$1 got other output: $(cat "$WORK/out.$1")"
        done_count=$((done_count + 1))
    elif [ "$code" -eq 1 ] && [ $(($1 % 2)) -eq 0 ]; then
        grep -q -i -E 'free (again )?(at|in|from|after)|frees up' "$WORK/err.$1" ||
            fail "the refusal of renter-$1 does not say when the card is free: $(cat "$WORK/err.$1")"
        refused_count=$((refused_count + 1))
    else
        fail "renter-$1 ended with $code: $(cat "$WORK/err.$1")"
    fi
}

# The non-free intervals of the only slot, in order of agreement.
judge_intervals() {
    on host-1 leases --all --json |
        rows leases created_at_ms ended_at_ms state lease | sort -n >"$WORK/intervals"
    awk -F '\t' '
        $3 == "void" { next }
        $1 < end { print "lease " $4 " began at " $1 ", before " other " had ended at " end; bad = 1 }
        $3 != "closed" { print "lease " $4 " is still " $3; bad = 1 }
        { end = $2; other = $4 }
        END { exit bad }' "$WORK/intervals" >&2 || fail "the slot was let twice"
}

done_count=0
refused_count=0
for round in $(seq "$count"); do
    pids=
    for renter in $(seq "$renters"); do
        rent_one "$renter" &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid"
    done
    wait_for 15 "every lease is settled" no_open_leases host-1
    for renter in $(seq "$renters"); do
        judge_one "$renter"
    done
    judge_intervals
done
[ "$done_count" -ge $((count * renters / 2)) ] || fail "only $done_count jobs were done"
echo "$count rounds of $renters renters: $done_count jobs done, $refused_count plain refusals, no overlap"
