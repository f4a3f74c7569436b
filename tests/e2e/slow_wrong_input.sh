# The same as wrong_input.sh with every command line.
STRIDE=${STRIDE:-1}
. tests/e2e/wrong_input.sh
