#!/bin/sh
# Test networks: the seed decides, two of them do not meet, and nothing stays behind.
set -eu
. tests/e2e/lib/steps.sh

other=$WORK/other
down_both() {
    status=$?
    trap - EXIT
    gpulet testnet down --dir "$NET" >/dev/null 2>&1 || true
    gpulet testnet down --dir "$other" >/dev/null 2>&1 || true
    exit "$status"
}
trap down_both EXIT

code 1 gpulet testnet ps --dir "$NET"
gpulet testnet up --hosts 3 --renters 1 --seed 4 --dir "$NET" --json >"$WORK/a"
gpulet testnet up --hosts 3 --renters 1 --seed 4 --dir "$other" --json >"$WORK/b"

# Same seed: same keys, cards and prices; another network all the same.
for key in identity cards ask_uusd_per_hour name; do
    equal "$key" "$(values $key <"$WORK/a")" "$(values $key <"$WORK/b")"
done
[ "$(value network <"$WORK/a")" != "$(value network <"$WORK/b")" ] || fail "one name for two"
for dir in "$NET" "$other"; do
    equal "listings" 3 "$(gpulet --dir "$dir" --node renter-1 listings --json |
        values listing | wc -l)"
    equal "peers" 3 "$(gpulet --dir "$dir" --node renter-1 peers --json | values peer | wc -l)"
done

# The one started last is meant when none is named.
equal "the last one" "$(value network <"$WORK/b")" "$(gpulet testnet ps --json | value network)"
code 1 gpulet testnet up --dir "$NET"
code 1 gpulet --node hots-1 status
has "the nearest name" "$WORK/err" 'did you mean host-1'

# Killed and started again, a node is the same and is found again.
before=$(on host-2 status --json | value identity)
gpulet testnet kill host-2 -9 --dir "$NET" 2>/dev/null
code 3 on host-2 status
code 1 gpulet testnet kill host-2 --dir "$NET"
echo "up = 77Mbit/s" >>"$NET/host-2/gpuletd.conf" # as a person may
gpulet testnet restart host-2 --dir "$NET" 2>/dev/null
equal "identity" "$before" "$(on host-2 status --json | value identity)"
wait_until 20 "its listing" sh -c \
    "gpulet --dir '$NET' --node host-2 listings --mine --json | grep -q '\"own\": true'"
wait_until 20 "its changed settings" sh -c \
    "gpulet --dir '$NET' --node host-2 listings --mine --json | grep -q '\"up_mbit_s\": 77'"
wait_until 20 "its peers" sh -c \
    "test \$(gpulet --dir '$NET' --node host-2 status --json | grep -c '\"peers\": 3') = 1"
gpulet testnet logs host-2 --dir "$NET" | grep -q ready || fail "no log"

# Down: no process, no file.
pids="$(values pid <"$WORK/b") $(gpulet testnet ps --dir "$NET" --json | values pid)"
code 0 gpulet testnet down --dir "$NET"
code 0 gpulet testnet down --dir "$other" --keep
for pid in $pids; do
    is_gone "$pid" || fail "process $pid still runs"
done
[ ! -e "$NET" ] || fail "$NET is still there"
[ -d "$other/host-1" ] || fail "--keep kept nothing"
rm -rf "$other"

# Offers of a file: what is good is used, what is not is told with its line.
cat >"$WORK/offers.csv" <<'CSV'
GPU,NumGPUs,PricePerHour,VRAM_GB,InetUp,InetDown
RTX 4090,1,0.35,24,100,900
Voodoo 2,1,0.01,0,1,1
RTX 3060,2,0.05,12,20,80
CSV
gpulet testnet up --hosts 5 --offers "$WORK/offers.csv" --dir "$NET" >"$WORK/out" 2>"$WORK/err"
has "what is refused" "$WORK/err" 'line 3: Voodoo 2: no such card'
equal "hosts" 2 "$(grep -c '^host-' "$WORK/out")"
equal "asks" "350000 50000" "$(on renter-1 listings --json | values ask_uusd_per_hour |
    sort -rn | tr '\n' ' ' | sed 's/ $//')"
code 1 gpulet testnet up --offers /nonexistent --dir "$WORK/none"
