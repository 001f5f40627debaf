#!/usr/bin/env bats
# The memory that the table before the first step names is what the process takes, within 10 %.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    [ "$("$BUILD/tests/tools/peak_memory" true)" != sanitizer ] || skip "a sanitizer's memory would be counted"
}

# as_said OPTION...: a run of one epoch, its peak against the plan's number.
as_said() {
    local said peak
    said=$("$FREEZETUNE" train --quiet --data photos --weights random "$@" --dry-run --json |
        sed -n 's/^ *"memory": \([0-9]*\),.*/\1/p')
    rm -rf run
    peak=$("$BUILD/tests/tools/peak_memory" \
        "$FREEZETUNE" train --quiet --data photos --weights random --epochs 1 --json --out run "$@" | tail -1)
    awk -v said="$said" -v peak="$peak" -v what="$*" 'BEGIN {
        printf "%s: said %.1f MB, found %.1f MB\n", what, said / 1e6, peak / 1e6
        exit !(said > 0 && peak > 0.9 * said && peak < 1.1 * said)
    }'
}

@test "ResNet-18: frozen, trained, Adam, in pieces with an average, one thread and three" {
    "$BUILD/tests/tools/make_photos" photos 2 12 2 200 1
    as_said --arch resnet18 --image-size 160 --batch-size 16 --freeze-until 6 --threads 2
    as_said --arch resnet18 --image-size 64 --batch-size 8 --freeze-until 6 --threads 3
    as_said --arch resnet18 --image-size 160 --batch-size 16 --freeze-until 6 --micro-batch 4 --mixup 0.2 --ema 0.9
    as_said --arch resnet18 --image-size 96 --batch-size 24 --freeze-until 0 --optimizer adam --threads 1
    # The most of three stages: one takes the place of another, none stays behind.
    as_said --arch resnet18 --image-size 160 --batch-size 16 --freeze-until 9 --epochs 3 --unfreeze-at 2:6 --unfreeze-at 3:0 \
        --threads 2
}

@test "a feature cache in memory, and one on disk that is held in memory as well" {
    "$BUILD/tests/tools/make_photos" photos 2 40 4 200 1
    as_said --arch resnet18 --image-size 160 --batch-size 8 --freeze-until 5 --threads 2 --augment none --cache ram
    as_said --arch resnet18 --image-size 160 --batch-size 8 --freeze-until 5 --threads 2 --augment none --cache-dir cache
}

@test "ResNet-50 at 224 pixels, a batch of 4 and of 1" {
    "$BUILD/tests/tools/make_photos" photos 2 2 1 256 1
    as_said --batch-size 4 --freeze-until 6 --threads 2
    as_said --batch-size 1 --freeze-until 9 --threads 1
    as_said --batch-size 4 --freeze-until 6 --threads 2 --conv im2col
    as_said --batch-size 1 --freeze-until 9 --threads 1 --conv im2col
}

@test "large photos count while they are decoded" {
    # BMP files of 4096 x 3072 pixels of one colour: 38 MB, and twice that while one is decoded.
    mkdir -p photos/train/a photos/train/b photos/val/a photos/val/b
    for at in train/a train/b val/a val/b; do
        {
            printf 'BM\66\0\100\2\0\0\0\0\66\0\0\0\50\0\0\0\0\20\0\0\0\14\0\0\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
            head -c $((4096 * 3072 * 3)) /dev/zero | tr '\0' "${at#*/}"
        } >photos/$at/1.bmp
    done
    # One decoder: two would have to be at their highest at the same moment.
    as_said --arch resnet18 --image-size 64 --batch-size 2 --freeze-until 6 --threads 1 --loader-threads 1
}

@test "with --decode fast a large photo takes what its decoded part takes" {
    mkdir -p photos/train/a photos/train/b photos/val/a photos/val/b
    "$BUILD/tests/tools/decode_check" enlarge "$BATS_TEST_DIRNAME/../fixtures/photos/s444.jpg" large.jpg 20 ||
        skip "this build decodes JPEG by stb_image"
    for at in train/a train/b val/a val/b; do
        cp large.jpg photos/$at/1.jpg
    done
    for decode in exact fast; do
        as_said --arch resnet18 --image-size 64 --batch-size 2 --freeze-until 6 --threads 1 --loader-threads 1 \
            --decode $decode
    done
}

@test "runs one after the other take the memory of the largest" {
    "$BUILD/tests/tools/make_photos" photos 2 12 2 200 1
    peak=$("$BUILD/tests/tools/peak_memory" "$FREEZETUNE" sweep --quiet --data photos --weights random --arch resnet18 \
        --image-size 160 --batch-size 16 --freeze-until 5,6,9 --epochs 1 --threads 2 --cache off --format tsv --out sweep |
        tail -1)
    said=$(cut -d, -f15 sweep/sweep.csv | tail -n +2 | sort -n | tail -1)
    awk -v said="$said" -v peak="$peak" 'BEGIN {
        printf "said %.1f MB, found %.1f MB\n", said / 1e6, peak / 1e6
        exit !(said > 0 && peak > 0.9 * said && peak < 1.1 * said)
    }'
}

@test "many classes: no matrix of all by all, in memory or on disk" {
    "$BUILD/tests/tools/make_photos" photos 1500 1 1 8 1
    as_said --arch resnet18 --image-size 32 --batch-size 32 --freeze-until 9 --threads 2 --cache off
    # A line for each pair of class and answer that occurs: 1,500 classes would be 4.5 MB of zeros.
    [ "$(head -1 run/confusion.csv)" = class,predicted,photos ]
    [ "$(tail -n +2 run/confusion.csv | awk -F, "{ sum += \$3 } END { print sum }")" = 1500 ]
    [ "$(tail -n +2 run/confusion.csv | cut -d, -f1,2 | sort)" = "$(tail -n +2 run/predictions_val.csv | cut -d, -f2,3 | sort -u)" ]
    "$FREEZETUNE" eval --quiet --model run --json >eval.json
    grep -q '"confusion_cells": \[' eval.json
    [ "$(sed -n '/"confusion_cells"/,/^  \]/p' eval.json | grep -c '"photos": 0')" = 0 ]
}
