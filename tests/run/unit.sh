#!/bin/sh
# Runs the Criterion runners given as arguments and fails when a test fails, when a sanitizer left a
# report (Criterion 2.4.1 exits 0 when a passing test leaks), or when no test at all was run.
set -u

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export ASAN_OPTIONS="detect_leaks=1:log_path=$reports/asan:${ASAN_OPTIONS:-}"

export UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/ubsan:${UBSAN_OPTIONS:-}"

failed=0
total=0
for runner in "$@"; do
    room=${runner##*/}
    start=$(date +%s)
    # One time limit for all tests: BoxFort, under Criterion, drops its list of limits when a later test has a
    # shorter one (push in its timeout-posix.c), so that a hung test is not ended and the runner leaks.
    "$runner" --timeout "${UNIT_TIMEOUT:-120}" >"$reports/output" 2>&1
    code=$?
    closing=$(grep 'Synthesis' "$reports/output" | tail -n 1)
    count=$(printf '%s\n' "$closing" | sed -n 's/.*Tested: [^0-9]*\([0-9][0-9]*\).*/\1/p' |
        head -n 1)
    count=${count:-0}
    total=$((total + count))
    if [ "$code" -ne 0 ] || [ -z "$closing" ]; then
        cat "$reports/output"
        echo "unit: $room failed (exit code $code)" >&2
        failed=1
    else
        echo "unit: $room ($(($(date +%s) - start)) s)"
        cat "$reports/output"
        [ "$count" -gt 0 ] || { echo "unit: $room ran no test" >&2; failed=1; }
    fi
    for report in "$reports"/asan* "$reports"/ubsan*; do
        [ -s "$report" ] || continue
        head -n 60 "$report" >&2
        rm -f "$report"
        echo "unit: a sanitizer complained in $room" >&2
        failed=1
    done
done
if [ "$total" -eq 0 ]; then
    echo "unit: no unit test was run" >&2
    exit 1
fi
[ "$failed" -eq 0 ] || exit 1
echo "unit: $total tests passed"
