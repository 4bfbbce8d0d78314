#!/bin/sh
# Process 1 of a container with one instance: starts what its arguments say, passes signals on, and waits. Waiting, the shell
# also reaps what has lost its parent, which Node cannot do: it waits for its own children only.

# What runs beside a script gets nothing on its standard input, unless that was put aside before.
exec 3<&0
"$@" <&3 3<&- &
child=$!
exec 3<&- </dev/null
trap 'kill -TERM "$child" 2>/dev/null' TERM
trap 'kill -INT "$child" 2>/dev/null' INT
trap 'kill -HUP "$child" 2>/dev/null' HUP
status=0
# A signal ends `wait`, and not the child.
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  status=$?
done
exit "$status"
