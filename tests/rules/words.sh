#!/bin/sh
# Words that have no place in the tree: left-over marks, one machine's paths, ticket numbers, names of
# people, names of package mirrors. The words are broken here so that this file does not name them.
. "$(dirname "$0")/lib.sh"

words='(^|[^A-Za-z0-9_])(T''ODO|F''IXME|X''XX|C''EO)([^A-Za-z0-9_]|$)|/wor''k/|[Ii]ssue #?[0-9]|farm''-[a-z]|<<<<<''<< |>>>>>''>> '
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard
else
    find . -type f -not -path './build/*' | sed 's|^\./||'
fi | grep -v -e '^LICENSE$' -e '^tests/fuzz/corpus/' | while read -r file; do
    [ ! -f "$file" ] || grep -nIE "$words" "$file" /dev/null
done | sed 's/^\([^:]*:[0-9]*\):.*/\1: a word that has no place in the tree (see tests\/rules\/words.sh)/' | verdict
