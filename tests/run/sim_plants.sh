#!/bin/sh
# Plants a fault in the simulator's world, one at a time: a run that does not find it fails. What is planted:
# sends before the commit, slots that a disk forgets, a lost entry of the ledger, money out of nowhere.
set -u
output=$(mktemp)
trap 'rm -f "$output"' EXIT
failed=0
for plant in write-ahead double-slot lost-row money; do
    for seed in ${SEED:-1 2 3}; do
        if SIM_PLANT=$plant SEED=$seed STEPS=200000 "$TESTS/sim" >"$output" 2>&1; then
            echo "sim: planted $plant was not found with seed $seed" >&2
            failed=1
        elif ! grep -q 'FAILED' "$output"; then
            echo "sim: planted $plant ended without a verdict with seed $seed" >&2
            tail -n 5 "$output" >&2
            failed=1
        else
            echo "sim: found planted $plant: $(sed -n '/FAILED/{n;s/^sim: //p;}' "$output" | head -n 1)"
        fi
    done
done
exit "$failed"
