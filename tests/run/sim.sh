#!/bin/sh
# Runs the simulator with SEED and STEPS from the environment; STEPS=short is the taste in `make check`.
set -eu
if [ ! -x "$TESTS/sim" ]; then
    echo "sim: no simulator is built"
    exit 0
fi
[ "${STEPS:-}" != short ] || STEPS=20000
exec env SEED="${SEED:-1}" STEPS="${STEPS:-200000}" "$TESTS/sim"
