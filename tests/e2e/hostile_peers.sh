# Garbage at the peer port and at the local socket: the node stays up, its memory stays bounded, and honest
# peers are served during it and after it.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 14
attack=$TESTS/attack/peer_port
endpoint=$(node_field host-1 listen)
key=$(node_field host-1 channel_key)
name=$(node_field host-1 network)
host=$(node_pid host-1)
before=$(peak_kib "$host")

serves() {
    kill -0 "$host" 2>/dev/null || fail "the node died: $1"
    [ "$(node_pid host-1)" = "$host" ] || fail "the node was another one: $1"
    out=$(on renter-1 rent --no-input --wait 20s --for 1m -- echo served 2>"$WORK/err") ||
        fail "no rent $1: $(cat "$WORK/err")"
    [ "$out" = served ] || fail "no output $1"
    wait_for 10 "the lease is settled" no_open_leases host-1 renter-1
}

worst=0
bounded() {
    peak=$(peak_kib "$host")
    [ "${peak:-0}" -gt 0 ] || fail "nothing is known of the node's memory"
    worst=$((peak - before))
    [ "$worst" -lt "$1" ] || fail "the node grew by $worst KiB $2"
}

run_attack() { # MODE COUNT
    "$attack" "$1" "$endpoint" "$key" "$name" 14 "$2" || fail "the attack $1 could not be carried out"
    bounded 65536 "by $1"
    serves "after $1"
}

serves "before any attack"
run_attack random 200
run_attack garbage 500
run_attack introduced 2000
run_attack oversized 5
run_attack parts "${PARTS:-300000}"
run_attack stranger "${PARTS:-300000}"

"$attack" silent "$endpoint" "$key" "$name" 14 500 >"$WORK/silent" 2>&1 &
silent=$!
sleep 1
serves "during 500 silent connections"
wait "$silent" || fail "silent connections were kept: $(cat "$WORK/silent")"
cat "$WORK/silent"
serves "after silent connections"

# The port of the streams is for renters of open leases only.
streams=$(node_field host-1 stream_listen)
"$attack" random "$streams" "$key" "$name" 14 100 || fail "the streams' port could not be attacked"
"$attack" silent "$streams" "$key" "$name" 14 100 || fail "silent connections to the streams' port were kept"
bounded 65536 "by the streams' port"
serves "after garbage at the streams' port"

"$TESTS/attack/control_socket" "$(node_field host-1 control)" 300 || fail "the local socket"
bounded 65536 "by the local socket"
serves "after garbage at the local socket"
echo "the node stands; at its peak it had grown by $worst KiB"
