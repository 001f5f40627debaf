#!/usr/bin/env bats
# What changes loss and update: a ResNet-18 at 32 pixels on photos of coloured noise. (What each computes: test_recipe and
# test_parity_recipes.)

load common

small=(--weights random --arch resnet18 --image-size 32 --batch-size 7 --epochs 2 --lr 0.01 --keep-last)
all=(--label-smoothing 0.1 --class-weight-power 0.5 --mixup 0.2 --cutmix 1 --clip-norm 1 --micro-batch 3 --ema 0.8)

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 8 3 40 1
    rm photos/train/class0/0[0-2].* # so that classes weigh differently
    "$FREEZETUNE" train --quiet --data photos "${small[@]}" "${all[@]}" --freeze-until 8 --bn-frozen batch --threads 1 \
        --out whole >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    whole=$BATS_FILE_TMPDIR/whole
    small+=(--data "$photos")
    unset FREEZETUNE_WEIGHTS
}

@test "all of them at once: with other threads, killed and resumed, the same bytes" {
    "$FREEZETUNE" train --quiet "${small[@]}" "${all[@]}" --freeze-until 8 --bn-frozen batch --threads 3 --save-every 0.0001 \
        --out run >/dev/null 2>&1 &
    pid=$!
    for _ in $(seq 1200); do
        [ "$(cat run/log.jsonl 2>/dev/null | wc -l)" -lt 2 ] || break
        sleep 0.02
    done
    kill -9 $pid 2>/dev/null || true
    wait $pid || true
    "$FREEZETUNE" train --quiet --resume run >/dev/null
    cmp "$whole/best.safetensors" run/best.safetensors
    cmp "$whole/last.safetensors" run/last.safetensors
}

@test "config.json holds every one, log.jsonl the norm of each gradient, and --resume uses them" {
    for pair in label-smoothing:0.1 class-weight-power:0.5 mixup:0.2 cutmix:1 clip-norm:1 micro-batch:3 ema:0.8; do
        grep -qx "    \"${pair%:*}\": ${pair#*:},\?" "$whole/config.json"
    done
    [ "$(grep -c '"event": "step".*"gradient_norm": [0-9]' "$whole/log.jsonl")" = 6 ]
    fails 64 '--ema cannot be changed' "$FREEZETUNE" train --resume "$whole" --ema 0.9
}

@test "the best model is the average, last.safetensors holds the weights and the average" {
    command -v python3 >/dev/null || skip "no python3 to read the files with"
    "$FREEZETUNE" train --quiet "${small[@]}" --epochs 1 --freeze-until 7 --ema 0.9 --out run >/dev/null
    python3 -c '
import json, struct
def tensors(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    return {name: raw[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]]
            for name, t in header.items() if name != "__metadata__"}
best, last = tensors("run/best.safetensors"), tensors("run/last.safetensors")
averages = {name[len("optimizer.ema."):]: t for name, t in last.items() if name.startswith("optimizer.ema.")}
assert struct.unpack("<q", averages.pop("n_averaged"))[0] == 3
moving = {name for name in best if name.startswith(("layer4.", "fc."))}
assert averages.keys() == moving, averages.keys() ^ moving
for name, t in best.items():
    assert t == averages.get(name, last[name]), name
assert sum(last[name] != best[name] for name in moving) > 25'
    "$FREEZETUNE" eval --quiet --model run/best.safetensors --data "$photos" --batch-size 7 --json >eval.json
    best=$(tail -1 run/metrics.csv | cut -d, -f6)
    grep -q "\"accuracy\": ${best:0:8}" eval.json
}

@test "--micro-batch takes less memory, and the table says what the rest takes" {
    memory() {
        "$FREEZETUNE" train "${small[@]}" --image-size 160 --batch-size 24 --freeze-until 6 --dry-run "$@" 2>/dev/null |
            grep '^memory'
    }
    memory >whole.txt
    memory --micro-batch 4 >pieces.txt
    memory --clip-norm 1 --ema 0.9 >kept.txt
    network() {
        sed -n 's/.*network \([0-9]*\).*/\1/p' "$1"
    }
    [ "$(network pieces.txt)" -lt $(($(network whole.txt) * 2 / 3)) ]
    grep -q 'gradients 84.0 MB' pieces.txt # six pieces are added pairwise: two vectors
    grep -q 'optimizer 42.0 MB, gradients 42.0 MB, average 42.0 MB' kept.txt
    run grep -E 'gradients|average' whole.txt
    [ "$status" = 1 ]
}

@test "--bn-sync: one piece is the whole batch, pieces take its memory, --resume keeps it" {
    train() {
        "$FREEZETUNE" train --quiet "${small[@]}" --freeze-until 6 "$@" >/dev/null
    }
    train --out plain
    train --bn-sync --out one
    cmp plain/best.safetensors one/best.safetensors
    cmp plain/last.safetensors one/last.safetensors
    train --bn-sync --micro-batch 2 --threads 1 --out pieces
    if cmp -s plain/best.safetensors pieces/best.safetensors; then return 1; fi # gradients are added in another order
    train --bn-sync --micro-batch 2 --threads 3 --time-limit 0.0001 --out stopped
    [ ! -e stopped/result.json ]
    "$FREEZETUNE" train --quiet --resume stopped --time-limit 0 --threads 2 >/dev/null
    cmp pieces/best.safetensors stopped/best.safetensors
    cmp pieces/last.safetensors stopped/last.safetensors
    grep -qx '    "bn-sync": true,\?' pieces/config.json
    grep -qx '    "bn-sync": false,\?' plain/config.json
    fails 64 '--bn-sync cannot be changed' "$FREEZETUNE" train --resume plain --bn-sync
    # Kept features come for all pieces at once.
    train --bn-sync --micro-batch 2 --augment none --cache off --out pixels
    train --bn-sync --micro-batch 2 --augment none --cache ram --out features
    cmp pixels/best.safetensors features/best.safetensors
    network() {
        "$FREEZETUNE" train "${small[@]}" --image-size 160 --batch-size 24 --freeze-until 6 --dry-run "$@" 2>/dev/null |
            sed -n 's/^memory.*network \([0-9]*\).*/\1/p'
    }
    [ "$(network --micro-batch 4 --bn-sync)" = "$(network)" ]
}

@test "what makes no sense is refused in one line" {
    for option in label-smoothing:1.1 class-weight-power:2 mixup:-1 cutmix:x clip-norm:-1 micro-batch:0 ema:1; do
        fails 64 "--${option%:*} ${option#*:}" "$FREEZETUNE" train "${small[@]}" "--${option%:*}" "${option#*:}"
    done
    fails 64 '--micro-batch 2: in a piece of a batch of 7 .*--bn-trained eval' "$FREEZETUNE" train --quiet "${small[@]}" \
        --freeze-until 6 --micro-batch 2
    "$FREEZETUNE" train --quiet "${small[@]}" --freeze-until 6 --micro-batch 2 --bn-trained eval --dry-run >/dev/null
    fails 64 '--bn-sync cannot be combined with --bn-trained eval' "$FREEZETUNE" train --quiet "${small[@]}" --bn-sync \
        --bn-trained eval
    [ ! -e runs ]
}
