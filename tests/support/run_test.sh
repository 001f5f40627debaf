#!/bin/sh
# run_test.sh PROGRAM: runs one test program for prove. One that ran no test has failed: prove would call it skipped.
tap=$(mktemp) || exit 1
trap 'rm -f "$tap"' EXIT
case $1 in
*.bats) set -- bats "$@" ;;
*) # as the program does: OpenBLAS's own threads take memory at moments of their own, and tests measure it
    OPENBLAS_NUM_THREADS=1
    export OPENBLAS_NUM_THREADS
    ;;
esac
"$@" >"$tap"
status=$?
cat "$tap"
if grep -q '^1\.\.0' "$tap" || ! [ -s "$tap" ]; then
    echo "$*: no test was run" >&2
    exit 1
fi
exit "$status"
