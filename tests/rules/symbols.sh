#!/bin/sh
# What the release objects call: a pure room calls no clock, no I/O and no random source, and no room
# calls what it may not see. Also: no mutable globals. Runs after the build.
. "$(dirname "$0")/lib.sh"
lib=${1:-${BUILD:-build}/release/lib}

common='^(_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__assert_fail|__u?(div|mod|divmod)ti[34]|__multi3|__(popcount|ctz|clz)[ds]i2|(__)?mem(cpy|move|set|cmp|chr|rchr|mem)(_chk)?|explicit_bzero|(__explicit_bzero_chk)|strn?len|strn?cmp|strr?chr|strstr|strspn|strcspn|(__)?v?snprintf(_chk)?)$'
memory='^(calloc|malloc|aligned_alloc|free)$'
# libsodium without the calls that draw random numbers by themselves.
sodium='^(sodium_(init|mem.*|mlock|bin2hex|hex2bin|is_zero|compare|increment|add|pad|unpad)|crypto_.*)$'
draws='(^randombytes|_keypair$|_keygen$|^crypto_box_seal$|_init_push$|^crypto_pwhash_str)'

allowed_in() {
    case $1 in
    protocol) echo "$common|^msgpack_" ;;
    crypto) echo "$common|$sodium" ;;
    market | core) echo "$common|$memory" ;;
    esac
}
seen_by() {
    case $1 in
    protocol) echo "protocol" ;;
    crypto) echo "crypto protocol" ;;
    market) echo "market protocol" ;;
    core) echo "core market crypto protocol" ;;
    esac
}
# crypto/keypair.c makes the seed, crypto/key_file.c the salt and crypto/channel.c a stream's header.
may_draw='^(keypair|key_file|channel)\.o$'
# crypto/key_file.c keeps the identity on disk.
key_file_io='^(__open(64)?_2|open(64)?|fstat(64)?|(__)?read(_chk)?|write|fchmod|fsync|close|rename|link|unlink|geteuid|__errno_location)$'
# crypto/key_file.c also reads and writes the identity file.
file_keeper='^key_file\.o$'
files='^(__errno_location|open|close|read|write|fstat|fchmod|fsync|link|rename|unlink|geteuid)$'
# Of crypto, the core may call only what answers the same twice.
core_never='^(keypair_generate|key_file_.*)$'

defined() {
    for room in $(seen_by "$1"); do
        nm -g --defined-only "$lib/lib$room.a" 2>/dev/null
    done | awk 'NF == 3 { print $3 }' | sort -u
}

{
    for room in protocol crypto market core; do
        [ -f "$lib/lib$room.a" ] || { echo "$lib/lib$room.a:1: is not built"; continue; }
        own=$(mktemp)
        defined "$room" >"$own"
        nm -A -u "$lib/lib$room.a" 2>/dev/null | awk -v room="$room" -v own="$own" \
            -v allowed="$(allowed_in "$room")" -v draws="$draws" -v may_draw="$may_draw" \
            -v key_file_io="$key_file_io" -v core_never="$core_never" '
        BEGIN { while ((getline name <own) > 0) is_own[name] = 1 }
        {
            object = $1
            sub(/:$/, "", object); sub(/^.*:/, "", object)
            source = object; sub(/\.o$/, ".c", source)
            where = (room == "market" || room == "core" ? "node/" room : room) "/" source
            if (room == "core" && $NF ~ core_never)
                print where ":1: calls " $NF "(), which draws random numbers or reads files"
            else if ($NF in is_own)
                next
            else if (room == "crypto" && $NF ~ draws) {
                if (object !~ may_draw) print where ":1: calls " $NF "(), which draws random numbers"
            } else if (room == "crypto" && object == "key_file.o" && $NF ~ key_file_io)
                next
            else if ($NF !~ allowed)
                print where ":1: calls " $NF "(), which a pure room may not call"
        }'
        rm -f "$own"
    done

    # Mutable globals live in .data or .bss; constant tables of pointers are in .data.rel.ro.
    for room in protocol crypto storage market core io cli; do
        [ -f "$lib/lib$room.a" ] || continue
        objdump -t "$lib/lib$room.a" 2>/dev/null | awk -v room="$room" '
        / file format / { object = $1; sub(/:$/, "", object); next }
        $3 == "O" && $4 ~ /^\.(t?data|t?bss)($|\.)/ && $4 !~ /^\.data\.rel\.ro/ ||
        $2 == "O" && $3 ~ /^(\.(t?data|t?bss)($|\.)|\*COM\*)/ && $3 !~ /^\.data\.rel\.ro/ {
            if (room == "io" && object == "log.o") next
            print room "/" object ":1: " $NF " is a mutable global"
        }'
    done
} | verdict
