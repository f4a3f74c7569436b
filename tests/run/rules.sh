#!/bin/sh
# Runs every source rule.
set -u
failed=0
for rule in tests/rules/*.sh; do
    case $rule in
    # The first two are no rules, and the third reads objects: `make symbols` runs it after the build.
    */self_test.sh | */lib.sh | */symbols.sh) continue ;;
    esac
    [ -f "$rule" ] || continue
    sh "$rule" || failed=1
done
[ "$failed" -eq 0 ] || { echo "rules: broken" >&2; exit 1; }
echo "rules: kept"
