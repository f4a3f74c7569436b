#!/bin/sh
# Warns of files over 600 lines, functions over 70 lines and functions with more than 5 parameters.
# It never fails: a long table or a long switch may be one subject.
. "$(dirname "$0")/lib.sh"

files=$(sources)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
awk '
function warn(line, text) { print FILENAME ":" line ": warning: " text }
FNR == 1 { head = ""; inside = 0 }
FNR == 601 { warn(FNR, "over 600 lines: is this still one subject?") }
/^[a-z].*\(/ && !inside { head = $0; head_line = FNR; if ($0 ~ /[;{]/) head = "" ; next }
head != "" && !inside && /^[ \t]/ { head = head $0; if ($0 ~ /;/) head = "" }
/^\{/ && head != "" {
    inside = 1
    name = head; sub(/\(.*/, "", name)
    list = head; sub(/^[^(]*\(/, "", list)
    while (gsub(/\([^()]*\)/, "", list)) ;
    if (gsub(/,/, ",", list) > 4) warn(head_line, name "() has more than 5 parameters")
}
/^\}/ && inside {
    if (FNR - head_line > 70) warn(head_line, name "() is " FNR - head_line " lines long")
    inside = 0; head = ""
}' $files >&2
exit 0
