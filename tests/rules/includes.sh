#!/bin/sh
# Who includes whom, and which library header may appear in which room.
. "$(dirname "$0")/lib.sh"

files=$(sources)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
awk '
BEGIN {
    sees["protocol"] = "protocol"
    sees["crypto"] = "crypto protocol"
    sees["storage"] = "storage crypto protocol"
    sees["node/market"] = "node/market protocol"
    sees["node/core"] = "node/core node/market crypto protocol"
    sees["node/io"] = "node/io node/core node/market storage crypto protocol"
    sees["node"] = sees["node/io"]
    sees["cli"] = "cli node/market crypto protocol"
    pure["protocol"] = pure["crypto"] = pure["node/market"] = pure["node/core"] = 1

    # What pure code may include of the system: no clock, no I/O, no random source, no floats.
    n = split("assert.h inttypes.h limits.h stdalign.h stdarg.h stdbool.h stddef.h stdint.h stdio.h" \
              " stdlib.h stdnoreturn.h string.h", list, " ")
    for (i = 1; i <= n; i++) plain[list[i]] = 1
    # The one file of a pure room that reads and writes: the identity.
    n = split("errno.h fcntl.h sys/stat.h unistd.h", list, " ")
    for (i = 1; i <= n; i++) key_file[list[i]] = 1

    # Vector registers for integers, and whether this processor has them.
    vectors = "^(cpuid|immintrin)\\.h$"
    vector_file = "node/market/scan.c"

    # Library header -> the files that may include it, beside the tests.
    library["zmq.h"] = "^(node/io/|cli/connection\\.[ch]$)"
    library["zmq_utils.h"] = library["zmq.h"]
    library["sodium.h"] = "^crypto/"
    library["lmdb.h"] = "^storage/"
    library["msgpack.h"] = "^protocol/"
    library["jansson.h"] = "^(cli|node/io)/"
    library["ini.h"] = "^(cli|node/io)/"
    library["seccomp.h"] = "^node/io/"
    library["pthread.h"] = "^(node/io/|node/main\\.c$)"
    # The identity file is the one thing below storage that is read and written.
    file_keeper = "crypto/key_file.c"
    file_header = "^(errno|fcntl|sys/stat|unistd)\\.h$"
    sockets = "^(node/io/|cli/)"
    system_room = "^(node/io/|node/main\\.c$)"
}
function room_of(path) {
    if (path ~ /^node\/(market|core|io)\//) { sub(/^node\//, "", path); sub(/\/.*/, "", path); return "node/" path }
    sub(/\/.*/, "", path)
    return path
}
function complain(text) { print FILENAME ":" FNR ": " text }
function allowed(room, wanted,    parts, n, i) {
    n = split(sees[room], parts, " ")
    for (i = 1; i <= n; i++) if (parts[i] == wanted) return 1
    return 0
}
FNR == 1 {
    room = room_of(FILENAME)
    viewer = room
    if (room == "tests") {
        # A unit test of a room sees what its room sees; other test programs see everything.
        viewer = ""
        part = FILENAME; sub(/^tests\//, "", part); sub(/\/.*/, "", part)
        if (part ~ /^(market|core|io)$/) part = "node/" part
        if (part in sees) viewer = part
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    wanted = $0
    sub(/^[^"]*"/, "", wanted); sub(/".*/, "", wanted)
    target = room_of(wanted)
    if (wanted ~ /\.\.\// || !(target in sees || target == "tests"))
        complain("includes \"" wanted "\"; write the path from the root, such as \"protocol/bytes.h\"")
    else if (target == "tests" ? room != "tests" : (viewer != "" && !allowed(viewer, target)))
        complain("includes \"" wanted "\", but " (viewer == "" ? room : viewer) " may not see " target)
    next
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    wanted = $0
    sub(/^[^<]*</, "", wanted); sub(/>.*/, "", wanted)
    if (room == "tests") next
    if (wanted in library) {
        if (FILENAME !~ library[wanted]) complain("<" wanted "> may not appear in this file")
    } else if (wanted ~ /^criterion\//) {
        complain("<" wanted "> belongs to the tests")
    } else if (wanted ~ /^msgpack\//) {
        if (FILENAME !~ library["msgpack.h"]) complain("<" wanted "> may not appear in this file")
    } else if (wanted ~ /^sodium\//) {
        complain("<" wanted "> is an inner header; include the library as a whole")
    } else if (room in pure) {
        if (!(wanted in plain) && !(FILENAME == "crypto/key_file.c" && wanted in key_file) &&
            !(FILENAME == vector_file && wanted ~ vectors))
            complain("<" wanted "> may not appear in a pure room")
    } else if (wanted ~ /^(sys\/socket|sys\/un|netinet\/.*|arpa\/.*|netdb)\.h$/) {
        if (FILENAME !~ sockets) complain("<" wanted "> may not appear in this room: it opens no socket")
    } else if (wanted ~ /^(linux\/.*|net\/.*|sched|sys\/(mount|prctl|inotify|fanotify|epoll|ptrace|syscall)|dlfcn)\.h$/) {
        if (FILENAME !~ system_room) complain("<" wanted "> may appear in node/io only")
    }
}' $files | verdict
