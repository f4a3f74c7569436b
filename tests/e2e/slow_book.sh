# As many listings as a node holds, and more: the node takes what it has room for, answers every question about
# them, knows them again after a restart, and goes on serving.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 21
attack=$TESTS/attack/peer_port
endpoint=$(node_field renter-1 listen)
key=$(node_field renter-1 channel_key)
name=$(node_field renter-1 network)

has_listings() {
    [ "$(node_field renter-1 listings)" -ge "$1" ]
}

"$attack" listings "$endpoint" "$key" "$name" 21 10000 || fail "10,000 listings could not be brought"
wait_for 30 "10,000 listings are in the book" has_listings 10000
"$attack" listings "$endpoint" "$key" "$name" 21 20000 || fail "20,000 listings could not be brought"
wait_for 30 "the book is full" has_listings 16000
sleep 1
renter=$(node_pid renter-1)
held=$(node_field renter-1 listings)
echo "$held of 20,000 listings are held, in $(($(awk '/^VmRSS:/ { print $2 }' "/proc/$renter/status") / 1024)) MiB"

# A list for people ends somewhere, and says so.
listed=$(on renter-1 listings --json 2>"$WORK/err" | rows listings listing | wc -l)
[ "$listed" -ge 500 ] || fail "only $listed listings are shown"
[ "$listed" -eq "$held" ] || grep -q 'gpulet search' "$WORK/err" || fail "$listed of $held are shown without a word"
on renter-1 search --limit 1000 --explain --json >"$WORK/search" || fail "search"
on renter-1 quote --count 64 --json >"$WORK/quote" || fail "quote"
on renter-1 market --json >"$WORK/market" || fail "market"
kill -0 "$renter" || fail "the node died of questions"
[ "$(on renter-1 rent --no-input --wait 20s --for 1m -- echo served 2>/dev/null)" = served ] || fail "no rent"

gpulet --dir "$NET" testnet kill --now renter-1 2>/dev/null
gpulet --dir "$NET" testnet restart renter-1 2>/dev/null || fail "it does not start again"
wait_for 10 "the book is complete again" has_listings $((held - 10))
[ "$(on renter-1 rent --no-input --wait 20s --for 1m -- echo served 2>/dev/null)" = served ] || fail "no rent after the restart"

# The honest neighbour gets them by gossip, and stands it too.
host_has() {
    [ "$(node_field host-1 listings)" -ge "$1" ]
}
wait_for 60 "they reach the neighbour" host_has 10000
echo "the neighbour knows $(node_field host-1 listings)"
