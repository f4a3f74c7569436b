# The same as ten_renters.sh, more often.
COUNT=${COUNT:-5}
. tests/e2e/ten_renters.sh
