#!/bin/sh
# Runs the script named as the first argument with the built programs first in PATH; says so plainly and
# fails when it is not there.
set -eu
if [ ! -f "$1" ]; then
    echo "$1: there is no such script" >&2
    exit 1
fi
PATH=${BIN:+$BIN:}$PATH
export PATH
case $(head -n 1 "$1") in
*bash*) exec bash "$@" ;;
*) exec sh "$@" ;;
esac
