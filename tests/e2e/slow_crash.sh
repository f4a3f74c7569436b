# kill -9 at random moments, COUNT times: of the host's node, the renters', a supervisor, or of all. Afterwards
# no lease is lost or doubled, jobs that ran on are adopted with all their output, both ledgers agree, and no
# process is left.
. tests/e2e/lib/network.sh

count=${COUNT:-10}
lines=20
cat >"$WORK/offers.csv" <<'END'
GPU,NumGPUs,PricePerHour,VRAM_GB,InetUp,InetDown
RTX 3090,4,0.30,24,100,500
END
network_up --hosts 1 --renters 2 --offers "$WORK/offers.csv" --seed 17
: >"$WORK/all_leases"

# What every job says, a line each tenth of a second; its exit code tells its renter.
job="i=0; while [ \$i -lt $lines ]; do i=\$((i + 1)); echo \"line \$i\"; echo \"error \$i\" >&2; sleep 0.1; done; exit \$1"
seq "$lines" | sed 's/^/line /' >"$WORK/expected"
seq "$lines" | sed 's/^/error /' >"$WORK/expected.err"

# Two jobs each; what was promised (a lease's id on stdout) must be found again.
load() { # RENTER-NUMBER
    for job_number in 1 2; do
        on "renter-$1" rent --detach --prepay 2m --for 3m -- sh -c "$job" job "4$1" \
            >>"$WORK/leases.$1" 2>>"$WORK/rent.$1.err"
        echo $? >>"$WORK/codes.$1"
    done
}

no_job_processes() {
    [ -z "$(job_processes)" ]
}

strike() { # VICTIM
    case $1 in
    host-1 | renter-1 | renter-2) gpulet --dir "$NET" testnet kill --now "$1" 2>/dev/null ;;
    supervisor)
        for pid in $(supervisors | head -n 1); do
            kill -9 "$pid" 2>/dev/null
        done
        ;;
    all)
        for pid in $(supervisors); do
            kill -9 "$pid" 2>/dev/null
        done
        for node in host-1 renter-1 renter-2; do
            strike "$node"
        done
        ;;
    esac
}

mend() {
    for node in host-1 renter-1 renter-2; do
        answers "$node" || gpulet --dir "$NET" testnet restart "$node" 2>/dev/null ||
            fail "$node does not start again after kill -9 of $victim"
    done
}

# One lease on both sides: once each, the same end, the same money, all the output.
judge_lease() { # RENTER-NUMBER LEASE
    for side in host-1 "renter-$1"; do
        [ "$(grep -c "^$2" "$WORK/$side.leases")" -eq 1 ] ||
            fail "$side knows lease $2 $(grep -c "^$2" "$WORK/$side.leases") times after $victim"
        grep "^$2" "$WORK/$side.leases" >"$WORK/$side.lease"
    done
    cmp -s "$WORK/host-1.lease" "$WORK/renter-$1.lease" ||
        fail "the sides differ after $victim: $(cat "$WORK/host-1.lease" "$WORK/renter-$1.lease")"
    reason=$(cut -f 5 "$WORK/host-1.lease")
    case $reason in
    job_exited)
        [ "$(cut -f 6 "$WORK/host-1.lease")" = "4$1" ] || fail "another exit code: $(cat "$WORK/host-1.lease")"
        on "renter-$1" lease logs "$2" >"$WORK/logs" 2>"$WORK/logs.err" || fail "no logs of $2: $(cat "$WORK/logs.err")"
        cmp -s "$WORK/logs" "$WORK/expected" || fail "output of $2 was lost after $victim: $(cat "$WORK/logs")"
        cmp -s "$WORK/logs.err" "$WORK/expected.err" || fail "errors of $2 were lost after $victim: $(cat "$WORK/logs.err")"
        adopted=$((adopted + 1))
        ;;
    host_failure)
        case $victim in
        supervisor | all) failed=$((failed + 1)) ;;
        *) fail "a job was lost when $victim died: $(cat "$WORK/host-1.lease")" ;;
        esac
        [ "$(cut -f 4 "$WORK/host-1.lease")" -eq 0 ] || fail "a failure of the host was charged"
        ;;
    *) fail "lease $2 ended as $reason after $victim" ;;
    esac
}

# Sums by lease of what one side has in an account.
ledger_of() { # NODE ACCOUNT
    on "$1" ledger --json | rows entries lease debit credit amount_uusd | awk -v a="$2" -F '\t' '
        $2 == a { sum[$1] += $4 } $3 == a { sum[$1] -= $4 }
        END { for (l in sum) if (sum[l] != 0) print l "\t" (sum[l] < 0 ? -sum[l] : sum[l]) }' | sort
}

judge_money() {
    ledger_of host-1 receivable >"$WORK/receivable"
    { ledger_of renter-1 payable; ledger_of renter-2 payable; } | sort >"$WORK/payable"
    cmp -s "$WORK/receivable" "$WORK/payable" ||
        fail "the ledgers differ after $victim: $(diff "$WORK/receivable" "$WORK/payable")"
}

# Running jobs become adopted or lost ones; every lease known anywhere closes.
settle() {
    wait_for 60 "every lease is settled after kill -9 of $victim" no_open_leases host-1 renter-1 renter-2
    for side in host-1 renter-1 renter-2; do
        on "$side" leases --all --json |
            rows leases lease state charged_uusd charged_uusd reason exit_code exit_signal |
            sort >"$WORK/$side.leases"
    done
}

judge() {
    for renter in 1 2; do
        sort "$WORK/leases.$renter" | uniq -d | grep -q . && fail "one lease was given twice"
        while read -r lease; do
            judge_lease "$renter" "$lease"
        done <"$WORK/leases.$renter"
    done
    # Also those that nobody was told of, because their command died with its node.
    grep -v -w void "$WORK/host-1.leases" >"$WORK/host.closed"
    grep -h -v -w void "$WORK/renter-1.leases" "$WORK/renter-2.leases" | sort >"$WORK/renters.closed"
    cmp -s "$WORK/host.closed" "$WORK/renters.closed" ||
        fail "the sides know other leases after $victim: $(diff "$WORK/host.closed" "$WORK/renters.closed")"
    judge_money
    wait_for 5 "no process of a job is left after kill -9 of $victim" no_job_processes
}

rounds=0
adopted=0
failed=0
while [ "$rounds" -lt "$count" ]; do
    rounds=$((rounds + 1))
    victim=$(printf 'host-1\nrenter-1\nsupervisor\nall\nhost-1\nrenter-2\n' | sed -n "$((1 + $(random_below 6)))p")
    for renter in 1 2; do
        : >"$WORK/leases.$renter"
        : >"$WORK/codes.$renter"
        load "$renter" &
        eval "load_$renter=\$!"
    done
    sleep "$(printf '%d.%03d' $(($(random_below 2500) / 1000)) "$(random_below 1000)")"
    strike "$victim"
    sleep "0.$(random_below 10)"
    mend
    wait "$load_1" "$load_2"
    settle
    judge
    echo "round $rounds, $victim: $(cat "$WORK"/leases.? | wc -l) leases, adopted $adopted, failed with the host $failed"
done
[ "$adopted" -gt 0 ] || fail "not one job outlived a crash"
echo "$rounds times kill -9: $adopted jobs ran to their end, $failed ended with their host, none lost or doubled"
