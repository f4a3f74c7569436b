#!/bin/sh
# A fresh machine: three commands to a signed listing that peers can see, and what is said when
# something is wrong.
set -eu
. tests/e2e/lib/steps.sh

me() { gpulet --data "$WORK/me" "$@"; }
stop() { me down >/dev/null 2>&1 || true; }
trap stop EXIT

# Nothing runs yet: known at once, and said.
for command in status gpus listings 'rent -- true' down; do
    # shellcheck disable=SC2086
    code 3 me $command
    has "no daemon" "$WORK/err" 'start it with: gpulet up'
done
me version --json | value version | grep -q '^[0-9]' || fail "no version"
code 2 me lisings
has "the nearest name" "$WORK/err" 'did you mean gpulet listings'
code 2 me status --jsn
code 2 me

# Simulated cards are refused outside test networks, before anything is made.
code 1 me up --simulate rtx4090 --listen tcp://127.41.1.1:7810
has "simulated cards" "$WORK/err" 'test'
code 2 me up --no-such-setting 1

# The three commands.
begin=$(date +%s)
me up --network test-me --simulate rtx4090 --listen tcp://127.41.1.1:7810 >"$WORK/up"
has "up" "$WORK/up" 'test-me'
me host --ask 0.35/h >"$WORK/host"
me listings --mine --json >"$WORK/listings"
[ $(($(date +%s) - begin)) -lt 60 ] || fail "it took a minute"
equal "listings" 1 "$(values listing <"$WORK/listings" | wc -l)"
equal "ask" 350000 "$(value ask_uusd_per_hour <"$WORK/listings")"
has "flags" "$WORK/listings" '"simulated"'

# A second daemon on the same data is refused; up says that one runs.
pid=$(me status --json | value pid)
code 1 gpuletd --data "$WORK/me" --network test-me --listen tcp://127.41.1.2:7810
code 0 me up
equal "pid" "$pid" "$(me status --json | value pid)"
code 1 me up --label other

# Every list is one object with one key, and a table for people has no colour in a file.
for list in gpus listings leases peers ledger receipts earnings spending market; do
    me $list --json >"$WORK/$list.json" || fail "$list --json"
    equal "$list: begin" '{' "$(head -c 1 "$WORK/$list.json")"
    me $list >"$WORK/$list.txt" 2>/dev/null || fail "$list"
    ! grep -q "$(printf '\033')" "$WORK/$list.txt" || fail "$list has colours in a file"
done
has "gpus" "$WORK/gpus.json" '"gpus": \['
has "ledger" "$WORK/ledger.json" '"entries": \['
code 2 me config get
me help --json | grep -q '"exit_codes"' || fail "no catalogue"

# Settings: shown with where they come from, changed for the next start, refused when wrong.
equal "where a setting comes from" "command line" "$(me config get network --json | value from)"
code 0 me config set label 'a name'
equal "the setting in the file" 1 "$(grep -c '^label = a name$' "$WORK/me/gpuletd.conf")"
code 2 me config set up fast
code 1 me config get no-such-setting
code 0 me config explain >"$WORK/explained"
has "settings" "$WORK/explained" 'spend-per-day'

# The identity on paper makes the same identity elsewhere, and never overwrites one.
me identity backup >"$WORK/words" 2>/dev/null
gpulet --data "$WORK/copy" identity restore <"$WORK/words" >"$WORK/restored" 2>/dev/null
equal "identity" "$(me identity show --json | value identity)" \
    "$(gpulet --data "$WORK/copy" identity show --json | value identity)"
equal "identity" "$(me status --json | value identity)" "$(me identity show --json | value identity)"
code 1 gpulet --data "$WORK/copy" identity restore <"$WORK/words"
tr 'a-m' 'n-z' <"$WORK/words" >"$WORK/wrong"
code 1 gpulet --data "$WORK/third" identity restore <"$WORK/wrong"
[ ! -e "$WORK/third/identity" ] || fail "wrong words made an identity"

# What was told returns after a restart and after a power cut.
me down >/dev/null 2>&1
is_gone "$pid" || fail "the daemon still runs"
[ ! -e "$WORK/me/run/control" ] || fail "the socket is still there"
me up >/dev/null
equal "label after a restart" 'a name' "$(me status --json | value label)"
wait_until 5 "the listing after a restart" \
    sh -c "gpulet --data '$WORK/me' listings --mine --json | grep -q '\"ask_uusd_per_hour\": 350000'"
pid=$(me status --json | value pid)
kill -9 "$pid"
wait_until 5 "the end of the daemon" is_gone "$pid"
code 3 me status
me up >/dev/null
wait_until 5 "the listing after a power cut" \
    sh -c "gpulet --data '$WORK/me' listings --mine --json | grep -q '\"ask_uusd_per_hour\": 350000'"

# Taken back, it is gone, and stays so.
me unhost >/dev/null 2>&1
wait_until 5 "no listing after unhost" \
    sh -c "gpulet --data '$WORK/me' listings --mine --json | grep -q '\"listings\": \[\]'"
pid=$(me status --json | value pid)
code 0 me down
is_gone "$pid" || fail "the daemon still runs"
