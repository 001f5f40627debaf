#!/usr/bin/env bats
# --conv fast|exact|im2col: who multiplies. That im2col's features have a key of their own: train_cache.bats.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 8 4 40 1
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 \
        --freeze-until 6 --cache off --conv im2col --out run >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    model=$BATS_FILE_TMPDIR/run
    unset FREEZETUNE_WEIGHTS
    # A library that cannot be loaded, for without_blas.
    mkdir -p none
    : >none/libopenblas.so.0
}

# train ARGUMENT...: a short training that keeps no features.
train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 \
        --cache off "$@"
}

without_blas() {
    LD_LIBRARY_PATH=$PWD/none "$@"
}

# A program that links OpenBLAS, or a processor whose fast kernels need it, cannot do without.
skip_unless_loaded() {
    without_blas "$FREEZETUNE" --version | grep -q '^BLAS .*cannot be loaded' || skip "this build links OpenBLAS"
    "$FREEZETUNE" --version | grep -q '^instructions *avx' || skip "no AVX2: every engine needs OpenBLAS"
}

@test "im2col is recorded, kept by --resume and cannot be changed" {
    grep -q '^ *"conv": "im2col",$' "$model/config.json"
    fails 64 '--conv blas: must be fast, exact or im2col' "$FREEZETUNE" train --conv blas
    fails 64 '--conv cannot be changed when a run is resumed' "$FREEZETUNE" train --resume "$model" --conv fast
    narrow
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -k 3 -- --data "$photos" --weights random --arch resnet18 \
        --image-size 32 --freeze-until 6 --epochs 2 --batch-size 4 --augment standard --save-every 0.0005 --conv im2col
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^--threads [123] --loader-threads [321]: the same bytes$' <<<"$output")" = 3 ]
}

@test "im2col: one thread, two and three to the same bytes, at every kind of freeze point" {
    for until in 0 6 9; do
        for bn in eval batch; do
            [ "$until $bn" != "0 batch" ] || continue # nothing is frozen: the same training
            for threads in 1 2 3; do
                train --conv im2col --epochs 1 --freeze-until $until --bn-frozen $bn --threads $threads --out t$threads >out.txt
                cmp t1/best.safetensors t$threads/best.safetensors
                cmp t1/predictions_val.csv t$threads/predictions_val.csv
            done
            [ $until = 0 ] || [ $bn = batch ] || grep -q '^frozen: children 1-.*: bit-identical$' out.txt
            rm -r t?
        done
    done
    for threads in 1 3; do
        "$FREEZETUNE" predict --quiet --model "$model" --conv im2col --threads $threads "$photos" >p$threads.txt
        "$FREEZETUNE" eval --quiet --model "$model" --data "$photos" --threads $threads --json >e$threads.txt
    done
    cmp p1.txt p3.txt
    cmp <(grep -v '"threads"\|seconds' e1.txt) <(grep -v '"threads"\|seconds' e3.txt)
}

@test "the engines are three, and differ by no more than rounding" {
    for conv in fast exact im2col; do
        "$FREEZETUNE" predict --quiet --model "$model" --conv $conv --logits $conv.safetensors "$photos/val" >$conv.txt
        "$FREEZETUNE" bench --arch resnet18 --image-size 32 --batch-size 2 --repeat 1 --threads 1 --classes 10 --conv $conv \
            --format json >$conv.json
        grep -q "^  \"conv\": \"$conv\",$" $conv.json
    done
    for pair in "fast exact" "fast im2col" "exact im2col"; do
        python3 - $pair <<'END'
import struct, sys

def logits(name):
    data = open(name + ".safetensors", "rb").read()
    values = data[8 + struct.unpack("<Q", data[:8])[0] :]
    return struct.unpack(f"<{len(values) // 4}f", values)

a, b = map(logits, sys.argv[1:])
assert len(a) == len(b) >= 16
worst = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))
assert 0 < worst < 1e-5, worst
END
    done
}

@test "OpenBLAS is missing: im2col is 71 in one line that names the other engine, and that one works" {
    skip_unless_loaded
    local said="OpenBLAS cannot be loaded .*: install it, .*, or choose --conv fast, which needs none"
    fails 71 "$said" without_blas "$FREEZETUNE" bench --arch resnet18 --image-size 32 --repeat 1 --conv im2col
    fails 71 "$said" without_blas "$FREEZETUNE" predict --model "$model" --conv im2col "$photos/val"
    # eval prepares a run's own photos as the run did, with its engine.
    fails 71 "$said" without_blas "$FREEZETUNE" eval --quiet --model "$model"
    without_blas "$FREEZETUNE" eval --quiet --model "$model" --conv fast >/dev/null
    fails 71 "$said" without_blas train --conv im2col --freeze-until 6 --out run
    [ ! -e run ]
    without_blas train --conv fast --freeze-until 6 --out run >/dev/null
    # A trained first convolution needs it with any engine.
    fails 71 'libopenblas0-pthread\)$' without_blas train --conv im2col --freeze-until 0 --out none0
}

@test "sweep and folds hand the engine to their runs" {
    narrow
    "$FREEZETUNE" sweep --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 1 \
        --freeze-until 6,9 --conv im2col --cache-dir cache --out sweep >/dev/null
    [ "$(grep -l '"conv": "im2col"' sweep/*/config.json | wc -l)" = 2 ]
    train --epochs 1 --folds 2 --conv im2col --data "$photos/train" --out folds >/dev/null
    [ "$(grep -l '"conv": "im2col"' folds/*/config.json | wc -l)" = 2 ]
}
