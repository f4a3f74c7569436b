# The same as pipe.sh with 200 MiB.
PIPE_MIB=${PIPE_MIB:-200}
. tests/e2e/pipe.sh
