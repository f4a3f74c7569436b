# Prices, depth and what is taken: market, quote, and an ask that follows the others.
. tests/e2e/lib/steps.sh
. tests/e2e/lib/network.sh

network_up --hosts 4 --renters 1 --seed 3

# Without colour or block characters outside a terminal.
on renter-1 market >"$WORK/market" || fail "market"
has "the chart" "$WORK/market" '^asks and cards'
! grep -q "$(printf '\033')" "$WORK/market" || fail "an escape sequence in a pipe"
[ "$(LC_ALL=C tr -d '\000-\177' <"$WORK/market" | wc -c)" -eq 0 ] || fail "more than ASCII in a pipe"
on renter-1 market --json >"$WORK/market.json" || fail "market --json"
equal "classes" 4 "$(values gpu_class <"$WORK/market.json" | wc -l)"
on renter-1 market rtx3060 --json >"$WORK/one.json" || fail "market of a class"
equal "one class" 1 "$(values gpu_class <"$WORK/one.json" | wc -l)"
code 1 on renter-1 market rtx9999
has "a card that is none" "$WORK/err" 'no such GPU class'

taken() { on renter-1 market "$1" --json | value slots_taken; }
equal "taken before" 0 "$(taken rtx3060)"
lease=$(on renter-1 rent --detach --gpu rtx3060 --for 10m -- sleep 500 2>/dev/null) || fail "rent"
wait_for 20 "the card counts as rented" sh -c "[ \"\$(gpulet --dir '$NET' --node renter-1 market rtx3060 --json |
    sed -n 's/^ *\"slots_taken\": \([0-9]*\).*/\1/p')\" = 1 ]"

# The curve leaves the rented card out, and says when it frees up.
on renter-1 quote --count 9 --json >"$WORK/quote.json" 2>"$WORK/err" || fail "quote"
all=$(on renter-1 market --json | values slots | awk '{ sum += $1 } END { print sum }')
equal "cards to be had" $((all - 1)) "$(values gpus <"$WORK/quote.json" | sed '$d' | tail -n 1)"
has "what lacks" "$WORK/err" 'GPUs are offered just now'
has "when more free up" "$WORK/quote.json" '"why": "a lease ends"'
free_at=$(value at_s <"$WORK/quote.json")
now=$(date +%s)
[ "$free_at" -gt "$now" ] && [ "$free_at" -le $((now + 601)) ] || fail "it frees up at $free_at, now $now"
on renter-1 quote --count 9 >"$WORK/quote" 2>/dev/null || fail "quote for people"
has "the hint's age" "$WORK/quote" 'a lease ends .* ago$'
on renter-1 lease end "$lease" >/dev/null || fail "lease end"

# An automatic ask: typical, then the middle of others, never under the current.
on host-1 host --ask auto >"$WORK/auto" 2>"$WORK/err" || fail "host --ask auto"
has "where it comes from" "$WORK/err" 'a typical one; nobody else offers such cards'
network=$(node_field renter-1 network)
issuer=$(sed -n 's/^ *"issuer": "\([0-9a-f]*\)".*/\1/p' "$NET/network.json")
peer="$(node_field host-1 identity)@$(node_field host-1 listen | sed 's|tcp://||')#$(node_field host-1 channel_key)"
address=$(node_field host-1 listen | sed 's|tcp://\(.*\)\.[0-9]*:.*|\1.88|')
stop_new_node() {
    gpulet --data "$WORK/new" down >/dev/null 2>&1
    clean_up
}
trap stop_new_node EXIT
gpulet --data "$WORK/new" up --network "$network" --issuer "$issuer" --simulate rtx3080 --label new \
    --listen "tcp://$address:7700" --peer "$peer" --kwh-price 1 >/dev/null || fail "up"
sees_others() { gpulet --data "$WORK/new" market rtx4090 --json | grep -q '"listings": 1'; }
wait_for 30 "the new node knows the others" sees_others
gpulet --data "$WORK/new" host --ask auto --json >"$WORK/auto.json" 2>"$WORK/err" || fail "auto"
has "where it comes from" "$WORK/err" 'what its current costs; others ask less'
equal "320 W at 1 USD a kWh" 320000 "$(value ask_uusd_per_hour <"$WORK/auto.json")"
gpulet --data "$WORK/new" down >/dev/null || fail "down"
gpulet --data "$WORK/new" up --network "$network" --issuer "$issuer" --simulate rtx4090 --label new \
    --listen "tcp://$address:7700" --peer "$peer" --kwh-price 0 >/dev/null || fail "up again"
others=$(on renter-1 market rtx4090 --json | value ask_median_uusd_per_hour)
# What was told is kept: the new card is offered at once, beside the other one.
sees_both() { gpulet --data "$WORK/new" market rtx4090 --json | grep -q '"listings": 2'; }
wait_for 30 "the new node knows the others again" sees_both
gpulet --data "$WORK/new" gpus --json >"$WORK/gpus.json" || fail "gpus"
equal "the suggested ask" "$others" "$(value suggested_ask_uusd_per_hour <"$WORK/gpus.json")"
