#!/usr/bin/env bats
# .ci/run counts what its steps find: here with a stand-in for make, which is told what each target does.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    mkdir tree tree/.ci bin targets
    cp "$BATS_TEST_DIRNAME/../../.ci/run" tree/.ci/
    printf '#!/bin/sh\n. "%s/targets/$1"\n' "$PWD" >bin/make
    chmod +x bin/make
    target check 'echo "10 0 2 a/test_b" >>"$TEST_RESULTS"; echo "5 0 0 c.bats" >>"$TEST_RESULTS"'
    target lint 'true'
    target check-browser 'true'
    target check-mpi 'true'
    target build-clang '[ "$CI" = true ]'
    target asan-quick 'echo "10 0 1 a/test_b" >>"$TEST_RESULTS"'
}

# target NAME BODY: what `make NAME` does.
target() {
    echo "$2" >"targets/$1"
}

ci() {
    run_split env PATH="$PWD/bin:$PATH" sh tree/.ci/run
    last=$(tail -n 1 stdout.txt)
}

@test "all is well: 0, and tests and steps are counted" {
    ci
    [ "$status" = 0 ]
    [ "$last" = "29 passed, 0 failed" ]
    grep -qx '3 skipped' stdout.txt
}

@test "a test that fails: 1, the file is named, and the steps after it run" {
    target check 'echo "9 1 0 a/test_b" >>"$TEST_RESULTS"; exit 2'
    ci
    [ "$status" = 1 ]
    [ "$last" = "23 passed, 1 failed" ]
    grep -qx 'failed: 1 in a/test_b' stdout.txt
    grep -q '^==== make asan-quick: exit code 0' stdout.txt
}

@test "a step without tests, or one that ends before its tests: one failure each" {
    target lint 'exit 1'
    target check 'exit 2'
    ci
    [ "$status" = 1 ]
    [ "$last" = "13 passed, 2 failed" ]
    grep -qx 'failed: 1 in make lint' stdout.txt
    # One that ends with an error after tests that all passed, as where a race was found.
    target check 'echo "10 0 2 a/test_b" >>"$TEST_RESULTS"; exit 2'
    target lint 'true'
    ci
    [ "$status" = 1 ]
    [ "$last" = "24 passed, 1 failed" ]
}

@test "what nothing counted has failed" {
    target check 'true'
    ci
    [ "$status" = 1 ]
    [ "$last" = "14 passed, 1 failed" ]
}
