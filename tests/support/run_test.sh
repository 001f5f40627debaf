#!/bin/sh
# run_test.sh PROGRAM: runs one test program for prove. One that ran no test has failed: prove would call it skipped.
# No test sees what a person, or another test, has kept in a feature cache.
tap=$(mktemp) || exit 1
XDG_CACHE_HOME=$(mktemp -d) || exit 1
export XDG_CACHE_HOME
trap 'rm -rf "$tap" "$XDG_CACHE_HOME"' EXIT
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
