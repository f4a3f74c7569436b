#!/bin/sh
# Runs the simulator with SEED and STEPS from the environment; STEPS=short is the taste in `make check`. Then
# two gangs fight for the same hosts, GANGS times.
set -eu
if [ ! -x "$TESTS/sim" ]; then
    echo "sim: no simulator is built"
    exit 0
fi
gangs=20
if [ "${STEPS:-}" = short ]; then
    STEPS=20000
    gangs=3
fi
env -u GANGS SEED="${SEED:-1}" STEPS="${STEPS:-200000}" "$TESTS/sim"
exec env SEED="${SEED:-1}" GANGS="${GANGS:-$gangs}" "$TESTS/sim"
