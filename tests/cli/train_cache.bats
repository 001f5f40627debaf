#!/usr/bin/env bats
# train with a feature cache: the same bytes as without, and nothing computed twice. (`freezetune cache`: cache.bats.)

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 3 40 1
    small_weights 1 9
    "$BUILD/tests/tools/make_model" wide.safetensors 32 class0 class1 class2
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    weights=$BATS_FILE_TMPDIR/weights.safetensors
    unset FREEZETUNE_WEIGHTS
}

# train OPTION...: 18 photos in three epochs of three steps, 9 to validate. Where the cut is does not matter to most of
# these tests; behind layer4 there is the least to write.
train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 \
        --lr 0.1 --freeze-until 8 --augment none --cache-dir cache --keep-last "$@"
}

# The same results, up to the time they took and what the cache did.
same_run() {
    cmp "$1/best.safetensors" "$2/best.safetensors"
    cmp "$1/last.safetensors" "$2/last.safetensors"
    cmp "$1/predictions_val.csv" "$2/predictions_val.csv"
    cmp "$1/probabilities_val.csv" "$2/probabilities_val.csv"
    cmp <(cut -d, -f1-11 "$1/metrics.csv") <(cut -d, -f1-11 "$2/metrics.csv")
    cmp <(sed 's/, "seconds".*//' "$1/log.jsonl") <(sed 's/, "seconds".*//' "$2/log.jsonl")
}

# counts RUN: computed, advanced, read and damaged features of each epoch, "27 0 27 0;0 0 27 0;"
counts() {
    sed -n 's/.*"features": {"computed": \([0-9]*\), "advanced": \([0-9]*\), "read": \([0-9]*\), "damaged": \([0-9]*\)}.*/\1 \2 \3 \4/p' \
        "$1/log.jsonl" | tr '\n' ';'
}

# expect_counts RUN COUNTS
expect_counts() {
    [ "$(counts "$1")" = "$2" ] || {
        echo "$1: $(counts "$1")"
        return 1
    }
}

@test "with and without the cache, on disk and in memory: the same bytes at every freeze point" {
    for until in 5 6 8 9; do
        train --freeze-until $until --cache off --out off$until >/dev/null
        train --freeze-until $until --out disk$until >/dev/null
        same_run off$until disk$until
        expect_counts off$until "0 0 0 0;0 0 0 0;0 0 0 0;"
    done
    # Deeper features were made from shallower ones; 8 and 9 are the same cut.
    expect_counts disk5 "27 0 27 0;0 0 27 0;0 0 27 0;"
    expect_counts disk6 "0 27 27 0;0 0 27 0;0 0 27 0;"
    expect_counts disk8 "0 27 27 0;0 0 27 0;0 0 27 0;"
    expect_counts disk9 "0 0 27 0;0 0 27 0;0 0 27 0;"
    [ "$(find cache -name '*.features' | wc -l)" = 3 ]
    train --freeze-until 6 --cache ram --threads 3 --out ram >/dev/null
    same_run off6 ram
    expect_counts ram "27 0 27 0;0 0 27 0;0 0 27 0;"
}

@test "--conv exact, narrower instruction sets and any number of threads: caches of their own, the same promise" {
    one() {
        FREEZETUNE_CPU=$set train --epochs 2 --conv $conv "$@" >/dev/null
    }
    for set in plain avx2; do
        for conv in fast exact im2col; do
            one --cache off --threads 2 --out off-$set-$conv
            one --threads 1 --out on-$set-$conv
            same_run off-$set-$conv on-$set-$conv
            expect_counts on-$set-$conv "27 0 27 0;0 0 27 0;"
        done
    done
}

