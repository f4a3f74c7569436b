#!/bin/sh
# A standing request: it waits while every card is taken or too dear, survives a power cut, and is
# filled when a card is free.
set -eu
. tests/e2e/lib/steps.sh

gpulet testnet up --hosts 1 --renters 2 --seed 3 --dir "$NET" >/dev/null
no_request() { on renter-1 requests --json | grep -q '"requests": \[\]'; }
has_lease() { on renter-1 leases --json | grep -q '"lease":'; }

# Too dear: it stands, is listed, and goes away when it is cancelled.
on renter-1 request --max-price 0.001/h --for 1m -- echo never >"$WORK/out" 2>"$WORK/err"
wait_until 10 "the request" sh -c "gpulet --dir '$NET' --node renter-1 requests --json | grep -q '\"request\":'"
id=$(on renter-1 requests --json | value request)
code 0 on renter-1 cancel "$(printf '%.8s' "$id")"
wait_until 10 "its end" no_request
code 1 on renter-1 cancel "$id"
! has_lease || fail "a lease that is too dear"

# Taken: it waits, also through a power cut of the renter's node, and is filled afterwards.
lease=$(on renter-2 rent --for 5m --detach -- sleep 9753 2>/dev/null)
on renter-1 request --for 1m -- echo filled >/dev/null 2>&1
sleep 0.5
! has_lease || fail "two leases of one card"
gpulet testnet kill renter-1 -9 --dir "$NET" 2>/dev/null
gpulet testnet restart renter-1 --dir "$NET" 2>/dev/null
wait_until 10 "the request after a power cut" sh -c "gpulet --dir '$NET' --node renter-1 requests --json | grep -q '\"request\":'"
code 0 on renter-2 lease end "$lease"
wait_until 60 "the lease" has_lease
wait_until 20 "the end of the request" no_request
lease=$(on renter-1 leases --json | value lease)
wait_until 20 "the end of the job" lease_has renter-1 "$lease" state closed
equal "its output" filled "$(on renter-1 lease logs "$lease")"
