#!/usr/bin/env bats
# What `make check` says: how many files, which one it is at, and why a test failed.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    support=$BATS_TEST_DIRNAME/../support
    failing=$BUILD/tests/tools/failing_test
    mkdir build
    # The bats below this one must find itself as a person's shell does.
    outside=$(tr ':' '\n' <<<"$PATH" | grep -v '/libexec/bats' | paste -s -d :)
}

# A bats file below the test's folder; TEST stands for @test, which bats would find here.
write_bats() {
    mkdir -p cli
    cp "$BATS_TEST_DIRNAME/common.bash" cli/
    {
        printf 'load common\nsetup() { cd "$BATS_TEST_TMPDIR"; }\n'
        sed 's/^TEST /@test /'
    } >"cli/$1.bats"
}

# check FILE...: as make does it.
check() {
    run_split env -i PATH="$outside" HOME="$PWD" TEST_WHOLE="${TEST_WHOLE:-}" BUILD="$PWD/build" TESTFLAGS=-j1 \
        sh "$support/run_tests.sh" "$@"
    cat stdout.txt stderr.txt >all.txt
}

@test "a test that cmocka skipped has not failed" {
    printf '#!/bin/sh\necho 1..2; echo "not ok 1 # SKIP one"; echo "ok 2 - two"\n' >skips
    printf '#!/bin/sh\necho 1..2; echo "not ok 1 - one"; echo "ok 2 - two"; exit 1\n' >fails
    chmod +x skips fails
    check ./skips
    [ "$status" = 0 ]
    check ./fails
    [ "$status" != 0 ]
    grep -qx 'not ok 1 - one' all.txt
}

@test "a bats test that fails: its line, the exit code and what the command said" {
    write_bats fails <<'END'
TEST "good" {
    true
}

TEST "bad" {
    run_split sh -c 'echo one result; echo one error >&2; exit 3'
    [ "$status" = 0 ]
}

TEST "skipped" {
    skip "for a reason"
}

TEST "wrong message" {
    fails 64 'usage' sh -c 'echo other words >&2; exit 65'
}

TEST "by run" {
    run sh -c 'echo what run saw; exit 7'
    [ "$status" -eq 0 ]
}
END
    check cli/fails.bats
    [ "$status" != 0 ]
    for line in '== failed: cli/fails.bats (exit code 1)' 'not ok 2 bad' "fails.bats, line 9)" '[ "$status" = 0 ]' 'exit code: 3' \
        'one result' 'one error' 'not ok 4 wrong message' 'expected 64 and /usage/' 'found    65 and other words' \
        'not ok 5 by run' 'exit code: 7' 'what run saw'; do
        grep -qF -- "$line" all.txt
    done
    # Only what failed.
    [ "$(grep -c 'ok 1 good' all.txt)" = 0 ]
    [ "$(grep -c '^not ok 3' all.txt)" = 0 ]
}

@test "a program whose test fails: its message and line" {
    check "$failing"
    [ "$status" != 0 ]
    grep -q '^not ok 2 - bad' all.txt
    grep -q 'the answer is 43' all.txt
    grep -q 'failing_test.c:[0-9]*: error' all.txt
}

@test "a program that ends early: the exit code" {
    printf '#!/bin/sh\necho 1..3\necho ok 1 - first\nkill -SEGV $$\n' >crash
    chmod +x crash
    check ./crash
    [ "$status" != 0 ]
    grep -q '^== failed: ./crash (exit code 139)' all.txt
    grep -q '^ok 1 - first' all.txt
}

@test "a test that runs tests counts once" {
    printf '#!/bin/sh\necho 1..1; echo "ok 1 - inner"\n' >inner
    printf '#!/bin/sh\nsh "%s/run_test.sh" ./inner\n' "$support" >outer
    chmod +x inner outer
    check ./outer ./inner
    [ "$status" = 0 ]
    [ "$(grep -c '^== [0-9]* of ' all.txt)" = 2 ]
    grep -q '^== 2 of 2: ./inner$' all.txt
}

@test "a file that takes long and says something keeps no other one waiting" {
    [ "$(nproc)" -ge 2 ] || skip "files run one after the other here"
    # It ends once the third one has begun, for which the second one has to be over.
    printf '#!/bin/sh\necho waits >&2; for i in $(seq 300); do [ ! -e third ] || break; sleep 0.1; done\n[ -e third ] && echo "ok 1 - waits"; echo 1..1\n' >waits
    printf '#!/bin/sh\necho 1..1; echo "ok 1 - second"\n' >second
    printf '#!/bin/sh\n: >third; echo 1..1; echo "ok 1 - third"\n' >begins
    chmod +x waits second begins
    run_split env -i PATH="$outside" HOME="$PWD" BUILD="$PWD/build" sh "$support/run_tests.sh" ./waits ./second ./begins
    [ "$status" = 0 ]
    grep -qx waits stderr.txt
}

@test "before the first file how many there are and how long it takes, at each one which it is" {
    write_bats good <<'END'
TEST "good" {
    true
}
END
    cp cli/good.bats cli/better.bats
    TEST_WHOLE=yes check cli/good.bats cli/better.bats
    [ "$status" = 0 ]
    grep -q '^== 2 test files; this takes about twelve minutes on two cores$' stdout.txt
    grep -q '^== 1 of 2: cli/good.bats$' all.txt
    grep -q '^== 2 of 2: cli/better.bats$' all.txt
    absent 'not ok'
    # The next one knows better; some files are not the whole.
    TEST_WHOLE=yes check cli/good.bats cli/better.bats
    grep -q '^== 2 test files; this takes about 1 minute here, by the last run$' stdout.txt
    TEST_WHOLE='' check cli/good.bats
    grep -q '^== 1 test file$' stdout.txt
}

@test "TEST_RESULTS: how many passed, failed and were skipped, also of a program that ended early" {
    printf '#!/bin/sh\necho 1..3; echo "ok 1 - a"; echo "not ok 2 # SKIP b"; echo "ok 3 # skip c"\n' >good
    printf '#!/bin/sh\necho 1..3; echo "ok 1 - a"; echo "not ok 2 - b"; echo "ok 3 - c"; exit 1\n' >bad
    printf '#!/bin/sh\necho 1..4; echo "ok 1 - a"; kill -SEGV $$\n' >crash
    printf '#!/bin/sh\necho 1..1; echo "ok 1 - a"; exit 3\n' >late
    printf '#!/bin/sh\necho 1..1; echo "ok 1 ${TEST_RESULTS:-unset}"\n' >nested
    printf '#!/bin/sh\nexit 0\n' >nothing
    chmod +x good bad crash late nested nothing
    for program in good bad crash late nested nothing; do
        TEST_RESULTS=$PWD/results.txt sh "$support/run_test.sh" ./$program >$program.txt 2>/dev/null || true
    done
    diff - results.txt <<'END'
1 0 2 ./good
2 1 0 ./bad
1 3 0 ./crash
1 1 0 ./late
1 0 0 ./nested
0 1 0 ./nothing
END
    grep -q 'ok 1 unset' nested.txt
}
