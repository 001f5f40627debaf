#!/usr/bin/env bats
# The remark that running statistics do not fit the photos. A small network is trained long enough for its statistics to
# be its own, then given photos that are prepared as before, and otherwise.

load common
load shared

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    "$BUILD/tests/tools/make_photos" data 2 64 16 40 1
    "$FREEZETUNE" train --quiet --data data --weights random --arch resnet18 --freeze-until 0 --image-size 32 --epochs 6 \
        --batch-size 16 --lr 0.01 --out run >train.txt
    cp run/best.safetensors own.safetensors # out of the run's folder
    mkdir hf
    "$BUILD/tests/tools/hf_names" own.safetensors hf/model.safetensors
    printf '{"model_type": "resnet", "id2label": {"0": "class0", "1": "class1"}}' >hf/config.json
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

# prepared STD: the same weights, for pixels that are divided by STD (of pixels from 0 to 1).
prepared() {
    printf '{"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}, "image_mean": [%s], "image_std": [%s]}' \
        "$1" "$2" >hf/preprocessor_config.json
}

right="0.485, 0.456, 0.406|0.229, 0.224, 0.225"
wrong="0, 0, 0|0.00392, 0.00392, 0.00392"

@test "eval, predict and train say when the pixels are scaled otherwise, and nothing when they are not" {
    prepared "${right%|*}" "${right#*|}"
    run_split "$FREEZETUNE" eval --model hf/model.safetensors --data data --json
    [ "$status" = 0 ]
    [[ $out == *'"finding": "agree"'* ]]
    [[ $err != *'running statistics'* ]]
    run_split "$FREEZETUNE" predict --model hf/model.safetensors data/val
    [[ $err != *'running statistics'* ]]
    train=("$FREEZETUNE" train --data data --weights hf/model.safetensors --freeze-until 8 --image-size 32 --epochs 1 --cache off)
    run_split "${train[@]}" --out "$BATS_TEST_TMPDIR/right"
    [ "$status" = 0 ]
    [[ $err != *'running statistics'* ]]

    prepared "${wrong%|*}" "${wrong#*|}"
    run_split "$FREEZETUNE" eval --model hf/model.safetensors --data data --json
    [ "$status" = 0 ]
    [[ $out == *'"finding": "input"'* ]]
    [[ $err == *'hf/model.safetensors: the photos are not scaled as in its training'* ]]
    run_split "$FREEZETUNE" predict --model hf/model.safetensors data/val
    [[ $err == *'on 32 photos the output of conv1 varies '*' times as much as its running statistics say'* ]]
    [ "$(grep -c 'running statistics' stderr.txt)" = 1 ]
    run_split "${train[@]}" --out "$BATS_TEST_TMPDIR/wrong"
    [ "$status" = 0 ]
    [[ $err == *'the photos are not scaled as in its training'* ]]
    run_split "${train[@]}" --quiet --out "$BATS_TEST_TMPDIR/quiet"
    [ -z "$err" ]
}

@test "the remark and its figures are the same with any number of threads, and cost the answers no bit" {
    prepared "${wrong%|*}" "${wrong#*|}"
    for threads in 1 2 3; do
        "$FREEZETUNE" eval --model hf/model.safetensors --data data --json --threads $threads >"$BATS_TEST_TMPDIR/$threads"
        "$FREEZETUNE" predict --model hf/model.safetensors --threads $threads --logits "$BATS_TEST_TMPDIR/l$threads" \
            --batch-size $((threads * 5)) data/val >"$BATS_TEST_TMPDIR/p$threads"
    done
    grep -q '"finding": "input"' "$BATS_TEST_TMPDIR/1"
    for threads in 2 3; do
        cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/$threads"
        cmp "$BATS_TEST_TMPDIR/l1" "$BATS_TEST_TMPDIR/l$threads"
        cmp "$BATS_TEST_TMPDIR/p1" "$BATS_TEST_TMPDIR/p$threads"
    done
}

@test "fewer than 16 photos, random weights and the model of a run in its folder are not measured" {
    prepared "${wrong%|*}" "${wrong#*|}"
    run_split "$FREEZETUNE" predict --model hf/model.safetensors data/val/class0/0*
    [ "$status" = 0 ]
    [[ $err != *'running statistics'* ]]
    run_split "$FREEZETUNE" eval --model run --json
    [[ $out == *'"running_statistics": null'* ]]
    "$BUILD/tests/tools/make_model" "$BATS_TEST_TMPDIR/random.safetensors" 32 class0 class1
    run_split "$FREEZETUNE" eval --model "$BATS_TEST_TMPDIR/random.safetensors" --data data --json
    [[ $out == *'"running_statistics": null'* ]]
}

@test "real weights: no remark on photos that they know" {
    need_shared_weights
    need_shared data/flowers
    run_split "$FREEZETUNE" predict --model "$weights" --format tsv "$shared/data/flowers/val/roses"
    [ "$status" = 0 ]
    [[ $err != *'running statistics'* ]]
}
