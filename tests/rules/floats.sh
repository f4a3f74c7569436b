#!/bin/sh
# No floating point where money and matching must be equal on every machine.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2086
code $pure storage | awk -F : '
{
    rest = $0
    sub(/^[^:]*:[^:]*:/, "", rest)
    if (rest ~ /(^|[^A-Za-z0-9_])(float|double|_Float[0-9]*|__float128)([^A-Za-z0-9_]|$)/)
        print $1 ":" $2 ": floating point may not appear in this room"
    else if (rest ~ /(^|[^A-Za-z0-9_.])[0-9]+\.[0-9]/)
        print $1 ":" $2 ": a floating point number may not appear in this room"
}' | verdict
