# A data directory on a file system of 16 MiB, which fills up while a job runs, while the node restarts, and
# before it ever started: plain words, no death by signal, nothing lost, and all is well again with room.
if [ "${IN_OWN_MOUNTS:-}" != yes ]; then
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        echo "skipped: only root can mount a small file system"
        exit 0
    fi
    IN_OWN_MOUNTS=yes
    export IN_OWN_MOUNTS
    exec unshare -m --propagation private sh tests/e2e/slow_small_disk.sh
fi
. tests/e2e/lib/network.sh

# Takes all that is left, to the last block; a daemon may take what another has freed meanwhile.
fill() {
    cat /dev/zero >"$1/filler" 2>/dev/null
    cat /dev/zero >"$1/filler.last" 2>/dev/null
    [ "$(df --output=avail "$1" | tail -n 1)" -lt 64 ] || fail "the file system could not be filled"
}

empty() {
    rm -f "$1/filler" "$1/filler.last"
}

# Still the same process, or one that ended by itself with a word; never by a signal.
lives() { # NODE PID WHEN
    kill -0 "$2" 2>/dev/null || fail "$1 died $3: $(tail -n 3 "$NET/$1.log")"
}

space_is() { # NODE WORD
    [ "$(node_field "$1" space)" = "$2" ]
}

rents() {
    out=$(on renter-1 rent --no-input --wait 20s --for 1m -- echo works 2>"$WORK/err") ||
        fail "no rent $1: $(cat "$WORK/err")"
    [ "$out" = works ] || fail "no output $1"
    wait_for 15 "the lease is settled $1" no_open_leases host-1 renter-1
}

# ---- Full before the first start --------------------------------------------------------------

mkdir "$WORK/new"
mount -t tmpfs -o size=16m tmpfs "$WORK/new"
fill "$WORK/new"
timeout 20 gpuletd --data "$WORK/new" --network test-small --listen tcp://127.0.0.1:0 \
    --stream-listen tcp://127.0.0.1:0 >"$WORK/first.out" 2>&1
code=$?
[ "$code" -eq 1 ] || fail "a first start on a full disk ended with $code: $(cat "$WORK/first.out")"
grep -q -i -E 'full|no space|room' "$WORK/first.out" || fail "it does not say why: $(cat "$WORK/first.out")"
empty "$WORK/new"
timeout -s TERM 3 gpuletd --data "$WORK/new" --network test-small --listen tcp://127.0.0.1:0 \
    --stream-listen tcp://127.0.0.1:0 >"$WORK/second.out" 2>&1
grep -q ready "$WORK/second.out" || fail "with room it does not start: $(cat "$WORK/second.out")"
umount "$WORK/new"

# ---- Full while it runs -----------------------------------------------------------------------

network_up --hosts 1 --renters 1 --seed 18
rents "before anything is small"
for node in host-1 renter-1; do
    gpulet --dir "$NET" testnet kill "$node" 2>/dev/null
    mkdir "$WORK/old"
    cp -a "$NET/$node/." "$WORK/old/"
    mount -t tmpfs -o size=16m,mode=700 tmpfs "$NET/$node"
    cp -a "$WORK/old/." "$NET/$node/"
    rm -rf "$WORK/old"
done
gpulet --dir "$NET" testnet restart host-1 2>/dev/null || fail "the host does not start on 16 MiB"
gpulet --dir "$NET" testnet restart renter-1 2>/dev/null || fail "the renter does not start on 16 MiB"
host=$(node_pid host-1)
renter=$(node_pid renter-1)

# So little counts as low: what is open may be settled, but nothing new begins.
space_is host-1 low || fail "16 MiB count as $(node_field host-1 space)"
on renter-1 rent --no-input --for 1m -- true >"$WORK/out" 2>"$WORK/err" && fail "a rent with little room"
grep -q -i -E 'disk|space|room' "$WORK/err" || fail "the refusal does not say why: $(cat "$WORK/err")"

# With some more the same nodes work, without a restart.
for node in host-1 renter-1; do
    mount -o remount,size=100m "$NET/$node"
    wait_for 10 "$node sees that there is room" space_is "$node" normal
done
rents "on a small disk"

for node in host-1 renter-1; do
    # A job is under way while the disk of one side fills.
    lease=$(on renter-1 rent --detach --prepay 1m --wait 5s --for 1m -- sh -c 'sleep 2; exit 3' 2>"$WORK/err") ||
        fail "no rent on a small disk: $(cat "$WORK/err")"
    fill "$NET/$node"
    wait_for 20 "$node sees that its disk is full" space_is "$node" full
    on renter-1 rent --no-input --for 1m -- true >"$WORK/out" 2>"$WORK/err"
    code=$?
    [ "$code" -ge 1 ] && [ "$code" -le 3 ] || fail "a rent with the disk of $node full ended with $code"
    grep -q -i -E 'disk|space|room|full' "$WORK/err" || fail "the refusal does not say why: $(cat "$WORK/err")"
    on host-1 host --ask 0.30/h >/dev/null 2>"$WORK/err"
    code=$?
    [ "$code" -le 1 ] || fail "host on a full disk ended with $code: $(cat "$WORK/err")"
    sleep 3
    lives host-1 "$host" "with the disk of $node full"
    lives renter-1 "$renter" "with the disk of $node full"

    # A crash and a start in the middle of it.
    gpulet --dir "$NET" testnet kill --now "$node" 2>/dev/null
    gpulet --dir "$NET" testnet restart "$node" >"$WORK/out" 2>"$WORK/err"
    code=$?
    if [ "$code" -ne 0 ]; then
        grep -q -i -E 'full|no space|room' "$WORK/err" "$NET/$node.log" ||
            fail "$node does not say why it cannot start: $(cat "$WORK/err")"
        echo "$node does not start on a full disk, and says so"
    fi
    empty "$NET/$node"
    [ "$code" -eq 0 ] || gpulet --dir "$NET" testnet restart "$node" 2>"$WORK/err" ||
        fail "$node does not start again with room: $(cat "$WORK/err")"
    host=$(node_pid host-1)
    renter=$(node_pid renter-1)
    wait_for 20 "$node sees that there is room again" space_is "$node" normal
    wait_for 60 "everything is settled with room again" no_open_leases host-1 renter-1
    [ "$(lease_field host-1 "$lease" charged_uusd)" = "$(lease_field renter-1 "$lease" charged_uusd)" ] ||
        fail "the sides charge differently after a full disk"
    echo "the job under way ended as $(lease_field host-1 "$lease" reason), and both sides know it"
    rents "after the disk of $node was full"
done
umount -l "$NET/host-1" 2>/dev/null
echo "two full disks, no death, nothing corrupt"
