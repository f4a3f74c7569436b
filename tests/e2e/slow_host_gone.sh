# The host's node dies and stays away: its supervisor alone freezes the job when the paid time is used up, and
# ends it three intervals later, long before the lease's end. The node that comes back settles it.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 23
lease=$(on renter-1 rent --detach --for 10m -- sh -c 'while :; do sleep 0.1; done' 2>/dev/null) || fail "the job"
wait_for 10 "the job runs" lease_is host-1 "$lease" active
gpulet --dir "$NET" testnet kill --now host-1 2>/dev/null
started=$(now_ms)
[ -n "$(job_processes)" ] || fail "the job died with its node"

no_job() {
    [ -z "$(job_processes)" ]
}
wait_for 80 "the supervisor ends the job" no_job
took=$((($(now_ms) - started) / 1000))
# Paid ahead are one or two intervals of 10 s, then three more of patience.
[ "$took" -ge 30 ] && [ "$took" -le 60 ] || fail "the unpaid job was ended after $took s"

gpulet --dir "$NET" testnet restart host-1 2>/dev/null || fail "the host does not start again"
wait_for 30 "everything is settled" no_open_leases host-1 renter-1
[ "$(lease_field host-1 "$lease" reason)" = unpaid ] || fail "it ended as $(lease_field host-1 "$lease" reason)"
ran=$(lease_field host-1 "$lease" run_ms)
[ "$ran" -ge 9000 ] && [ "$ran" -le 21000 ] || fail "it ran $ran ms"
charged=$(lease_field host-1 "$lease" charged_uusd)
[ "$charged" -le "$(lease_field host-1 "$lease" paid_until_uusd)" ] || fail "charged $charged, more than promised"
[ "$charged" = "$(lease_field renter-1 "$lease" charged_uusd)" ] || fail "the sides disagree about the charge"
echo "ended by its supervisor after $took s; $ran ms ran, $charged uUSD charged"
