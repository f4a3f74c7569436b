#!/bin/sh
# Runs tests/e2e/*.sh against the programs in BIN, a few at a time, as they mostly wait; "short" leaves out
# slow_*.sh. A script gets BIN (absolute), PATH with BIN first, and WORK, an empty directory of its own.
set -u
export BIN

run_one() {
    WORK=$(mktemp -d /tmp/gpulet-e2e.XXXXXX)
    export WORK
    start=$(date +%s)
    timeout "${E2E_TIMEOUT:-120}" sh tests/run/optional.sh "$1" >"$WORK.log" 2>&1
    code=$?
    if [ "$code" -eq 0 ]; then
        word=passed
        ! grep -q '^skipped' "$WORK.log" || word=$(grep '^skipped' "$WORK.log" | head -n 1)
        echo "e2e: ${1##*/} $word ($(($(date +%s) - start)) s)"
        rm -rf "$WORK" "$WORK.log"
    else
        { tail -n 60 "$WORK.log"
        echo "e2e: ${1##*/} failed (exit code $code); kept: $WORK $WORK.log"; } >&2
    fi
    return "$code"
}

if [ "$1" = one ]; then
    run_one "$2"
    exit
fi
for script in tests/e2e/*.sh; do
    case $script in
    */slow_*) [ "$1" = all ] || continue ;;
    esac
    [ ! -f "$script" ] || echo "$script"
done | xargs -n 1 -P "${E2E_JOBS:-3}" sh tests/run/e2e.sh one
