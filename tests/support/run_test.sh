#!/bin/sh
# run_test.sh PROGRAM: runs one test program for prove. One that ran no test has failed: prove would call it skipped.
# prove keeps the reason of a failure to itself, so that goes past it, to descriptor 9 of run_tests.sh (TEST_TELL), or to
# stderr: each failed test with what it said. Nothing may go to stderr before the end: prove reads what a test says from there,
# then waits for a line of its stdout, and starts no other test meanwhile.
# TEST_EMULATOR, when set, is the command that runs test programs of another processor (tests/support/emulator.h).
# TEST_RESULTS, when set, names a file to which a line is added: how many tests passed, failed and were skipped, and PROGRAM.
# No test sees what a person, or another test, has kept in a feature cache.
[ -n "${TEST_TELL:-}" ] || exec 9>&2
unset TEST_TELL # a test that itself runs tests has its own stderr
tap=$(mktemp) || exit 1
said=$(mktemp) || exit 1
XDG_CACHE_HOME=$(mktemp -d) || exit 1
export XDG_CACHE_HOME
trap 'rm -rf "$tap" "$said" "$XDG_CACHE_HOME"' EXIT
name=$1
results=${TEST_RESULTS:-} # not for the tests, some of which run tests
unset TEST_RESULTS

# On a terminal prove shows the file it is at; elsewhere it names a file when that is over.
if [ -n "${TEST_PROGRESS:-}" ]; then
    echo >>"$TEST_PROGRESS"
    [ -t 9 ] || echo "== $(($(wc -l <"$TEST_PROGRESS"))) of $TEST_COUNT: $name" >&9
fi
unset TEST_PROGRESS TEST_COUNT # what a test itself runs by this script is not among the files that are counted

case $1 in
*.bats) set -- bats "$@" ;;
*) # as the program does: the threads of a linked OpenBLAS take memory at moments of their own, and tests measure it
    OPENBLAS_NUM_THREADS=1
    export OPENBLAS_NUM_THREADS
    set -- ${TEST_EMULATOR:+"$TEST_EMULATOR"} "$@"
    ;;
esac
"$@" >"$tap" 2>"$said" 9>&-
status=$?
cat "$said" >&9
# cmocka (1.1.7) calls a test that was skipped "not ok", which prove counts as failed.
sed -i 's/^not ok \([0-9]*\) # SKIP/ok \1 # SKIP/' "$tap"
cat "$tap"

# Tests that the plan (1..N) promised and that did not run have failed; so has a program that failed without saying which.
count() {
    awk -v status="$status" '
        /^1\.\.[0-9]+/ { planned = substr($1, 4) + 0 }
        /^ok .*# [Ss][Kk][Ii][Pp]/ { skipped++; next }
        /^ok/ { passed++ }
        /^not ok/ { failed++ }
        END {
            if (passed + failed + skipped < planned)
                failed = planned - passed - skipped
            if (!failed && (status != 0 || passed + skipped == 0))
                failed = 1
            print passed + 0, failed + 0, skipped + 0
        }' "$tap"
}
[ -z "$results" ] || echo "$(count) $name" >>"$results"

if grep -q '^1\.\.0' "$tap" || ! [ -s "$tap" ]; then
    echo "$*: no test was run" >&9
    [ "$status" = 0 ] || echo "$*: exit code $status" >&9
    exit 1
fi
if [ "$status" != 0 ] || grep -q '^not ok' "$tap"; then
    {
        printf '\n== failed: %s (exit code %s)\n' "$name" "$status"
        if grep -q '^not ok' "$tap"; then
            awk '/^not ok/ { on = 1 } /^ok/ { on = 0 } on' "$tap"
        else # it did not come to an end
            tail -n 20 "$tap"
        fi
    } >&9
fi
exit "$status"
