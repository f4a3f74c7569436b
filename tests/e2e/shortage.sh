# The shortage over few listings keeps its promises, repeats itself, and refuses what makes no sense.
. tests/e2e/lib/steps.sh

# The tour checks money and demand itself.
LISTINGS=100k SEED=3 sh tests/tour/shortage.sh >"$WORK/tour" || fail "the tour"
has "the tour" "$WORK/tour" '432,000 H100'
has "the tour" "$WORK/tour" 'Meta (inferred)'
has "the tour" "$WORK/tour" '^checked: '
[ "$(grep -c 'from scratch: no gaming card can do it' "$WORK/tour")" -eq 12 ] ||
    fail "somebody trains from scratch on gaming cards"

# Figures of a seed do not change, but for times and memory.
figures() {
    gpulet market --scenario 20000 --seed "$1" --cards 2026-04 --json |
        grep -v -e took_us -e memory_peak >"$WORK/figures-$2" || fail "scenario"
}
figures 5 a
figures 5 b
figures 6 c
cmp -s "$WORK/figures-a" "$WORK/figures-b" || fail "the same seed gave other figures"
! cmp -s "$WORK/figures-a" "$WORK/figures-c" || fail "another seed gave the same figures"

# A dearer cloud lets everybody bid more: no less is served.
served() {
    gpulet market --scenario 50k --cloud-price "$1" --json | values units_served |
        awk '{ sum += $1 } END { print sum }'
}
[ "$(served 8/h)" -ge "$(served 1/h)" ] || fail "higher bids were served less"

code 2 gpulet market --scenario 0
has "no listings" "$WORK/err" 'is no number of listings'
code 2 gpulet market --scenario 10X
code 2 gpulet market --scenario 1M --cards 2031
has "no such cards" "$WORK/err" '2023-08 or 2026-04'
code 2 gpulet market --scenario 1M --cloud-price 0
code 2 gpulet market --seed 4
has "an option without its scenario" "$WORK/err" 'goes with --scenario'
