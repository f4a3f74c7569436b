# A node that stands still for longer than its renter has paid ahead (a suspended machine, a disk that hangs)
# loses nothing: the job waits for its pay, then goes on, and not a byte is missing.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 22
on renter-1 rent --no-input --for 2m -- \
    sh -c 'i=0; while [ $i -lt 140 ]; do i=$((i + 1)); echo line $i; sleep 0.1; done; exit 6' \
    >"$WORK/out" 2>"$WORK/err" &
command_pid=$!
writes() {
    [ -s "$WORK/out" ]
}
wait_for 10 "the job writes" writes
host=$(node_pid host-1)
kill -STOP "$host"
sleep 11 # an interval is 10 s on a test network
kill -CONT "$host"
wait "$command_pid"
code=$?
[ "$code" -eq 6 ] || fail "the job ended with $code: $(cat "$WORK/err")"
seq 140 | sed 's/^/line /' | cmp - "$WORK/out" || fail "output was lost"
wait_for 10 "the lease is settled" no_open_leases host-1 renter-1
echo "stood still for 11 s, $(sed -n 's/.*charged \(.*\); the.*/\1 charged/p' "$WORK/err")"
