#!/usr/bin/env bats
# --profile of train and eval: that the figures are there and add up; what they are is the machine's affair.

load common
narrow

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 \
        --epochs 1 --keep-last "$@"
}

@test "train: every operator of every pass, the parts within the whole, and the same result as without" {
    run_split train --freeze-until 6 --out plain
    [ "$status" = 0 ]
    absent "ms a photo"
    run_split train --freeze-until 6 --out text --profile
    [ "$status" = 0 ]
    # Three steps of 12 photos, and four to validate.
    grep -E '^conv1 +[a-z]+ +forward +[0-9]+ +12 ' stdout.txt
    grep -E '^conv1 +[a-z]+ +validation +[0-9]+ +4 ' stdout.txt
    grep -E '^layer4.1.conv2 +[a-z]+ +backward weight +3 +12 ' stdout.txt
    absent '^layer2.0.conv1 .*backward'
    grep -E '^all +[0-9.]+ +100.0$' stdout.txt
    for file in best.safetensors last.safetensors config.json predictions_val.csv; do
        cmp plain/$file text/$file
    done
    run_split train --freeze-until 0 --out json --profile --json
    [ "$status" = 0 ]
    python3 - <<'PYTHON'
import json
profile = json.load(open("stdout.txt"))["profile"]
parts = {p["part"]: p["seconds"] for p in profile["parts"]}
assert len(parts) == 8 and all(s >= 0 for s in parts.values()), parts
for name in ("forward of the rest", "backward", "optimizer", "validation: network", "saving", "waiting for photos"):
    assert parts[name] > 0, name
assert sum(parts.values()) <= profile["seconds"] * 1.001
network = sum(parts[n] for n in ("frozen part", "forward of the rest", "backward", "validation: network"))
operators = sum(o["seconds"] for o in profile["operators"])
assert 0.3 * network < operators <= network * 1.001, (operators, network)
PYTHON
}

@test "train: what stages with other freeze points took is added up" {
    run_split train --epochs 2 --freeze-until 9 --unfreeze-at 2:7 --clip-norm 5 --out run --profile
    [ "$status" = 0 ]
    grep -E '^conv1 +[a-z]+ +forward +[0-9]+ +24 ' stdout.txt
    grep -E '^fc +[a-z]+ +backward weight +6 +24 ' stdout.txt
    grep -E '^layer4.1.conv2 +[a-z]+ +backward weight +3 +12 ' stdout.txt
}

@test "train: --profile cannot be combined with --folds" {
    fails 64 'profile.*folds' train --freeze-until 9 --folds 2 --profile
}

@test "train: a resumed run may be measured" {
    train --freeze-until 9 --out run >/dev/null
    run_split "$FREEZETUNE" train --quiet --resume run --profile
    [ "$status" = 0 ]
    grep -E '^all +[0-9.]+ ' stdout.txt
}

@test "eval: waiting, the network, and its operators" {
    train --freeze-until 9 --out run >/dev/null
    run_split "$FREEZETUNE" eval --quiet --model run/best.safetensors --data photos --profile
    [ "$status" = 0 ]
    grep -E '^fc +[a-z]+ +forward +[0-9]+ +4 ' stdout.txt
    grep -E '^waiting for photos +[0-9.]+ +[0-9.]+$' stdout.txt
    run_split "$FREEZETUNE" eval --quiet --model run/best.safetensors --data photos --profile --json
    python3 -c 'import json; p = json.load(open("stdout.txt"))["profile"]; assert len(p["operators"]) == 23 and len(p["parts"]) == 2, p'
    run_split "$FREEZETUNE" eval --quiet --model run/best.safetensors --data photos --json
    [[ $out != *profile* ]]
}
