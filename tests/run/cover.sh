#!/bin/sh
# Prints line coverage per source file, worst first, from the coverage build in the directory named here.
set -eu
top=$PWD
for room in protocol crypto storage node cli; do
    [ ! -d "$1/obj/$room" ] || find "$1/obj/$room" -name '*.gcno'
done | while read -r notes; do
    (cd "$top" && gcov -n -r -s "$top" "$notes" 2>/dev/null) || true
done | awk -F "[':% ]+" '
/^File / { file = $2 }
/^Lines executed/ && file ~ /\.c$/ {
    lines = $NF; covered = lines * $3 / 100
    if (!(file in total) || covered > hit[file]) { total[file] = lines; hit[file] = covered }
    file = ""
}
/^No executable/ { file = "" }
END {
    for (f in total) {
        printf "%6.1f %% of %5d lines  %s\n", 100 * hit[f] / total[f], total[f], f | "sort -n"
        all += total[f]; all_hit += hit[f]
    }
    close("sort -n")
    if (all > 0) printf "%6.1f %% of %5d lines  in all\n", 100 * all_hit / all, all
}'
