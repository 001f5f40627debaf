#!/usr/bin/env bats
# --precision: maps in bfloat16. What the kernels compute is in tests/unit/ops; here: that the option reaches them from every
# command, is kept with a run, and that the promises hold.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 3 40 1
    small_weights 4 6
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    weights=$BATS_FILE_TMPDIR/weights.safetensors
    few=(--data "$photos" --weights "$weights" --image-size 32 --batch-size 8 --freeze-until 6)
    unset FREEZETUNE_WEIGHTS FREEZETUNE_CPU
}

# train OPTION...: 18 photos to train on, in steps of 8.
train() {
    "$FREEZETUNE" train --quiet "${few[@]}" --epochs 2 --lr 0.01 --cache off "$@"
}

has_instruction() {
    FREEZETUNE_CPU=avx512bf16 "$FREEZETUNE" --version | grep -q '^instructions  avx512, bf16$'
}

# value FILE KEY: of a flat line of indented JSON.
value() {
    sed -n "s/^ *\"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},*$/\1/p" "$1"
}

@test "all commands that compute have it, float32 is the default, and BLAS has no bfloat16" {
    for command in train sweep eval predict bench; do
        "$FREEZETUNE" $command --help | grep -q '^  --precision f32|bf16'
        "$FREEZETUNE" $command --help | tr -s '\n ' ' ' | grep -q 'all weights stay float32 (default: f32)'
    done
    fails 64 '--precision.*half' "$FREEZETUNE" bench --precision half
    local both=(--precision bf16 --conv im2col) why='^freezetune [a-z]*: --precision bf16 cannot be combined with --conv im2col'
    fails 64 "$why" "$FREEZETUNE" train "${few[@]}" "${both[@]}" --out run
    fails 64 "$why" "$FREEZETUNE" sweep "${few[@]}" "${both[@]}" --out run
    fails 64 "$why" "$FREEZETUNE" predict --model "$weights" "${both[@]}" "$photos"
    fails 64 "$why" "$FREEZETUNE" eval --model "$weights" --data "$photos" "${both[@]}"
    fails 64 "$why" "$FREEZETUNE" bench "${both[@]}"
    [ ! -e run ]
}

@test "a run in bfloat16 learns something else, records it, and its frozen tensors are proved" {
    train --out plain >/dev/null
    train --out half --precision bf16 >stdout.txt
    grep -q '^frozen: children 1-6 (conv1..layer2), 60 tensors, 685,002 values: bit-identical$' stdout.txt
    run cmp -s plain/best.safetensors half/best.safetensors
    [ "$status" = 1 ]
    [ "$(value plain/config.json precision)" = f32 ]
    [ "$(value half/config.json precision)" = bf16 ]
    # A model file says nothing of it: its weights are float32 and serve both.
    cmp <(head -c 600 plain/best.safetensors | tail -c 592) <(head -c 600 half/best.safetensors | tail -c 592)
    if "$FREEZETUNE" --version | grep -q '^instructions .*amx$'; then
        return # there fast multiplies as the definition does, too
    fi
    train --out exact --precision bf16 --conv exact >/dev/null
    run cmp -s exact/best.safetensors half/best.safetensors
    [ "$status" = 1 ]
}

@test "bfloat16: stopped, resumed, and by any number of threads: the same bytes" {
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -k 3 -- "${few[@]}" --epochs 2 --lr 0.01 --cache off \
        --augment standard --save-every 0.0005 --precision bf16
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^--threads [123] --loader-threads [321]: the same bytes$' <<<"$output")" = 3 ]
}

@test "--resume keeps the precision and refuses another" {
    train --out run --precision bf16 --keep-last >/dev/null
    fails 64 '--precision cannot be changed when a run is resumed' "$FREEZETUNE" train --resume run --precision f32
    fails 64 '--precision cannot be changed when a run is resumed' "$FREEZETUNE" train --resume run --precision bf16
    "$FREEZETUNE" train --resume run --dry-run | grep -q '^maps    bfloat16'
    # A record of an older version has none: float32.
    train --out old --keep-last >/dev/null
    sed -i '/"precision"/d' old/config.json
    "$FREEZETUNE" train --resume old --dry-run --json | grep -q '"precision": "f32"'
    sed -i 's/"precision": "bf16"/"precision": "f8"/' run/config.json
    fails 65 'run/config.json: .*f8' "$FREEZETUNE" train --resume run
}

@test "eval of a run in bfloat16 measures what train measured, unless told otherwise" {
    train --out run --precision bf16 --epochs 1 >/dev/null
    "$FREEZETUNE" eval --quiet --model run --json >own.json
    "$FREEZETUNE" eval --quiet --model run --json --precision bf16 >same.json
    "$FREEZETUNE" eval --quiet --model run --json --precision f32 >other.json
    python3 - <<'PYTHON'
import csv, json
trained = float(next(csv.DictReader(open("run/metrics.csv")))["val_loss"])
own, same, other = (json.load(open(name))["loss"] for name in ("own.json", "same.json", "other.json"))
assert own == same != other, (own, same, other)
assert abs(own - trained) <= 1e-5 * trained, (own, trained)
PYTHON
    fails 64 'cannot be combined with --conv im2col' "$FREEZETUNE" eval --quiet --model run --conv im2col
    "$FREEZETUNE" eval --quiet --model run --conv im2col --precision f32 >stdout.txt
}

