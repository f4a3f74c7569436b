#!/bin/sh
# Runs the bench program: its stdout is JSON and goes into the file named here, its stderr is for people.
set -eu
if [ ! -x "$TESTS/bench" ]; then
    echo "bench: no bench program is built" >&2
    exit 1
fi
"$TESTS/bench" >"$1.new"
mv "$1.new" "$1"
echo "bench: wrote $1"
