# A stranger's job: it sees nothing of the host, reaches nothing, is nobody, and cannot take the host down.
. tests/e2e/lib/network.sh

OWNERS_SECRET=of-the-host
export OWNERS_SECRET
network_up --hosts 1 --renters 1 --seed 16
restart_with host-1 --disk 64MiB
host=$(node_field host-1 pid)
can_limit=$(on host-1 listings --mine --json | grep -c limits_lack)

# job NAME COMMAND...: runs a job; its output, errors and exit code stay in files.
job() {
    job_name=$1
    shift
    on renter-1 rent --no-input --wait 20s --for 2m ${memory:+--memory "$memory"} -- "$@" \
        >"$WORK/$job_name.out" 2>"$WORK/$job_name.err"
    job_code=$?
}

still_fine() {
    kill -0 "$host" 2>/dev/null || fail "the host's node died of $1"
    wait_for 10 "the lease of $1 is settled" no_open_leases host-1 renter-1
    left=$(job_processes)
    [ -z "$left" ] || fail "processes of $1 are left: $left"
    [ "$(on renter-1 rent --no-input --wait 20s --for 1m -- echo fine 2>/dev/null)" = fine ] ||
        fail "nothing can be rented after $1"
    wait_for 10 "the host is quiet" no_open_leases host-1 renter-1
}

# What a job must not see or do; each line of its output would be a hole.
cat >"$WORK/look.sh" <<'END'
for path in /etc/shadow /root /home /var/lib /var/log "$1" "$1/identity" /proc/1/root/etc/shadow \
    /sys/kernel /dev/mem /dev/sda /dev/kvm /run/dbus /tmp/.X11-unix; do
    { cat "$path" || ls -A "$path"; } >/tmp/seen 2>/dev/null && [ -s /tmp/seen ] && echo "reads $path"
done
for path in / /usr /usr/bin /bin /lib /etc /proc/sys/kernel /sys; do
    (: >"$path/gpulet-test") 2>/dev/null && echo "writes $path"
done
id -u | grep -q -x 0 && grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo "has capabilities"
grep -q 'NoNewPrivs:.*1' /proc/self/status || echo "may get new privileges"
grep -q 'Seccomp:.*2' /proc/self/status || echo "runs without a filter of system calls"
grep -c : /proc/net/dev 2>/dev/null | grep -q -x 1 || echo "sees network devices"
unshare -U true 2>/dev/null && echo "makes user namespaces"
mount -t tmpfs none /mnt 2>/dev/null && echo "mounts"
ls /proc | grep -c '^[0-9]*$' | awk '$1 > 12 { print "sees " $1 " processes" }'
[ -e "/proc/$2" ] && grep -q gpuletd "/proc/$2/cmdline" && echo "sees the daemon"
kill -9 "$2" 2>/dev/null && [ "$2" -gt 100 ] && echo "kills a process of the host"
{ env; cat /proc/1/environ; } | grep -q -a -e of-the-host && echo "sees the host's environment"
echo looked
END
job look sh -c "$(cat "$WORK/look.sh")" look "$NET/host-1" "$host"
[ "$job_code" -eq 0 ] || fail "the look ended with $job_code: $(cat "$WORK/look.err")"
[ "$(cat "$WORK/look.out")" = looked ] || fail "the job $(cat "$WORK/look.out")"

# Nobody at all, seen from outside.
job_uids() {
    for pid in $(job_processes); do
        awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status"
    done 2>/dev/null
}
sleeper=$(on renter-1 rent --detach --wait 20s --for 2m -- sleep 100 2>/dev/null) ||
    fail "the sleeping job was not rented"
has_job() {
    job_uids | grep -q .
}
wait_for 10 "the job runs" has_job
job_uids >"$WORK/uids"
holder=$(supervisors)
[ -n "$holder" ] || fail "nothing holds the job"
for pid in $holder; do
    case $(readlink "/proc/$pid/exe") in
    */gpulet-job) ;;
    *) fail "the job is held by $(readlink "/proc/$pid/exe")" ;;
    esac
done
if [ "$(id -u)" -eq 0 ]; then
    grep -q -w 0 "$WORK/uids" && fail "the job is root outside: $(cat "$WORK/uids")"
fi
on renter-1 lease end "$sleeper" >/dev/null 2>&1 || fail "the sleeping job does not end"
still_fine "a sleeping job"

# No network: not even the host's own loopback, where its node listens.
address=$(node_field host-1 listen | sed 's|tcp://\(.*\):\(.*\)|\1 \2|')
# shellcheck disable=SC2086
set -- $address
job net bash -c "exec 3<>/dev/tcp/$1/$2"
[ "$job_code" -ne 0 ] || fail "the job reached the host's network"
grep -q -i -E 'unreachable|refused' "$WORK/net.err" || fail "no network, but: $(cat "$WORK/net.err")"

if [ "$can_limit" -eq 0 ]; then
    job fork bash -c 'bomb() { bomb | bomb & }; bomb; sleep 2; echo survived'
    still_fine "a fork bomb"

    memory=256MiB
    job memory sh -c 'head -c 2000000000 /dev/zero | tail'
    memory=
    [ "$job_code" -ne 0 ] || fail "the memory bomb ended well"
    still_fine "a memory bomb"
else
    echo "this machine has no cgroups to give: fork and memory bombs are left out"
fi

# A flood that nobody reads: the log is cut, the disk does not fill.
lease=$(on renter-1 rent --detach --wait 20s --for 1m -- sh -c 'head -c 100000000 /dev/zero; exit 5' 2>/dev/null) ||
    fail "the flood was not rented"
wait_for 30 "the flood is over" lease_is host-1 "$lease" closed
[ "$(lease_field host-1 "$lease" exit_code)" = 5 ] || fail "the flood ended with another code"
kept=$(du -sk "$NET/host-1/jobs" | awk '{ print $1 }')
[ "$kept" -lt 40000 ] || fail "the flood left $kept KiB"
still_fine "a flood"

# The workspace is limited too.
job disk sh -c 'head -c 2000000000 /dev/zero >file'
[ "$job_code" -ne 0 ] || fail "a job wrote 2 GB into 64 MiB, and ended well"
written=$(du -sm "$NET/host-1/jobs" | awk '{ print $1 }')
[ "$written" -lt 600 ] || fail "a job wrote $written MiB into 64 MiB"
still_fine "a job that writes without end"
echo "the sandbox holds; a flood of 100 MB left $kept KiB"
