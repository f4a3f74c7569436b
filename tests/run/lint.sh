#!/bin/sh
# Layout, when clang-format is there.
set -u
failed=0
if command -v clang-format >/dev/null 2>&1; then
    for file in $(git ls-files '*.c' '*.h'); do
        [ -f "$file" ] || continue
        clang-format "$file" | cmp -s - "$file" || { echo "$file: run \`make format\`" >&2; failed=1; }
    done
fi
exit "$failed"
