#!/usr/bin/env bats
# Stages, rates by child, early ends: a ResNet-18 at 32 pixels on photos of coloured noise, five steps an epoch.

load common
narrow

# Weights from a file: drawing them takes longer than a whole run.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 12 4 40 1
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 9 --epochs 1 \
        --out start >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    weights=$BATS_FILE_TMPDIR/start/best.safetensors
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --batch-size 8 --lr 0.01 --epochs 3 --keep-last "$@"
}

same() {
    cmp "$1/best.safetensors" "$2/best.safetensors"
    cmp "$1/last.safetensors" "$2/last.safetensors"
    cmp <(cut -d, -f1-11 "$1/metrics.csv") <(cut -d, -f1-11 "$2/metrics.csv")
    cmp <(sed 's/, "seconds".*//' "$1/log.jsonl") <(sed 's/, "seconds".*//' "$2/log.jsonl")
}

@test "the table says the stages, the proof covers the children that stayed frozen to the end" {
    run_split train --freeze-until 8 --unfreeze-at 2:layer3 --unfreeze-at 3:5 --out run
    [ "$status" = 0 ]
    grep -qE '^ +5  layer1 +[0-9,]+  frozen +eval$' stdout.txt
    grep -qE '^ +6  layer2 +[0-9,]+  trained from epoch 3 +eval, then batch$' stdout.txt
    grep -qE '^ +8  layer4 +[0-9,]+  trained from epoch 2 +eval, then batch$' stdout.txt
    grep -qE '^ +10  fc +[0-9,]+  trained *$' stdout.txt
    grep -qxE '[0-9,]+ parameters: [0-9,]+ frozen \(children 1-5\), [0-9,]+ trained' stdout.txt
    grep -qE '^stages  epoch 1: children 1-8 frozen, [0-9.]+ MFLOP a photo$' stdout.txt
    grep -qE '^        epoch 2: children 1-7 frozen, ' stdout.txt
    grep -qE '^        epoch 3: children 1-5 frozen, ' stdout.txt
    grep -qE '^time    (about|under) .* an epoch of 5 steps, .* in all$' stdout.txt
    grep -qx 'frozen: children 1-5 (conv1..layer1), .*: bit-identical' stdout.txt
    run_split "$FREEZETUNE" diff "$weights" run/last.safetensors
    grep -q '^identical: 1 conv1, 2 bn1, 5 layer1$' stdout.txt
    # The best may be of an earlier stage; the last has seen them all.
    grep -q '^different: 6 layer2, 7 layer3, 8 layer4, 10 fc, optimizer$' stdout.txt
}

@test "each stage is as long as it should be: nothing moves before its epoch" {
    # The rate of what is unfrozen in epoch 2 differs, the first epoch does not notice.
    train --freeze-until 9 --schedule constant --epochs 1 --out one >/dev/null
    train --freeze-until 9 --schedule constant --epochs 2 --unfreeze-at 2:7 --out two >/dev/null
    train --freeze-until 9 --schedule constant --epochs 2 --out still >/dev/null
    cmp <(sed -n 2p one/metrics.csv | cut -d, -f1-10) <(sed -n 2p two/metrics.csv | cut -d, -f1-10)
    cmp <(sed -n 2p still/metrics.csv | cut -d, -f1-10) <(sed -n 2p two/metrics.csv | cut -d, -f1-10)
    run cmp -s <(sed -n 3p still/metrics.csv | cut -d, -f1-10) <(sed -n 3p two/metrics.csv | cut -d, -f1-10)
    [ "$status" = 1 ]
}

@test "killed at random moments, in any stage, with any number of threads: the same bytes" {
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -k 4 -- --data "$photos" --weights "$weights" \
        --image-size 32 --epochs 3 --batch-size 12 --augment standard --save-every 0.0005 \
        --head-first 1 --freeze-until 8 --unfreeze-at 3:7 --lr-decay-by-child 0.5 --head-lr-mult 2
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"4 kills, "*" the same bytes"* ]]
    [ "$(grep -c '^--threads [123] --loader-threads [321]: the same bytes$' <<<"$output")" = 3 ]
}