@test "views: flip has two, standard as many as are asked for; --cache does not change what they are" {
    train --augment flip --cache off --out off >/dev/null
    train --augment flip --out on >/dev/null
    same_run off on
    expect_counts on "27 0 27 0;18 0 27 0;0 0 27 0;"
    train --augment standard --views 3 --epochs 4 --cache off --out off3 >/dev/null
    train --augment standard --views 3 --epochs 4 --out on3 >/dev/null
    same_run off3 on3
    expect_counts on3 "0 0 27 0;18 0 27 0;18 0 27 0;0 0 27 0;" # the plain view was there
    # The mirrored view depends on nothing that is drawn, a cropped one on the seed.
    train --augment flip --epochs 2 --seed 5 --out flip5 >/dev/null
    expect_counts flip5 "0 0 27 0;0 0 27 0;"
    train --augment standard --views 3 --epochs 2 --seed 5 --out seed5 >/dev/null
    expect_counts seed5 "0 0 27 0;18 0 27 0;"
    grep -q '"views": 3,' on3/config.json
    grep -q '"views": 2,' on/config.json
    # A new view in every epoch cannot be kept.
    run_split train --augment standard --epochs 1 --out fresh
    grep -q '^cache   off: every epoch sees different pixels; --views K ' stdout.txt
    fails 64 '--cache disk: every epoch sees different pixels' train --cache disk --augment standard
    fails 64 '--cache disk: with --views 0 no view repeats' train --cache disk --augment none --views 0
    fails 64 '--cache ram: with --bn-frozen batch' train --cache ram --bn-frozen batch
    fails 64 '--cache disk: no child that processes the photos is frozen' train --cache disk --freeze-until 0
}

@test "a batch in pieces, a stage after another: the same bytes with the cache" {
    one() {
        train --freeze-until 7 --head-first 1 --micro-batch 3 --clip-norm 1 --ema 0.5 --bn-trained eval --lr 0.01 "$@" >/dev/null
    }
    one --cache off --out off
    one --out on
    same_run off on
    expect_counts on "27 0 27 0;27 0 27 0;0 0 27 0;"
    run_split train --mixup 0.2 --epochs 1 --out mixed
    grep -q '^cache   off: --mixup, --cutmix and --random-erasing' stdout.txt
    fails 64 '--cache ram: --mixup, --cutmix and --random-erasing' train --mixup 0.2 --cache ram
    fails 64 '--cache ram: --mixup, --cutmix and --random-erasing' \
        train --augment standard --views 2 --random-erasing 0.2 --cache ram
    # What cannot be kept in a later stage is not kept there.
    run_split train --cache disk --head-first 1 --freeze-until 0 --epochs 2 --out down
    [ "$status" = 0 ]
    expect_counts down "0 0 27 0;0 0 0 0;"
}

@test "a photo, a weight, an option that changes: what depends on it is computed again, and nothing else" {
    cp -r "$photos" mine
    photos=mine
    one() {
        train --epochs 1 "$@" >/dev/null
    }
    one --out first
    expect_counts first "27 0 27 0;"
    one --out again --lr 0.01 --seed 3 --batch-size 5 --optimizer adam
    expect_counts again "0 0 27 0;"
    # One photo to train on, of a content that is known and then of a new one; one to validate.
    cp mine/val/class2/00.png mine/train/class0/00.png
    one --out known
    expect_counts known "0 0 27 0;"
    "$BUILD/tests/tools/make_photos" new 1 2 1 41 9
    cp new/train/class0/00.png mine/train/class0/00.png
    one --out photo
    expect_counts photo "1 0 27 0;"
    cp new/val/class0/00.png mine/val/class1/00.png
    one --out val
    expect_counts val "1 0 27 0;"
    # A trained weight; a frozen one.
    weights=first/best.safetensors
    one --out trained
    expect_counts trained "0 0 27 0;"
    train --freeze-until 7 --epochs 1 --cache off --out layer4 >/dev/null
    weights=layer4/best.safetensors
    one --out frozen
    expect_counts frozen "27 0 27 0;"
    # Options that reach the features.
    one --out resize --resize 34
    expect_counts resize "27 0 27 0;"
    one --out exif --exif ignore
    expect_counts exif "27 0 27 0;"
    one --out exact --conv exact
    expect_counts exact "27 0 27 0;"
    one --out im2col --conv im2col
    expect_counts im2col "27 0 27 0;"
    one --out threads --conv im2col --threads 3
    expect_counts threads "0 0 27 0;"
    # What OpenBLAS rounds depends on the processor that it takes itself to be on.
    if [ "$(OPENBLAS_CORETYPE=Nehalem "$FREEZETUNE" --version)" != "$("$FREEZETUNE" --version)" ]; then
        OPENBLAS_CORETYPE=Nehalem one --out core --conv im2col
        expect_counts core "27 0 27 0;"
    fi
}

