#!/usr/bin/env bats
# System calls that fail, by strace: a few of the 200 cases of scripts/check_system_errors.py.

load common

@test "a file that cannot be read, made, synced or renamed: a documented code, how to go on, and then the same bytes" {
    cd "$BATS_TEST_TMPDIR"
    run_split python3 "$BATS_TEST_DIRNAME/../../scripts/check_system_errors.py" --way cached --cases 4
    [ "$status" != 77 ] || skip "strace is missing or may not trace here"
    [ "$status" = 0 ]
    grep -qx '4 cases, 0 not as they should be' stdout.txt
}
