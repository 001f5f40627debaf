#!/usr/bin/env bats
# Stopping at any moment. scripts/check-resume.sh does the same at length and with real weights; what a resumed run refuses
# is in train.bats.

load common
narrow

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    unset FREEZETUNE_WEIGHTS
}

@test "kill -9 at random moments, and any number of threads, come to the same bytes" {
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -k 6 -- --data "$PWD/photos" --weights random \
        --arch resnet18 --image-size 32 --freeze-until 6 --epochs 25 --batch-size 2 --augment standard --save-every 0.00005
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"6 kills, "*" the same bytes"* ]]
    [ "$(grep -c '^--threads [123] --loader-threads [321]: the same bytes$' <<<"$output")" = 3 ]
}

@test "a second Ctrl-C leaves at once; the run goes on from where it was" {
    wide # a step that takes a while
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
    [ "$(grep -c 'continue with: freezetune train --resume run' stderr.txt)" = 0 ] # --quiet
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
    grep -q '^stopped in epoch [0-9]* of 5000 .*; continue with: freezetune train --resume run$' stderr.txt
    [ -z "$(find run -name '*.part')" ]
}

@test "numbers in config.json that are beyond any option are an error of that file" {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 1 \
        --freeze-until 9 --out run >/dev/null
    cp run/config.json good.json
    for number in 1e300 -1e300 1e19 -1e19 9223372036854775807 9223372036854775808 1.5 1e-300; do
        for option in epochs seed patience; do
            sed "s/^\( *\"$option\": \)[^,]*,/\1$number,/" good.json >run/config.json
            fails 65 "run/config.json: --$option " "$FREEZETUNE" train --resume run
        done
    done
    fails 64 '--seed 9000000000000001: must be from 0 to 9000000000000000$' "$FREEZETUNE" train --seed 9000000000000001
    fails 64 '--seed 99999999999999999999: must be from 0 to 9000000000000000$' \
        "$FREEZETUNE" train --seed 99999999999999999999
}
