#!/usr/bin/env bats
# A folder for --out is looked at, then locked. What another process does between the two is seen.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 4 2 40 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    common=(--quiet --data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --epochs 1
        --batch-size 4 --cache off)
}

# overtaken COMMAND ARGUMENT...: while it waits before its lock, the same command with another seed makes the folder and
# is done; then the first one refuses and leaves everything as it is.
overtaken() {
    FREEZETUNE_PAUSE=$PWD/go "$BUILD/tests/faults/faulty" "$@" "${common[@]}" --seed 2 --out run >late.txt 2>&1 &
    local late=$! code=0
    while [ ! -e go.reached ] && kill -0 $late; do sleep 0.02; done
    "$FREEZETUNE" "$@" "${common[@]}" --out run >/dev/null
    find run -type f -exec sha256sum {} + | sort >before
    [ -s before ]
    : >go
    wait $late || code=$?
    cat late.txt
    find run -type f -exec sha256sum {} + | sort | cmp - before
    [ "$code" = 73 ]
    grep -q 'run: is not empty; name a new folder' late.txt
}

@test "train does not overwrite a run that began and ended meanwhile" {
    overtaken train --freeze-until 8
}

@test "nor does a sweep" {
    overtaken sweep --freeze-until 8,9 --lr 0.01
}

@test "nor do folds" {
    common+=(--data "$BATS_FILE_TMPDIR/photos/train")
    overtaken train --freeze-until 8 --folds 2
}

@test "a folder that was removed and created again meanwhile is another one" {
    FREEZETUNE_PAUSE=$PWD/go "$BUILD/tests/faults/faulty" train --freeze-until 8 "${common[@]}" --out run >late.txt 2>&1 &
    local late=$! code=0
    while [ ! -e go.reached ] && kill -0 $late; do sleep 0.02; done
    mv run gone
    mkdir run
    : >go
    wait $late || code=$?
    [ "$code" = 73 ]
    grep -q 'run: was replaced by another program' late.txt
    [ "$(find run gone -type f)" = gone/.lock ]
}

@test "a killed run leaves a lock file that locks nobody out, and a folder with that file alone is an empty one" {
    mkdir run
    : >run/.lock
    "$FREEZETUNE" train --freeze-until 8 "${common[@]}" --out run >/dev/null
    [ -s run/best.safetensors ] && [ -e run/.lock ] && [ ! -s run/.lock ]
    fails 73 'run: is not empty' "$FREEZETUNE" train --freeze-until 8 "${common[@]}" --out run
}

@test "where the file system has no locks a run goes on and says so once" {
    FREEZETUNE_NO_LOCKS=1 run_split "$BUILD/tests/faults/faulty" train --freeze-until 8 "${common[@]:1}" --out run
    [ "$status" = 0 ]
    [ "$(grep -c 'warning: run: the file system has no lock for it (No locks available): another freezetune in this folder would not be noticed' stderr.txt)" = 1 ]
    FREEZETUNE_NO_LOCKS=1 run_split "$BUILD/tests/faults/faulty" sweep --freeze-until 8,9 --lr 0.01 "${common[@]:1}" --out s
    [ "$status" = 0 ] && [ "$(grep -c 'has no lock' stderr.txt)" = 1 ]
}
