#!/usr/bin/env bats
# Stopping at any moment. scripts/check-resume.sh does the same at length and with real weights; what a resumed run refuses
# is in train.bats.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    unset FREEZETUNE_WEIGHTS
}

@test "kill -9 at random moments, and any number of threads, come to the same bytes" {
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -k 6 -- --data "$PWD/photos" --weights random \
        --arch resnet18 --image-size 32 --freeze-until 6 --epochs 3 --batch-size 4 --augment standard --save-every 0.0005
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"6 kills, "*" the same bytes"* ]]
    [ "$(grep -c '^--threads [123] --loader-threads [321]: the same bytes$' <<<"$output")" = 3 ]
}

@test "a second Ctrl-C leaves at once; the run goes on from where it was" {
    env --default-signal=INT "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 160 \
        --batch-size 12 --epochs 50 --freeze-until 6 --save-every 0.0001 --out run >/dev/null 2>stderr.txt &
    pid=$!
    for _ in $(seq 600); do
        [ ! -s run/last.safetensors ] || break
        sleep 0.05
    done
    kill -INT $pid
    sleep 0.02
    kill -INT $pid 2>/dev/null || true
    status=0
    wait $pid || status=$?
    [ "$status" = 130 ]
    cp stderr.txt first.txt
    "$FREEZETUNE" train --quiet --resume run >/dev/null 2>stderr.txt &
    pid=$!
    before=$(wc -l <run/log.jsonl)
    for _ in $(seq 600); do
        [ "$(wc -l <run/log.jsonl)" -le "$before" ] || break
        sleep 0.05
    done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ "$status" = 143 ]
    [ "$(grep -c 'go on with: freezetune train --resume run' stderr.txt)" = 0 ] # --quiet
    [ -z "$(find run -name '*.part')" ]
    "$FREEZETUNE" inspect run/last.safetensors >/dev/null
}

@test "a step that is stopped for good shows how to go on, and leaves nothing unfinished" {
    "$FREEZETUNE" train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 5000 \
        --freeze-until 9 --out run >/dev/null 2>stderr.txt &
    pid=$!
    for _ in $(seq 600); do
        [ ! -s run/log.jsonl ] || break
        sleep 0.05
    done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ "$status" = 143 ]
    grep -q '^stopped in epoch [0-9]* of 5000 .*; go on with: freezetune train --resume run$' stderr.txt
    [ -z "$(find run -name '*.part')" ]
}
