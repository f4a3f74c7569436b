#!/bin/sh
# Replays the fuzz corpora: each name given as an argument is a target with tests/fuzz/corpus/NAME/.
set -u
failed=0
for name in "$@"; do
    corpus=tests/fuzz/corpus/$name
    if [ ! -d "$corpus" ]; then
        echo "replay: $name has no corpus in $corpus" >&2
        failed=1
        continue
    fi
    "$TESTS/fuzz/$name" "$corpus" || { echo "replay: $name failed" >&2; failed=1; }
done
exit "$failed"
