# Prints "file:line:code" without comments and with empty string and character literals.
FNR == 1 { in_comment = 0 }
{
    rest = $0
    out = ""
    while (rest != "") {
        if (in_comment) {
            i = index(rest, "*/")
            if (i == 0) break
            rest = substr(rest, i + 2)
            in_comment = 0
        } else if (match(rest, /["']|\/\*|\/\//)) {
            token = substr(rest, RSTART, RLENGTH)
            out = out substr(rest, 1, RSTART - 1)
            rest = substr(rest, RSTART + RLENGTH)
            if (token == "//") break
            if (token == "/*") {
                in_comment = 1
                out = out " "
            } else {
                found = token == "\"" ? match(rest, /^([^"\\]|\\.)*"/) : match(rest, /^([^'\\]|\\.)*'/)
                out = out token token
                rest = found ? substr(rest, RLENGTH + 1) : ""
            }
        } else {
            out = out rest
            rest = ""
        }
    }
    if (out !~ /^[ \t]*$/) print FILENAME ":" FNR ":" out
}
