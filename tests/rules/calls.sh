#!/bin/sh
# Calls that are banned everywhere, and calls that belong to one room.
. "$(dirname "$0")/lib.sh"

code | awk -F : '
BEGIN {
    n = split("strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok strtok_r atoi atol atoll" \
              " atof strtod strtof scanf fscanf sscanf vscanf vfscanf vsscanf rand srand rand_r random" \
              " srandom drand48 system popen alloca setjmp longjmp sigsetjmp siglongjmp tmpnam tempnam" \
              " mktemp", list, " ")
    for (i = 1; i <= n; i++) banned[list[i]] = 1
}
function complain(text) { print $1 ":" $2 ": " text }
{
    file = $1
    rest = $0
    sub(/^[^:]*:[^:]*:/, "", rest)
    in_tests = file ~ /^tests\//
    if (in_tests && rest ~ /^Test(Suite)?\(.*\.timeout/)
        complain(".timeout makes the test library lose the limits of other tests; tests/run/unit.sh sets one")
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        name = substr(rest, RSTART, RLENGTH)
        before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
        rest = substr(rest, RSTART + RLENGTH)
        sub(/[ \t]*\($/, "", name)
        if (before ~ /[.>]/) continue
        if (name in banned) complain(name "() is banned")
        if (in_tests) continue
        if (name == "memcmp" && file ~ /^crypto\//)
            complain("memcmp() takes a time that tells secrets; use sodium_memcmp()")
        if (name ~ /^msgpack_unpack/)
            complain(name "() trusts its input; foreign bytes go through the strict reader")
        if (name ~ /^mdb_/ && file !~ /^storage\//) complain(name "() belongs to storage")
        if (name ~ /^zmq_/ && file !~ /^(node\/io\/|cli\/connection\.c$)/)
            complain(name "() belongs to node/io and cli/connection.c")
        if (name ~ /^(sodium_|randombytes|crypto_(aead|auth|box|core|generichash|hash|kdf|kx|onetimeauth|pwhash|scalarmult|secretbox|secretstream|shorthash|sign|stream|verify)(_|$))/ && file !~ /^crypto\//)
            complain(name "() belongs to crypto")
    }
}' | verdict