@test "stopped at the border of two stages: the same bytes" {
    train --batch-size 18 --freeze-until 9 --unfreeze-at 2:8 --unfreeze-at 3:7 --out whole >/dev/null
    # Two steps an epoch, each in a process of its own: the second, the fourth and the sixth end where a stage does.
    train --batch-size 18 --freeze-until 9 --unfreeze-at 2:8 --unfreeze-at 3:7 --out run --time-limit 0.000001 >/dev/null
    for _ in 2 3 4 5; do
        "$FREEZETUNE" train --quiet --resume run --threads 3 | tail -1 | grep -q '^frozen: children 1-[987] .*: bit-identical$'
    done
    [ "$(wc -l <run/log.jsonl)" = 7 ] # five steps, two epochs
    "$FREEZETUNE" train --quiet --resume run | tail -1 | grep -q '^frozen: children 1-7 .*: bit-identical$'
    same whole run
}

@test "--head-first is a stage of its own" {
    train --freeze-until 6 --head-first 2 --out a >/dev/null
    train --freeze-until 9 --unfreeze-at 3:6 --out b >/dev/null
    same a b
    grep -q '"freeze-until": 6,' a/config.json
    grep -q '"head-first": 2,' a/config.json
    # Where the head is all that trains there is nothing to unfreeze.
    run_split train --dry-run --freeze-until 9 --head-first 2
    absent '^stages'
}

@test "rates by child" {
    train --epochs 1 --freeze-until 9 --out plain --lr 0.02 >/dev/null
    train --epochs 1 --freeze-until 9 --out head --lr 0.01 --head-lr-mult 2 >/dev/null
    cmp plain/best.safetensors head/best.safetensors
    train --epochs 1 --freeze-until 7 --out one >/dev/null
    train --epochs 1 --freeze-until 7 --out same --lr-decay-by-child 1 --head-lr-mult 1 >/dev/null
    same one same
    train --epochs 1 --freeze-until 7 --out other --lr-decay-by-child 0.5 >/dev/null
    run cmp -s one/best.safetensors other/best.safetensors
    [ "$status" = 1 ]
    run_split train --dry-run --freeze-until 6 --lr-decay-by-child 0.5 --head-lr-mult 2
    grep -qx 'rates   layer3 0.0025, layer4 0.005, fc 0.02' stdout.txt
    run_split train --dry-run --freeze-until 6
    absent '^rates'
}

# plan OPTION...: what a run would do that names no rate, to stdout.txt.
plan() {
    run_split "$FREEZETUNE" train --dry-run --data "$photos" --weights "$weights" --freeze-until layer3 "$@"
    [ "$status" = 0 ]
}

@test "a re-initialised last layer learns ten times as fast, where no rate is named" {
    plan
    absent '^rates' # the weights know these classes
    cp -r "$photos" others
    mv others/train/class0 others/train/other
    mv others/val/class0 others/val/other
    plan --data others
    grep -qx 'rates   layer4 0.003, fc 0.03' stdout.txt
    plan --data others --optimizer adamw
    grep -qx 'rates   layer4 0.0003, fc 0.003' stdout.txt
    plan --data others --head-lr-mult 2
    grep -qx 'rates   layer4 0.003, fc 0.006' stdout.txt
    plan --data others --lr 0.003
    absent '^rates'
    plan --data others --weights random --arch resnet18
    absent '^rates' # all of it is re-initialised
}

@test "the decided rate is recorded, and goes on with the run" {
    cp -r "$photos" others
    mv others/train/class0 others/train/other
    mv others/val/class0 others/val/other
    small=(--data others --weights "$weights" --image-size 32 --freeze-until 9 --batch-size 8 --epochs 2 --keep-last)
    "$FREEZETUNE" train --quiet "${small[@]}" --out open >/dev/null
    grep -q '"lr": 0.003,' open/config.json
    grep -q '"head-lr-mult": 10,' open/config.json
    "$FREEZETUNE" train --quiet "${small[@]}" --lr 0.003 --head-lr-mult 10 --out named >/dev/null
    same open named
    "$FREEZETUNE" train --quiet "${small[@]}" --out half --time-limit 0.000001 >/dev/null
    "$FREEZETUNE" train --quiet --resume half --time-limit 0 >/dev/null
    same open half
    "$FREEZETUNE" train --quiet "${small[@]}" --lr 0.003 --out other >/dev/null
    grep -q '"head-lr-mult": 1,' other/config.json
    run cmp -s open/best.safetensors other/best.safetensors
    [ "$status" = 1 ]
}

