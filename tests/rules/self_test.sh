#!/bin/sh
# Plants a violation of each source rule in a small tree of its own and fails unless the rule finds it,
# at its line; the same tree without violations must pass.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree" || exit 1
failed=0
cases=0

plain_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p protocol crypto storage node/market node/core node/io cli tests/protocol docs build
    printf '%s\n' '/* Money. */' '#ifndef GPULET_PROTOCOL_AMOUNT_H' '#define GPULET_PROTOCOL_AMOUNT_H' \
        '#include <stdint.h>' 'struct amount {' '    int64_t micro_private;' '};' '#endif' >protocol/amount.h
    printf '%s\n' '#include "protocol/amount.h"' '#include <string.h>' \
        '/* strcpy( and float in a comment, "zmq.h" in a text: nobody minds. */' \
        'const char *words = "strcpy(a, b) double 1.5";' 'int' 'f(struct amount a)' '{' \
        '    return a.micro_private > 0;' '}' >protocol/amount.c
    printf '%s\n' '#include "protocol/amount.h"' '#include <sodium.h>' >crypto/key.c
    printf '%s\n' '#include "crypto/key.h"' '#include <lmdb.h>' >storage/store.c
    printf '%s\n' '#include "storage/store.h"' '#include <zmq.h>' '#include <sys/socket.h>' >node/io/loop.c
    printf '%s\n' '#include "cli/output.h"' '#include <zmq.h>' >cli/connection.c
    printf '%s\n' '#include "protocol/amount.h"' '#include <criterion/criterion.h>' '#include <msgpack.h>' \
        'int x(void) { return msgpack_unpack_next(0); }' >tests/protocol/test_amount.c
}

# $1 rule, $2 file, $3 line; the violation is appended from stdin, or replaces the file with $4 = new.
finds() {
    cases=$((cases + 1))
    plain_tree
    if [ "${4:-}" = new ]; then cat >"$2"; else cat >>"$2"; fi
    line=$3
    [ "$line" != last ] || line=$(wc -l <"$2" | tr -d ' ')
    if sh "$here/$1.sh" >out 2>&1; then
        echo "self_test: $1 passed a violation in $2" >&2
        failed=1
    elif ! grep -q "^$2:$line: " out; then
        echo "self_test: $1 did not name $2:$line but said:" >&2
        cat out >&2
        failed=1
    fi
}

plain_tree
for rule in includes calls private_fields floats headers folders words; do
    cases=$((cases + 1))
    sh "$here/$rule.sh" || { echo "self_test: $rule complains about a clean tree" >&2; failed=1; }
done

finds calls tests/protocol/test_amount.c last <<'X'
Test(amount, adds, .timeout = 5)
X
finds includes protocol/amount.c last <<'X'
#include "crypto/key.h"
X
finds includes node/market/book.c last <<'X'
#include "crypto/key.h"
X
finds includes node/core/core.c last <<'X'
#include "storage/store.h"
X
finds includes node/core/core.c last <<'X'
#include "node/io/loop.h"
X
finds includes storage/store.c last <<'X'
#include "node/market/book.h"
X
finds includes node/io/loop.c last <<'X'
#include "cli/output.h"
X
finds includes cli/main.c last <<'X'
#include "storage/store.h"
X
finds includes cli/main.c last <<'X'
#include "node/core/core.h"
X
finds includes cli/main.c last <<'X'
#include "tests/support/sample.h"
X
finds includes tests/protocol/test_amount.c last <<'X'
#include "crypto/key.h"
X
finds includes protocol/amount.c last <<'X'
#include "amount.h"
X
finds includes protocol/amount.c last <<'X'
#include "../crypto/key.h"
X
for header in time.h unistd.h pthread.h math.h sys/random.h sodium.h immintrin.h zmq.h lmdb.h jansson.h; do
    finds includes node/core/core.c last <<X
#include <$header>
X
done
finds includes crypto/key_file.c last <<'X'
#include <unistd.h>
#include <sys/random.h>
X
finds includes cli/main.c last <<'X'
#include <zmq.h>
X
finds includes cli/main.c last <<'X'
#include <lmdb.h>
X
finds includes storage/store.c last <<'X'
#include <sodium.h>
X
finds includes storage/store.c last <<'X'
#include <sys/socket.h>
X
finds includes cli/main.c last <<'X'
#include <seccomp.h>
X
finds includes crypto/key.c last <<'X'
#include <msgpack.h>
X
finds includes node/io/loop.c last <<'X'
#include <criterion/criterion.h>
X

for name in strcpy strcat strncpy sprintf gets strtok atoi atof scanf sscanf rand system popen alloca setjmp; do
    finds calls node/io/loop.c last <<X
