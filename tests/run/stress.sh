#!/bin/sh
# Runs the stress programs given as arguments, under ThreadSanitizer in its variant.
set -u
supp=tests/stress/tsan.supp
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
[ ! -f "$supp" ] || TSAN_OPTIONS="$TSAN_OPTIONS:suppressions=$PWD/$supp"
for program in "$@"; do
    timeout 300 "$program" || { echo "stress: ${program##*/} failed" >&2; exit 1; }
    echo "stress: ${program##*/} passed"
done