@test "--patience ends a run that gets no better, and one that is resumed" {
    # With such a rate no weight changes: the first epoch stays the best.
    run_split train --epochs 9 --freeze-until 9 --lr 1e-30 --patience 2 --out run
    [ "$status" = 0 ]
    grep -qx 'stopped after epoch 3 of 9: 2 epochs without better validation (--patience)' stderr.txt
    [ "$(wc -l <run/metrics.csv)" = 4 ]
    grep -q '^best    epoch 1: ' stdout.txt
    tail -1 stdout.txt | grep -q '^frozen: children 1-9 (conv1..avgpool), .*: bit-identical$'
    run_split "$FREEZETUNE" train --resume run --json
    [ "$status" = 0 ]
    grep -q '"epochs": 3,' stdout.txt
    grep -q '"ended_by": "patience",' stdout.txt
    # Counted from the last stage on: what is unfrozen gets its chance.
    train --epochs 9 --freeze-until 9 --lr 1e-30 --bn-trained eval --patience 2 --unfreeze-at 5:8 --out staged >/dev/null
    [ "$(wc -l <staged/metrics.csv)" = 7 ]
}

@test "--time-limit ends with a model, and --resume goes on to the same bytes" {
    train --batch-size 18 --epochs 2 --freeze-until 8 --out whole >/dev/null
    run_split train --batch-size 18 --epochs 2 --freeze-until 8 --time-limit 0.000001 --out run
    [ "$status" = 0 ]
    grep -qx 'the time limit was reached (--time-limit) in epoch 1 of 2 after 1 of 2 steps; continue with: freezetune train --resume run' stderr.txt
    grep -q '^best    epoch 1: ' stdout.txt
    tail -1 stdout.txt | grep -q '^frozen: children 1-8 (conv1..layer4), .*: bit-identical$'
    "$FREEZETUNE" eval --quiet --model run/best.safetensors --data "$photos" >/dev/null
    [ "$(wc -l <run/metrics.csv)" = 2 ]
    # What goes on knows nothing of that evaluation.
    head -c 100000 run/last.safetensors | grep -aqF 'has_best\":false'
    # The limit is that of each call. A step later the epoch is over; one more, and its row is still the only one.
    "$FREEZETUNE" train --quiet --resume run --json | grep -q '"ended_by": "time-limit",'
    "$FREEZETUNE" train --quiet --resume run >/dev/null
    [ "$(wc -l <run/metrics.csv)" = 2 ]
    [ "$(wc -l <run/log.jsonl)" = 4 ]
    "$FREEZETUNE" train --quiet --resume run --time-limit 0 --json | grep -q '"ended_by": "epochs",'
    same whole run
}

@test "what makes no sense is refused in one line" {
    fails 64 'the epoch must be from 2 to --epochs .3.' train --unfreeze-at 0:4
    fails 64 'the epoch must be from 2 to --epochs .3.' train --unfreeze-at 1:4
    fails 64 'the epoch must be from 2 to --epochs .3.' train --unfreeze-at 4:4
    fails 64 'N must be below 6' train --unfreeze-at 2:8
    fails 64 'N must be below 4' train --unfreeze-at 2:4 --unfreeze-at 3:5
    fails 64 'must be 0 to 9' train --unfreeze-at 2:12
    fails 64 'must be EPOCH:N' train --unfreeze-at 4
    fails 64 'must be less than --epochs' train --head-first 3
    fails 64 '--lr-decay-by-child 0: must be from' train --lr-decay-by-child 0
    fails 64 '--lr-decay-by-child 2: must be from' train --lr-decay-by-child 2
    fails 64 '--head-lr-mult' train --head-lr-mult -1
    fails 64 '--patience' train --patience -1
    fails 64 '--time-limit' train --time-limit x
    # One photo is left for the last batch: too few only where BatchNorm is trained, and known before the first step.
    fails 64 'BatchNorm' train --freeze-until 9 --batch-size 1 --unfreeze-at 3:6
    [ ! -e runs ]
}
