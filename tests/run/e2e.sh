#!/bin/sh
# Runs tests/e2e/*.sh against the programs in BIN; "short" leaves out slow_*.sh.
# A script gets BIN (absolute), PATH with BIN first, and WORK, an empty directory of its own.
set -u
export BIN
failed=0
for script in tests/e2e/*.sh; do
    [ -f "$script" ] || continue
    case $script in
    */slow_*) [ "$1" = all ] || continue ;;
    esac
    WORK=$(mktemp -d /tmp/gpulet-e2e.XXXXXX)
    export WORK
    start=$(date +%s)
    timeout "${E2E_TIMEOUT:-120}" sh tests/run/optional.sh "$script" >"$WORK.log" 2>&1
    code=$?
    if [ "$code" -eq 0 ]; then
        echo "e2e: ${script##*/} passed ($(($(date +%s) - start)) s)"
        rm -rf "$WORK" "$WORK.log"
    else
        tail -n 60 "$WORK.log" >&2
        echo "e2e: ${script##*/} failed (exit code $code); kept: $WORK $WORK.log" >&2
        failed=1
    fi
done
exit "$failed"
