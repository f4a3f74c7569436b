#!/bin/sh
# A rented job: its output, its input, its exit code, its end, and what it cost.
set -eu
. tests/e2e/lib/steps.sh

gpulet testnet up --hosts 2 --renters 1 --seed 5 --dir "$NET" >/dev/null
rent() { on renter-1 rent --for 2m "$@"; }
newest() { on renter-1 leases --json | values lease | tail -n 1; }

# Output and errors stay apart; the exit code is the job's.
code 7 rent -- sh -c 'echo out; echo err >&2; exit 7' >"$WORK/out"
equal "output" out "$(cat "$WORK/out")"
has "errors" "$WORK/err" '^err$'
has "price and host before" "$WORK/err" ' of host-.* at 0\..* USD/h, at most '
has "charge after" "$WORK/err" 'charged .* the receipt is kept'
code 0 rent -n -- true
code 1 rent -n -- false
code 255 rent -n -- sh -c 'exit 255'
code 137 rent -n -- sh -c 'kill -9 $$'
code 143 rent -n -- sh -c 'kill -15 $$'

# Input through and back again, byte by byte; -n reads nothing of ours.
head -c 3000000 /dev/urandom >"$WORK/bytes"
rent -- cat <"$WORK/bytes" >"$WORK/back" 2>/dev/null
cmp "$WORK/bytes" "$WORK/back" || fail "the bytes changed on the way"
(cd "$WORK" && tar c bytes) | rent -- sh -c 'tar x -C /tmp && cat /tmp/bytes' 2>/dev/null |
    cmp - "$WORK/bytes" || fail "tar through a job"
equal "a job that reads only some" abc "$(printf 'abcdef' | rent -- head -c 3 2>/dev/null)"
equal "what is left for us" left \
    "$(printf 'left' | { rent -n -- cat >/dev/null 2>&1; cat; })"
equal "nothing to read" 0 "$(rent -- wc -c </dev/null 2>/dev/null)"

equal "no input at all" 0 "$(rent -- wc -c <&- 2>/dev/null)"
code 1 on renter-1 listings >&-
code 1 on renter-1 listings --json >/dev/full

# Environment and arguments arrive whole.
equal "environment" 'a b=c' "$(rent -n --env 'X=a b=c' -- sh -c 'echo "$X"' 2>/dev/null)"
equal "arguments" '3 <a  b> <> <*>' \
    "$(rent -n -- sh -c 'printf "%s" "$#"; printf " <%s>" "$@"' sh 'a  b' '' '*' 2>/dev/null)"

# Nobody takes the output any more: the job ends.
rent -n -- sh -c 'while :; do echo y; done' 2>"$WORK/err" | head -n 1 >"$WORK/out"
equal "first line" y "$(cat "$WORK/out")"

# Ctrl-C ends the lease and says so. (A shell's background jobs ignore it; timeout's do not.)
code 130 timeout --preserve-status -s INT 2 gpulet --dir "$NET" --node renter-1 rent -n --for 2m -- \
    sleep 7531
code 143 timeout --preserve-status -s TERM 1 gpulet --dir "$NET" --node renter-1 rent -n \
    --for 2m -- sleep 7531
code 130 timeout --preserve-status -s INT 2 gpulet --dir "$NET" --node renter-1 rent -n --for 2m -- \
    sh -c 'trap "" INT TERM; sleep 7531'
has "what is said" "$WORK/err" 'ending lease'
has "what is said" "$WORK/err" 'charged'
equal "no open lease" 0 "$(on renter-1 leases --json | grep -c '"state": "active"')"
equal "sleepers left" 0 "$(pgrep -x -f 'sleep 7531' | wc -l)"

# Left running, found again, ended.
lease=$(rent --detach -- sh -c 'echo begun; sleep 7531' 2>/dev/null)
equal "digits of the lease" 64 "$(printf '%s' "$lease" | wc -c)"
wait_until 10 "its output" sh -c \
    "gpulet --dir '$NET' --node renter-1 lease logs $lease | grep -q begun"
equal "its output as JSON" 'begun\n' "$(on renter-1 lease logs "$lease" --json | value output)"
short=$(printf '%.8s' "$lease")
code 0 on renter-1 lease end "$short"
wait_until 10 "its end" lease_has renter-1 "$lease" state closed
code 1 on renter-1 lease end "$short"
code 1 on renter-1 lease show ffffffffffff

# Refusals cost nothing and have their reason.
spent=$(on renter-1 spending --json | value spent_uusd)
code 1 rent -n --max-price 0.001/h -- true
code 1 rent -n --vram 40GiB -- true
code 1 rent -n --listing ffffffff -- true
code 2 rent -n --gpu rtx4090 --vram 48GiB -- true
code 2 rent true
code 1 rent -n --image "sha256:$(printf '%064d' 0)" -- true
code 0 rent --dry-run -- true >"$WORK/out"
code 1 rent --dry-run --max-total 0.000001 -- true
equal "spent by refusals" "$spent" "$(on renter-1 spending --json | value spent_uusd)"