int g(void) { return $name (0); }
X
done
finds calls tests/protocol/test_amount.c last <<'X'
int g(void) { return system("x"); }
X
finds calls crypto/key.c last <<'X'
int g(void) { return memcmp(a, b, 32); }
X
finds calls protocol/amount.c last <<'X'
int g(void) { return msgpack_unpack_next(a); }
X
finds calls node/io/loop.c last <<'X'
int g(void) { return mdb_put(a); }
X
finds calls cli/main.c last <<'X'
int g(void) { return zmq_send(a); }
X
finds calls storage/store.c last <<'X'
int g(void) { return crypto_sign_detached(a); }
X
finds calls node/io/loop.c last <<'X'
int g(void) { return (int)randombytes_random(); }
X

finds private_fields protocol/price.c last <<'X'
int g(struct amount a) { return a.micro_private; }
X
finds private_fields tests/protocol/test_amount.c last <<'X'
int g(struct amount a) { return a.micro_private; }
X
printf '' | finds headers protocol/amount.h 1 new
finds headers protocol/other.h 1 new <<'X'
#ifndef GPULET_PROTOCOL_OTHER_H
#define GPULET_PROTOCOL_OTHER_H
#endif
X
finds headers protocol/other.h 2 new <<'X'
/* Other. */
#ifndef GPULET_OTHER_H
#define GPULET_OTHER_H
#endif
X
finds headers protocol/other.h 4 new <<'X'
/* Other. */
#ifndef GPULET_PROTOCOL_OTHER_H
#define GPULET_PROTOCOL_OTHER_H
enum status other_read(int a,
                       int b);
#endif
X
finds floats node/core/core.c last <<'X'
static double rate;
X
finds floats node/market/book.c last <<'X'
int g(int a) { return a > 2.5; }
X

cases=$((cases + 1))
plain_tree
mkdir util
if sh "$here/folders.sh" >out 2>&1; then
    echo "self_test: folders passed util/" >&2
    failed=1
fi
for word in 'T''ODO' 'F''IXME' '/wor''k/x' 'see is''sue #12'; do
    finds words docs/page.md last <<X
Some text.
Words: $word here.
X
done

# The symbol rule reads objects, so it needs a compiler.
if command -v "${CC:-gcc}" >/dev/null 2>&1; then
    # $1 room, $2 text the rule must say (empty: it must pass); the source comes on stdin.
    symbols() {
        cases=$((cases + 1))
        rm -rf lib && mkdir lib
        cat >source.c
        for room in protocol crypto market core; do ar rcs "lib/lib$room.a"; done
        "${CC:-gcc}" -w -O2 -fPIE -c -o planted.o source.c && ar rcs "lib/lib$1.a" planted.o
        sh "$here/symbols.sh" lib >out 2>&1
        code=$?
        if [ -z "$2" ] && [ "$code" -ne 0 ]; then
            echo "self_test: symbols complains about a clean object:" >&2
            cat out >&2
            failed=1
        elif [ -n "$2" ] && { [ "$code" -eq 0 ] || ! grep -q "$2" out; }; then
            echo "self_test: symbols did not find '$2' in $1" >&2
            cat out >&2
            failed=1
        fi
    }
    symbols crypto 'randombytes_buf()' <<'X'
int randombytes_buf(void);
int g(void);
int g(void) { return randombytes_buf(); }
X
    for room in protocol crypto market core; do
        calls=clock_gettime
        [ "$room" != core ] || calls='time clock_gettime read getrandom printf randombytes_buf qsort getenv'
        for call in $calls; do
            symbols "$room" "$call()" <<X
int $call(void);
int g(void);
int g(void) { return $call(); }
X
        done
        symbols "$room" 'mutable global' <<'X'
int counter;
X
        symbols "$room" 'mutable global' <<'X'
int g(void);
int g(void) { static int calls; return ++calls; }
X
        symbols "$room" '' <<'X'
extern const char *const names[];
const char *const names[] = {"a", "b"};
unsigned long strlen(const char *text);
unsigned long g(int i);
unsigned long g(int i) { return strlen(names[i]); }
X
    done
    symbols crypto 'read()' <<'X'
int read(void);
int g(void);
int g(void) { return read(); }
X
    symbols core 'key_file_read()' <<'X'
int key_file_read(void);
int g(void);
int g(void) { return key_file_read(); }
X
    symbols protocol 'calloc()' <<'X'
void *calloc(unsigned long, unsigned long);
void *g(void);
void *g(void) { return calloc(1, 2); }
X
    symbols market 'crypto_sign()' <<'X'
int crypto_sign(void);
int g(void);
int g(void) { return crypto_sign(); }
X
fi

[ "$failed" -eq 0 ] || exit 1
echo "rules: the self-test planted $cases cases, and each was judged rightly"
