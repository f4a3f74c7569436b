#!/bin/sh
# Fuzzes each target named as an argument for FUZZ_SECONDS; new inputs stay in the build directory.
set -u
for name in "$@"; do
    found=$TESTS/fuzz/found/$name
    mkdir -p "$found"
    corpus=
    [ ! -d "tests/fuzz/corpus/$name" ] || corpus=tests/fuzz/corpus/$name
    # shellcheck disable=SC2086
    if ! "$TESTS/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -timeout=5 -rss_limit_mb=512 \
        -max_len=65536 -artifact_prefix="$TESTS/fuzz/" -print_final_stats=1 "$found" $corpus \
        >"$TESTS/fuzz/$name.log" 2>&1; then
        tail -n 40 "$TESTS/fuzz/$name.log" >&2
        echo "fuzz: $name failed" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$TESTS/fuzz/$name.log")
    echo "fuzz: $name: ${runs:-?} inputs in $FUZZ_SECONDS s"
done
