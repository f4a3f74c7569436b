# From nothing to a signed listing that others see: three commands, and less than a minute.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 13
name=$(node_field renter-1 network)
issuer=$(sed -n 's/^ *"issuer": "\([0-9a-f]*\)".*/\1/p' "$NET/network.json")
peer="$(node_field host-1 identity)@$(node_field host-1 listen | sed 's|tcp://||')#$(node_field host-1 channel_key)"
address=$(node_field host-1 listen | sed 's|tcp://\(.*\)\.[0-9]*:.*|\1.99|')

stop_new_node() {
    gpulet --data "$WORK/new" down >/dev/null 2>&1
    clean_up
}
trap stop_new_node EXIT

start=$(now_ms)
gpulet --data "$WORK/new" up --network "$name" --issuer "$issuer" --simulate rtx3090 --label newcomer \
    --listen "tcp://$address:7700" --peer "$peer" >/dev/null || fail "up"
gpulet --data "$WORK/new" host --ask 0.21/h >/dev/null || fail "host"
gpulet --data "$WORK/new" listings --mine --json >"$WORK/mine.json" || fail "listings"
others_see_it() {
    on renter-1 listings --json | rows listings listing host_label | grep -q "newcomer"
}
wait_for 60 "another node sees the listing" others_see_it
took=$(($(now_ms) - start))

mine=$(rows listings listing ask_uusd_per_hour <"$WORK/mine.json")
theirs=$(on renter-1 listings --json | rows listings listing ask_uusd_per_hour host_label |
    awk '$3 == "newcomer" { print $1 "\t" $2 }')
[ "$mine" = "$theirs" ] || fail "others see \"$theirs\" instead of \"$mine\""
[ "$took" -lt 60000 ] || fail "it took $took ms"
echo "three commands, $took ms until a stranger saw the signed listing"
