# A detached job whose renter's node is gone runs as long as it is paid for, then stands still, then ends; what
# it wrote and how it ended can be read afterwards. An attached one ends when its command is gone.
. tests/e2e/lib/network.sh

cat >"$WORK/offers.csv" <<'END'
GPU,NumGPUs,PricePerHour,VRAM_GB,InetUp,InetDown
RTX 3090,3,0.30,24,100,500
END
network_up --hosts 1 --renters 2 --offers "$WORK/offers.csv" --seed 19
long='i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.1; done'

unpaid=$(on renter-1 rent --detach --for 5m -- sh -c "$long" 2>/dev/null) || fail "the long job"
short=$(on renter-1 rent --detach --for 5m -- sh -c 'sleep 2; echo written while nobody looked; exit 9' 2>/dev/null) ||
    fail "the short job"
gpulet --dir "$NET" --node renter-2 rent --no-input --for 5m -- sh -c "$long" >"$WORK/attached.out" 2>"$WORK/attached.err" &
command_pid=$!
attached_runs() {
    [ -s "$WORK/attached.out" ]
}
wait_for 10 "the attached job writes" attached_runs
attached=$(on renter-2 leases --json | rows leases lease state | awk '$2 == "active" { print $1 }')

kill -9 "$command_pid"
killed=$(now_ms)
gpulet --dir "$NET" testnet kill --now renter-1 2>/dev/null

wait_for 10 "the short job ends without its renter" lease_is host-1 "$short" settling
wait_for 40 "the unpaid job stands still" lease_is host-1 "$unpaid" frozen
ran=$(lease_field host-1 "$unpaid" run_ms)
sleep 2
[ "$(lease_field host-1 "$unpaid" run_ms)" = "$ran" ] || fail "a frozen job goes on running"
# What a renter on a test network pays ahead: intervals of 10 s, two at most.
[ "$ran" -ge 9000 ] && [ "$ran" -le 21000 ] || fail "it ran $ran ms unpaid"
echo "it ran $ran ms on what was paid, and stands still"

attached_is_over() {
    case $(lease_field host-1 "$attached" state) in
    settling | closed) return 0 ;;
    esac
    return 1
}
wait_for 45 "the lease of the killed command ends" attached_is_over
ended=$(lease_field host-1 "$attached" ended_at_ms)
took=$((ended - killed))
[ "$took" -le 36000 ] || fail "the lease of a killed command ended after $took ms only"
echo "the lease of a killed command ended after $took ms"

wait_for 60 "the unpaid job is ended" lease_is host-1 "$unpaid" settling
[ "$(lease_field host-1 "$unpaid" reason)" = unpaid ] || fail "the unpaid job ended as $(lease_field host-1 "$unpaid" reason)"
[ -z "$(job_processes)" ] || fail "processes of ended jobs are left"

gpulet --dir "$NET" testnet restart renter-1 2>/dev/null || fail "the renter does not start again"
wait_for 20 "everything is settled" no_open_leases host-1 renter-1 renter-2
for lease in "$unpaid" "$short"; do
    for field in charged_uusd run_ms reason exit_code exit_signal; do
        [ "$(lease_field host-1 "$lease" $field)" = "$(lease_field renter-1 "$lease" $field)" ] ||
            fail "the sides disagree about $field of $lease"
    done
done
[ "$(lease_field renter-1 "$short" exit_code)" = 9 ] || fail "the short job's exit code is lost"
[ "$(on renter-1 lease logs "$short")" = "written while nobody looked" ] || fail "the short job's output is lost"
on renter-1 lease logs "$unpaid" >"$WORK/unpaid.out" || fail "no logs of the unpaid job"
lines=$(wc -l <"$WORK/unpaid.out")
seq "$lines" | sed 's/^/line /' | cmp -s - "$WORK/unpaid.out" || fail "the unpaid job's output has gaps"
[ "$lines" -ge $((ran / 200)) ] || fail "only $lines lines of $ran ms"
paid=$(lease_field host-1 "$unpaid" paid_until_uusd)
charged=$(lease_field host-1 "$unpaid" charged_uusd)
[ "$charged" -le "$paid" ] || fail "charged $charged, promised $paid"
echo "unpaid: $lines lines kept, $charged of $paid uUSD charged; short: exit code 9 and output kept"