# Measured with all instruction sets, and with weights as a Zen 3 and a Zen 4 trained them: 9.4e-5 to 0.0092, and 1.3e-6
# between the float32 of the sets: what is apart by more than 1e-5 has been rounded to bfloat16.
@test "predict: probabilities in bfloat16 are near those in float32, on every instruction set" {
    for set in plain avx2 avx512 all; do
        for conv in fast exact; do
            for precision in f32 bf16; do
                FREEZETUNE_CPU=$set "$FREEZETUNE" predict --quiet --model "$weights" --conv $conv --precision $precision \
                    --format jsonl "$photos" >$set-$conv-$precision.jsonl
            done
        done
    done
    python3 - <<'PYTHON'
import json
def load(name):
    return [{top["class"]: top["probability"] for top in json.loads(line)["top"]} for line in open(name)]
for conv in ("fast", "exact"):
    for set in ("plain", "avx2", "avx512", "all"):
        plain, half = (load(f"{set}-{conv}-{precision}.jsonl") for precision in ("f32", "bf16"))
        assert len(plain) == len(half) == 27
        apart = max(abs(a[name] - b[name]) for a, b in zip(plain, half) for name in a)
        print(set, conv, apart)
        assert 1e-5 < apart < 0.02, (set, conv, apart)
PYTHON
}

@test "the plan says how maps are stored, and the memory of the other precision to the byte" {
    FREEZETUNE_CPU=avx2 train --dry-run --precision bf16 >stdout.txt
    grep -q '^maps    bfloat16, which this processor multiplies as float32, no faster$' stdout.txt
    FREEZETUNE_CPU=avx2 train --dry-run >stdout.txt
    absent '^maps '
    train --dry-run --json >plain.json
    train --dry-run --json --precision bf16 >half.json
    train --dry-run --json --conv im2col >blas.json
    [ "$(value plain.json precision) $(value half.json precision)" = "f32 bf16" ]
    [ "$(value plain.json memory)" -gt "$(value half.json memory)" ]
    [ "$(value plain.json memory_bf16)" = "$(value half.json memory)" ]
    [ "$(value half.json memory_bf16)" = "$(value half.json memory)" ]
    [ "$(value blas.json memory_bf16)" = null ]
    # The most of all stages, as the memory itself.
    train --dry-run --json --head-first 1 >plain.json
    train --dry-run --json --head-first 1 --precision bf16 >half.json
    [ "$(value plain.json memory_bf16)" = "$(value half.json memory)" ]
    has_instruction || skip "this processor lacks AVX512_BF16"
    export FREEZETUNE_CPU=avx512bf16 # which some of those that have it multiply more slowly by, and do not use by themselves
    train --dry-run >stdout.txt
    grep -q '^maps    float32; --precision bf16 would take [0-9.]* MB of memory, and this processor has its instruction$' \
        stdout.txt
    train --dry-run --conv im2col >stdout.txt
    absent '^maps '
    train --dry-run --precision bf16 >stdout.txt
    grep -q "^maps    bfloat16, multiplied by this processor's own instruction$" stdout.txt
    FREEZETUNE_CPU=avx512 train --dry-run --precision bf16 | grep -q '^maps .*multiplies as float32'
    FREEZETUNE_CPU=avx512 "$FREEZETUNE" --version | grep -q '^instructions  avx512$'
    "$FREEZETUNE" --version | grep -q '^instructions  avx512, bf16$'
}

@test "sweep and --folds pass it on" {
    narrow
    few=(--data "$photos" --weights random --arch resnet18 --image-size 32 --batch-size 8)
    "$FREEZETUNE" sweep --quiet "${few[@]}" --freeze-until 8 --lr 0.01,0.02 --epochs 1 --cache off --precision bf16 \
        --out sweep >/dev/null
    "$FREEZETUNE" train --quiet --data "$photos/train" --weights random --arch resnet18 --image-size 32 --batch-size 6 --freeze-until 8 \
        --epochs 1 --lr 0.01 --cache off --folds 2 --precision bf16 --out folds >/dev/null
    for config in sweep/config.json sweep/8-0.01/config.json sweep/8-0.02/config.json folds/config.json \
        folds/fold-1/config.json folds/fold-2/config.json; do
        [ "$(value $config precision)" = bf16 ]
    done
    grep -q -- '--precision bf16' sweep/reproduce.sh
}

@test "features of one precision are not taken for those of the other" {
    for precision in f32 bf16; do
        train --epochs 1 --augment none --cache disk --cache-dir cache --precision $precision --out $precision >/dev/null
    done
    [ "$(find cache -name '*.features' | wc -l)" = 2 ]
}

@test "bench has the precision in its figures, with the memory of the other" {
    narrow
    local small=(bench --arch resnet18 --image-size 32 --batch-size 2 --repeat 1 --threads 1 --classes 10)
    for more in "" --forward; do
        "$FREEZETUNE" "${small[@]}" $more --format json >plain.json
        "$FREEZETUNE" "${small[@]}" $more --format json --precision bf16 >half.json
        [ "$(value plain.json precision) $(value half.json precision)" = "f32 bf16" ]
        [ "$(value plain.json network_bf16_mb)" = "$(value half.json network_mb)" ]
        awk -v a="$(value plain.json network_mb)" -v b="$(value half.json network_mb)" 'BEGIN { exit !(a > b && b > 0) }'
    done
    "$FREEZETUNE" "${small[@]}" --format json --conv im2col >blas.json
    [ "$(value blas.json network_bf16_mb)" = null ]
    "$FREEZETUNE" "${small[@]}" --forward --precision bf16 | grep -q '1 thread, bf16, '
    FREEZETUNE_CPU=avx2 "$FREEZETUNE" "${small[@]}" --forward --precision bf16 | grep -q '^this processor multiplies bfloat16 as float32, no faster$'
    has_instruction || skip "this processor lacks AVX512_BF16"
    export FREEZETUNE_CPU=avx512bf16
    wide
    "$FREEZETUNE" "${small[@]}" --forward | grep -q '^--precision bf16 would take .* MB for the network instead of'
}
