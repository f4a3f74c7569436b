#!/bin/sh
# Runs the Criterion runners given as arguments and fails when a test fails, when a sanitizer left a
# report (Criterion 2.4.1 exits 0 when a passing test leaks), or when no test at all was run.
set -u

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export ASAN_OPTIONS="detect_leaks=1:log_path=$reports/asan:${ASAN_OPTIONS:-}"

# True for a report of leaks alone, each allocated by a function of libcriterion itself (frame 1): ours, and
# what ours makes any other library allocate, have another frame there.
leak_is_the_test_library_s() {
    grep -q 'ERROR: LeakSanitizer' "$1" && ! grep -q 'ERROR: AddressSanitizer\|runtime error' "$1" &&
        awk '/^ *#1 / { n++; if ($0 !~ /libcriterion\.so/) other = 1 } END { exit !(n > 0 && !other) }' "$1"
}
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/ubsan:${UBSAN_OPTIONS:-}"

failed=0
total=0
for runner in "$@"; do
    room=${runner##*/}
    start=$(date +%s)
    "$runner" --timeout "${UNIT_TIMEOUT:-60}" >"$reports/output" 2>&1
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
        if leak_is_the_test_library_s "$report"; then
            echo "unit: the test library itself leaked in $room; not ours"
            rm -f "$report"
            continue
        fi
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
