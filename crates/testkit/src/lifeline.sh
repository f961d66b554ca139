# usage: sh lifeline.sh SIGNAL STATUS_FILE COMMAND...
# Runs COMMAND until standard input closes, which happens when whoever started this ends, however it ends;
# then sends SIGNAL to COMMAND and waits for it, five seconds at most. Should COMMAND end first, its exit
# status is in STATUS_FILE. The caller starts this in a process group of its own.
signal=$1
status=$2
shift 2
trap : TERM INT QUIT
{
    trap : TERM INT QUIT # COMMAND itself starts with the default actions
    "$@"
    echo $? >"$status"
} </dev/null &
command=$!
read -r _
kill -s "$signal" 0
{
    sleep 5
    kill -s KILL 0
} &
wait "$command"
kill -s KILL 0
