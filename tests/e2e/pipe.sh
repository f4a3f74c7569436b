# A large pipe through a rented card: what goes in comes out, byte for byte, and neither daemon keeps it.
. tests/e2e/lib/network.sh

mib=${PIPE_MIB:-20}
network_up --hosts 1 --renters 1 --seed 12

mkdir "$WORK/in" "$WORK/out"
for part in 1 2 3 4; do
    dd if=/dev/urandom of="$WORK/in/$part" bs=1M count=$((mib / 4)) 2>/dev/null
done
host=$(node_pid host-1)
renter=$(node_pid renter-1)
host_before=$(anonymous_kib "$host")
renter_before=$(anonymous_kib "$renter")

start=$(now_ms)
(cd "$WORK" && tar c in) |
    on renter-1 rent --for 10m -- sh -c 'cat' 2>"$WORK/err" |
    tar x -C "$WORK/out"
took=$(($(now_ms) - start))

diff -r "$WORK/in" "$WORK/out/in" || fail "other bytes came out"
host_grown=$(($(anonymous_kib "$host") - host_before))
renter_grown=$(($(anonymous_kib "$renter") - renter_before))
[ "$host_grown" -lt 16384 ] || fail "the host's node grew by $host_grown KiB"
[ "$renter_grown" -lt 16384 ] || fail "the renter's node grew by $renter_grown KiB"
wait_for 10 "the lease is settled" no_open_leases host-1 renter-1
echo "$mib MiB in $took ms ($((mib * 1000 / took)) MiB/s); nodes grew by $host_grown and $renter_grown KiB"
