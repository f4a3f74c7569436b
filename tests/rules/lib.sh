# What the source rules share. A rule works on the tree in the current directory.
LC_ALL=C
export LC_ALL
rules=$(dirname "$0")
pure='protocol crypto node/market node/core'

# Every C source and header below the given directories, or of the whole tree.
sources() {
    [ "$#" -gt 0 ] || set -- protocol crypto storage node cli tests
    for directory in "$@"; do
        [ ! -d "$directory" ] || find "$directory" -name '*.[ch]'
    done | sort
}

# The same as "file:line:code", without comments and texts.
code() {
    files=$(sources "$@")
    # shellcheck disable=SC2086
    [ -z "$files" ] || awk -f "$rules/strip.awk" $files
}

# Prints the complaints on stdin and fails when there is one.
verdict() {
    ! grep . >&2
}
