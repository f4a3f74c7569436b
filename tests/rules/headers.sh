#!/bin/sh
# Headers: the first line says what the file is for, the guard is the path, and a function that returns
# a status cannot be ignored.
. "$(dirname "$0")/lib.sh"

for file in $(sources | grep '\.h$'); do
    awk '
    function complain(line, text) { print FILENAME ":" line ": " text }
    FNR == 1 && $0 !~ /^\/\* ./ { complain(1, "the first line is a comment that says what the file is for") }
    /^#ifndef / && guard == "" {
        guard = $2
        wanted = "GPULET_" toupper(FILENAME)
        gsub(/[^A-Z0-9]/, "_", wanted)
        if (guard != wanted) complain(FNR, "the include guard should be " wanted)
    }
    END { if (guard == "") complain(1, "there is no include guard") }' "$file"
    awk -f "$rules/strip.awk" "$file" | awk -F : '
    {
        text = $0
        sub(/^[^:]*:[^:]*:/, "", text)
        if (text ~ /^enum status [a-z_0-9]+\(/) { open = 1; start = $2; whole = "" }
        if (!open) next
        whole = whole text
        if (text ~ /[;{]/) {
            open = 0
            if (whole ~ /;/ && whole !~ /MUST_USE/)
                print $1 ":" start ": a function that returns enum status is declared MUST_USE"
        }
    }'
done | verdict
