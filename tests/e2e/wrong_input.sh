# Every command and option of `gpulet help --json` with wrong input: a sentence, an exit code, no output, and
# nothing changed. A part of the command lines, another one each time; slow_wrong_input.sh runs all of them.
. tests/e2e/lib/network.sh

network_up --hosts 1 --renters 1 --seed 15

# Everything that commands could change.
state() {
    for question in 'listings --mine' 'leases --all' ledger requests 'config show' receipts 'identity show'; do
        # shellcheck disable=SC2086
        on renter-1 $question --json 2>&1
        # shellcheck disable=SC2086
        on host-1 $question --json 2>&1
    done
    gpulet --dir "$NET" testnet ps --json
    (cd "$NET" && find . -name identity -exec cksum {} + | sort)
    (cd "$WORK/empty" && find .)
}

mkdir "$WORK/empty"
on host-1 help --json >"$WORK/help.json" || fail "help --json"
state >"$WORK/before"
(cd "$WORK/empty" && "$TESTS/attack/wrong_input" "$BIN/gpulet" "$NET" host-1 "${STRIDE:-6}" <"$WORK/help.json") ||
    fail "wrong input is not refused as it should be"
state >"$WORK/after"
diff "$WORK/before" "$WORK/after" || fail "wrong input changed something"
