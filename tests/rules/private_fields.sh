#!/bin/sh
# A field called ..._private is touched by the file pair that declares it and by nobody else: money only
# by protocol/amount.[ch], the members of a verified record only by crypto/record.[ch].
. "$(dirname "$0")/lib.sh"

code | awk -F : '
function stem(path) { sub(/\.[ch]$/, "", path); return path }
{
    rest = $0
    sub(/^[^:]*:[^:]*:/, "", rest)
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*_private/)) {
        name = substr(rest, RSTART, RLENGTH)
        after = substr(rest, RSTART + RLENGTH)
        rest = after
        if (after ~ /^[A-Za-z0-9_]/) continue
        count++
        used_name[count] = name; used_file[count] = $1; used_line[count] = $2
        # A declaration in a header: the name is followed by ";", "[" or ":".
        if ($1 ~ /\.h$/ && after ~ /^[ \t]*(;|:|\[)/) owner[name] = owner[name] " " stem($1)
    }
}
END {
    owner["micro_private"] = " protocol/amount"
    for (i = 1; i <= count; i++)
        if (index(owner[used_name[i]] " ", " " stem(used_file[i]) " ") == 0 && owner[used_name[i]] != "")
            print used_file[i] ":" used_line[i] ": " used_name[i] " belongs to" owner[used_name[i]] \
                ".[ch]; use its functions"
}' | verdict
