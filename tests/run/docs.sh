#!/bin/sh
# Prints documents from the code's own tables: each tests/tools/print_NAME.c says in its first lines
# which file it prints ("Prints docs/wire.md"), else it is docs/NAME.md. "check" compares, "write" writes.
set -u
failed=0
for source in tests/tools/print_*.c; do
    [ -f "$source" ] || continue
    name=$(basename "$source" .c)
    target=$(sed -n '1,5s|.*[Pp]rints \([a-z]*/[A-Za-z0-9_./-]*[a-z0-9]\).*|\1|p' "$source" | head -n 1)
    target=${target:-docs/${name#print_}.md}
    printed=$TESTS/tools/$name.out
    if ! "$TESTS/tools/$name" >"$printed"; then
        echo "docs: $name failed" >&2
        failed=1
    elif [ "$1" = write ]; then
        mkdir -p "$(dirname "$target")"
        cmp -s "$printed" "$target" || { cp "$printed" "$target"; echo "docs: wrote $target"; }
    elif ! cmp -s "$printed" "$target"; then
        diff -u "$target" "$printed" | head -n 20
        echo "docs: $target is not what the code prints; run \`make docs\`" >&2
        failed=1
    fi
done
exit "$failed"
