#!/bin/sh
# The top-level folders are the rooms, the tests and the documents, and nothing else.
. "$(dirname "$0")/lib.sh"

for folder in */; do
    [ -d "$folder" ] || continue
    case ${folder%/} in
    node | protocol | crypto | storage | cli | tests | docs | build) ;;
    *) echo "${folder%/}:1: no such room; a helper lives in the lowest room that needs it" ;;
    esac
done | verdict
