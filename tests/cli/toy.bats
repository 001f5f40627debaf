#!/usr/bin/env bats
# toy: the walk-through.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

@test "toy does its four stages and all that should hold holds" {
    run_split "$FREEZETUNE" toy
    [ "$status" = 0 ]
    [ -z "$err" ]
    absent FAILED
    [ "$(grep -c '^  ok' stdout.txt)" = 11 ]
    [ "$(grep -cE '^[1-4]\. ' stdout.txt)" = 4 ]
    [ "$(tail -1 stdout.txt)" = "all checks passed" ]
    # Adam makes the error smaller than SGD left it.
    awk '/^  mean squared error/ { if (!($6 < $4)) exit 1; n++ } END { exit n != 3 }' stdout.txt
}

@test "toy is a function of its seed" {
    "$FREEZETUNE" toy >a.txt
    "$FREEZETUNE" toy --threads 3 >b.txt
    "$FREEZETUNE" toy --seed 1 >c.txt
    cmp a.txt b.txt
    run cmp -s a.txt c.txt
    [ "$status" = 1 ]
}

@test "toy keeps its file with --out, in PyTorch's names, and leaves none without" {
    mkdir tmp
    TMPDIR=$PWD/tmp "$FREEZETUNE" toy >/dev/null
    [ -z "$(ls -A tmp)" ]
    "$FREEZETUNE" toy --out net.safetensors >/dev/null
    "$FREEZETUNE" inspect net.safetensors >list.txt
    grep -qE '^fc2.weight .*\[5,5\]' list.txt
    fails 73 'cannot be created' "$FREEZETUNE" toy --out nowhere/net.safetensors
}
