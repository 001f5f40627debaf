#!/bin/sh
# run_tests.sh FILE...: runs test programs and bats files (make check), as many at once as there are processors, at most
# four. Before the first one it says how many there are and how long that takes, then which one it is at. What a failing
# test found is printed below its name. BUILD names the folder of the build, where the duration of the last whole run is
# kept. TESTFLAGS go to prove: -j1 runs one file after the other. TEST_RESULTS, when set, names a file for the number of tests
# that passed, failed and were skipped in each file (run_test.sh).
set -eu
here=$(dirname "$0")
build=${BUILD:?}
kept=$build/check-seconds

TEST_COUNT=$#
TEST_PROGRESS=$(mktemp)
export TEST_COUNT TEST_PROGRESS LC_ALL=C CMOCKA_MESSAGE_OUTPUT=TAP
exec 9>&2 # for run_test.sh
export TEST_TELL=9
trap 'rm -f "$TEST_PROGRESS"' EXIT
trap 'exit 130' INT TERM

# 1 minute, 2 minutes
counted() {
    printf '%s %s' "$1" "$2"
    [ "$1" = 1 ] || printf s
}

if [ "${TEST_WHOLE:-}" ]; then
    if [ -s "$kept" ]; then
        long="$(counted $(($(cat "$kept") / 60 + 1)) minute) here, by the last run"
    else
        long="twelve minutes on two cores"
    fi
    echo "== $(counted $# "test file"); this takes about $long"
else
    echo "== $(counted $# "test file")"
fi
# A test measures the memory or the work of its own process only, so that others beside it do no harm.
jobs=$(nproc)
[ "$jobs" -le 4 ] || jobs=4
begin=$(date +%s)
status=0
# shellcheck disable=SC2086 # options or nothing
prove --timer -j "$jobs" -e "sh $here/run_test.sh" ${TESTFLAGS:-} "$@" || status=$?
[ -z "${TEST_WHOLE:-}" ] || [ "$status" != 0 ] || echo "$(($(date +%s) - begin))" >"$kept"
exit "$status"