@test "f16: half the room, and the same bytes kept or not" {
    wide
    weights=$BATS_FILE_TMPDIR/wide.safetensors
    train --cache-dtype f16 --cache off --out off >/dev/null
    train --cache-dtype f16 --out on >/dev/null
    same_run off on
    train --out wide >/dev/null
    run cmp -s wide/best.safetensors on/best.safetensors
    [ "$status" = 1 ]
    mapfile -t sizes < <(stat -c %s cache/*.features | sort -n)
    [ $(((sizes[1] - 4096) * 10)) -gt $(((sizes[0] - 4096) * 19)) ]
    fails 64 '--cache-dtype cannot be changed' "$FREEZETUNE" train --resume on --cache-dtype f32
}

@test "bf16: features as they are, half the room, and the same bytes kept or not" {
    for until in 5 6 8; do
        train --precision bf16 --freeze-until $until --cache off --out off$until >/dev/null
        train --precision bf16 --freeze-until $until --out on$until >plan$until.txt
        same_run off$until on$until
    done
    expect_counts on5 "27 0 27 0;0 0 27 0;0 0 27 0;"
    expect_counts on6 "0 27 27 0;0 0 27 0;0 0 27 0;"
    expect_counts on8 "0 27 27 0;0 0 27 0;0 0 27 0;"
    # Behind the average pooling they are float32.
    [ "$("$FREEZETUNE" cache list --cache-dir cache --format tsv | cut -f3,5 | sort | tr '\t\n' '=;')" = \
        "avgpool=f32;cut=dtype;layer1=bf16;layer2=bf16;" ]
    # f16 has nothing to do there, and finds the same features; a run in float32 has its own.
    train --precision bf16 --freeze-until 6 --cache-dtype f16 --out half >plan.txt
    grep 'as bf16, in half the room already: --cache-dtype f16 only rounds features in float32' plan.txt
    run grep 'as bf16' plan6.txt
    [ "$status" = 1 ]
    same_run on6 half
    expect_counts half "0 0 27 0;0 0 27 0;0 0 27 0;"
    train --freeze-until 5 --cache-dir other --out wide >/dev/null
    expect_counts wide "27 0 27 0;0 0 27 0;0 0 27 0;"
    wide=$(stat -c %s other/*.features)
    key=$("$FREEZETUNE" cache list --cache-dir cache --format tsv | awk '$3 == "layer1" { print $1 }')
    narrow=$(stat -c %s "cache/$key.features")
    [ $((wide - 4096 - 27 * 32)) = $(((narrow - 4096 - 27 * 32) * 2)) ]
}

@test "bf16: a damaged record is computed again" {
    train --precision bf16 --freeze-until 5 --cache off --out off >/dev/null
    train --precision bf16 --freeze-until 5 --epochs 1 --out first >/dev/null
    file=$(echo cache/*.features)
    printf '\377\377\377' | dd of="$file" bs=1 seek=5000 conv=notrunc status=none
    train --precision bf16 --freeze-until 5 --out on >/dev/null
    same_run off on
    expect_counts on "1 0 26 1;0 0 27 0;0 0 27 0;"
}

@test "a byte flipped, a file cut short: found, computed again, the same bytes" {
    train --cache off --out off >/dev/null
    train --epochs 1 --out first >/dev/null
    file=$(echo cache/*.features)
    size=$(stat -c %s "$file")
    for at in 5000 $((size / 2)) $((size - 100)); do
        byte=$(od -An -tu1 -j$at -N1 "$file")
        # shellcheck disable=SC2059 # an escape is meant
        printf "\\x$(printf %02x $(((byte + 1) % 256)))" | dd of="$file" bs=1 seek=$at conv=notrunc status=none
    done
    train --out flipped >/dev/null
    same_run off flipped
    [[ "$(counts flipped)" =~ ^3\ 0\ 24\ 3\;0\ 0\ 27\ 0\; ]]
    truncate -s $((size - size / 3)) "$file"
    train --out cut >/dev/null
    same_run off cut
    [[ "$(counts cut)" =~ ^[1-9][0-9]*\ 0 ]]
    echo "not a cache" >"$file"
    run_split "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 --lr 0.1 \
        --freeze-until 8 --augment none --cache-dir cache --keep-last --out other
    [ "$status" = 0 ]
    same_run off other
    grep -q '.features: .*; the run has no cache$' stderr.txt
    fails 65 '.features: ' train --cache disk --out no
}

@test "a disk that is full while the cache is written: the run says so, goes on without, and ends with the same bytes" {
    mkdir small
    mount -t tmpfs -o size=300k tmpfs small 2>/dev/null || skip "no small disk may be mounted here"
    "$BUILD/tests/tools/make_photos" few 3 1 1 40 7
    run_split "$FREEZETUNE" train --quiet --data few --weights "$weights" --image-size 32 --epochs 1 --freeze-until 6 \
        --augment none --cache-dir small/cache --out few-run
    # Nothing is left of the disk, though the file is as long as if it held all features: the run begins in good faith.
    file=$(echo small/cache/*.features)
    truncate -s 10M "$file"
    cat /dev/zero >small/rest 2>/dev/null || true
    train --freeze-until 6 --cache off --out off >/dev/null
    run_split "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 --lr 0.1 \
        --freeze-until 6 --augment none --cache disk --cache-dir small/cache --keep-last --out full
    umount small
    [ "$status" = 0 ]
    same_run off full
    cat stderr.txt
    [ "$(grep -c 'No space left on device.*; the run continues without its cache$' stderr.txt)" = 1 ]
}

@test "a limit, a disk that is too small: off by itself, an error when it was asked for" {
    wide
    weights=$BATS_FILE_TMPDIR/wide.safetensors
    run_split train --cache-limit 10K --out a
    [ "$status" = 0 ]
    grep -Eq '^cache   off: it would take [1-9][0-9.]* KB, and --cache-limit allows 10.2 KB$' stdout.txt
    fails 64 '--cache disk: it would take .*--cache-limit' train --cache disk --cache-limit 10K --out b
    touch file
    run_split train --epochs 1 --cache-dir file/cache --out c
    [ "$status" = 0 ]
    fails 73 'file' train --cache disk --cache-dir file/cache --out d
    [ ! -e d ]
}

@test "the limit covers all stages together" {
    wide
    weights=$BATS_FILE_TMPDIR/wide.safetensors
    run_split train --cache-limit 120K --unfreeze-at 2:7 --out both
    [ "$(grep -c '^cache   up to .* on disk' stdout.txt)" = 1 ]
    grep -q '^cache   off: it would take .* together with the caches of earlier stages, and --cache-limit allows ' stdout.txt
    [ "$(find cache -name '*.features' | wc -l)" = 1 ]
    # What two stages share counts once, and each alone would fit.
    run_split train --cache-limit 60K --freeze-until 9 --unfreeze-at 2:8 --dry-run
    [ "$(grep -c '^cache   up to .* on disk' stdout.txt)" = 2 ]
    run_split train --cache-limit 120K --freeze-until 7 --dry-run
    grep -q '^cache   up to .* on disk' stdout.txt
}

@test "two runs at once on one cache, and one that is killed while it fills" {
    train --cache off --out off >/dev/null
    train --out one >/dev/null &
    first=$!
    train --out two >/dev/null
    wait $first
    same_run off one
    same_run off two
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-resume.sh" -c -k 5 -- --data "$photos" --weights random \
        --arch resnet18 --image-size 64 --freeze-until 8 --epochs 2 --batch-size 4 --augment standard --views 2
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"5 kills, "*" the same bytes"* ]]
}

@test "--resume may use another cache, or none" {
    train --augment flip --cache off --out off >/dev/null
    "$FREEZETUNE" train --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 --lr 0.1 \
        --freeze-until 8 --augment flip --cache-dir cache --save-every 0.0001 --keep-last --out run >/dev/null &
    pid=$!
    for _ in $(seq 400); do
        [ ! -s run/log.jsonl ] || break
        sleep 0.02
    done
    kill -TERM $pid 2>/dev/null || true
    wait $pid || [ $? = 143 ]
    cp -r run other
    "$FREEZETUNE" train --quiet --resume run --cache off >/dev/null
    "$FREEZETUNE" train --quiet --resume other --cache ram >/dev/null
    same_run off run
    same_run off other
}

@test "a photo that cannot be decoded is listed and skipped, the same with the cache" {
    cp -r "$photos" mixed
    # Its head and end are right, what is between them is not: the scan does not see it.
    head -c 60 mixed/train/class1/00.png >bad.png
    tail -c 12 mixed/train/class1/00.png >>bad.png
    cp bad.png mixed/train/class1/bad.png
    cp bad.png mixed/val/class2/bad.png
    photos=mixed
    train --cache off --out off >/dev/null
    train --out on >/dev/null
    same_run off on
    cmp off/bad_images.tsv on/bad_images.tsv
    [ "$(wc -l <on/bad_images.tsv)" = 3 ]
    fails 65 'bad.png' train --strict --out strict
}

@test "the table before the first step and the lines of the epochs say what the cache takes and did" {
    run_split "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --epochs 2 --batch-size 8 \
        --freeze-until 6 --augment none --cache-dir cache --out run
    [ "$status" = 0 ]
    grep -qE '^cache   up to .* on disk: the output of children 1-6, 27 times .*, in cache$' stdout.txt
    grep -qE '^time    .* once the features are cached, ' stdout.txt
    grep -q '^epoch 1/2 .*  features: 27 computed' stderr.txt
    grep -q '^epoch 2/2 .*  features from the cache' stderr.txt
}

# repeat_photos: a folder `repeated` where every photo is there four times, one in val is one of train, two are damaged
# alike and three cannot be decoded.
repeat_photos() {
    local photo k
    cp -r "$photos" repeated
    for photo in repeated/*/*/*; do
        for k in 1 2; do ln "$photo" "${photo%.*}-$k.${photo##*.}"; done
        cp "$photo" "${photo%.*}-3.${photo##*.}"
    done
    ln repeated/train/class0/00.png repeated/val/class0/again.png
    head -c 60 repeated/train/class1/00.png >bad.png
    tail -c 12 repeated/train/class1/00.png >>bad.png
    for k in 1 2 3; do cp bad.png repeated/train/class1/bad$k.png; done
    for k in 1 2; do cp "$BATS_TEST_DIRNAME/../fixtures/photos/damaged_half.jpg" repeated/train/class2/damaged$k.jpg; done
}

@test "photos of the same bytes are computed once and planned once, to the same bytes" {
    repeat_photos
    photos=repeated
    for augment in none flip; do
        train --augment $augment --cache off --out off-$augment >/dev/null 2>&1
        run_split "$FREEZETUNE" train --data repeated --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 \
            --lr 0.1 --freeze-until 8 --augment $augment --cache-dir cache-$augment --keep-last --out on-$augment
        [ "$status" = 0 ]
        # last.safetensors lists bad photos in the order in which they were met.
        for file in best.safetensors predictions_val.csv; do
            cmp off-$augment/$file on-$augment/$file
        done
        cmp <(cut -d, -f1-11 off-$augment/metrics.csv) <(cut -d, -f1-11 on-$augment/metrics.csv)
        cmp <(sort off-$augment/bad_images.tsv) <(sort on-$augment/bad_images.tsv)
    done
    train=$(find repeated/train -type f ! -name 'bad*' -exec sha256sum {} + | cut -c1-64 | sort -u | wc -l)
    val=$(find repeated/val -type f -exec sha256sum {} + | cut -c1-64 | sort -u | wc -l)
    # Three tries of what cannot be decoded are no features; what validates and trains is there from training.
    [ "$(counts on-none | cut -d' ' -f1)" = $((train + val - 1)) ]
    # The plan does not know yet that one content cannot be decoded.
    entries=$(sed -n 's/^cache .*, \([0-9]*\) times .*/\1/p' stdout.txt)
    [ "$entries" = $((2 * (train + 1) + val - 1)) ]
    [ "$("$FREEZETUNE" cache list --cache-dir cache-none --format csv | sed -n 2p | cut -d, -f6)" = $((train + val - 1)) ]
}
