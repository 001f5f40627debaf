#!/usr/bin/env bats
# What a run takes on disk is known before the first step; a disk that is full in the middle loses nothing that was good.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    "$BUILD/tests/tools/make_photos" all 2 8 0 40 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    unset FREEZETUNE_WEIGHTS
}

teardown() {
    umount "$BATS_TEST_TMPDIR/small" 2>/dev/null || true
}

# A disk of its own, as small/, or skip.
small_disk() {
    [ "$(id -u)" = 0 ] || skip "needs root to mount a small disk"
    mkdir small
    mount -t tmpfs -o size="$1" none small 2>/dev/null || skip "no small disk can be mounted here"
}

# A ResNet-18: 45 MB, and 42 MB more in the state when layer3 and layer4 are trained with momentum.
train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --batch-size 4 \
        --epochs 2 --freeze-until 6 --cache off "$@"
}

# bytes TEXT: "44.9 MB" as 44900000
bytes() {
    awk -v text="$1" 'BEGIN { split(text, part, " "); print part[1] * (part[2] == "GB" ? 1e9 : part[2] == "MB" ? 1e6 : 1e3) }'
}

@test "the table says what is written, and that is what is there" {
    train --out run >plan.txt
    line=$(grep '^disk    up to .* MB while it runs, .* MB when it is over; .* are free in run$' plan.txt)
    [[ $line =~ up\ to\ ([0-9.]+\ MB)\ while\ it\ runs,\ ([0-9.]+\ MB)\ when ]]
    over=$(bytes "${BASH_REMATCH[2]}") most=$(bytes "${BASH_REMATCH[1]}")
    found=$(cat run/* | wc -c)
    [ "$found" -le "$((over + 50000))" ]
    [ "$found" -ge "$((over * 98 / 100))" ]
    train --keep-last --out kept >kept.txt
    line=$(grep '^disk ' kept.txt)
    [[ $line =~ runs,\ ([0-9.]+\ MB)\ when ]]
    over=$(bytes "${BASH_REMATCH[1]}") found=$(cat kept/* | wc -c) last=$(stat -c %s kept/last.safetensors)
    [ "$found" -ge "$((over * 98 / 100))" ]
    # While it is replaced, last.safetensors is there twice.
    [ "$most" -ge "$((found + last - 500000))" ] # three digits are shown
    [ "$most" -le "$((found + last + 2000000))" ]
    train --dry-run --json | grep -qE '^  "disk_when_over": 4[45][0-9]{6},$'
}

@test "too little room: 73 before anything is trained, with how much is missing" {
    small_disk 100m
    fails 73 'small/run: the run takes up to [0-9.]+ MB more on this disk, and [0-9.]+ MB are free: free [0-9.]+ MB, or choose .* --out$' \
        train --out small/run
    fails 73 'small/run: the run takes' train --out small/run --dry-run
    fails 73 'small/run: the run takes' train --out small/run --lr find
    photos=$BATS_FILE_TMPDIR/all
    fails 73 'small/folds: training takes' train --folds 3 --freeze-until 9 --out small/folds
    fails 73 'small/sweep: training takes' "$FREEZETUNE" sweep --quiet --data "$photos" --val-split 0.3 --weights random \
        --arch resnet18 --image-size 32 --epochs 1 --freeze-until 7,9 --lr 0.001 --cache off --out small/sweep
    [ -z "$(ls small)" ]
}

@test "a cache leaves room for the run on the same disk" {
    small_disk 215m # the run takes 209
    # 16 times 803 KB, and as much again for others: with the run elsewhere there is room.
    cached() {
        "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 224 --batch-size 4 \
            --epochs 2 --freeze-until 5 --augment none --cache-dir small/cache "$@"
    }
    cached --out run --dry-run | grep -q '^cache   up to .* on disk'
    cached --out small/run --dry-run >plan.txt
    grep -qE '^cache   off: it would take .* and leave as much to others, and its disk has [0-9.]+ .B left beside the files of the run; --cache-dir chooses another$' plan.txt
    fails 73 '--cache disk: it would take .* beside the files of the run' cached --cache disk --out small/run --dry-run
}

@test "a disk that is full in the middle: what is good is said, and goes on to the same bytes" {
    small_disk 260m
    train --epochs 14 --lr 1e-5 --keep-last --out whole >/dev/null
    train --epochs 14 --lr 1e-5 --keep-last --save-every 0.0001 --out small/run >/dev/null 2>stderr.txt &
    pid=$!
    for _ in $(seq 1200); do
        [ "$(cat small/run/metrics.csv 2>/dev/null | wc -l)" -lt 3 ] || break
        sleep 0.02
    done
    cat /dev/zero >small/rest 2>/dev/null || true
    status=0
    wait $pid || status=$?
    cat stderr.txt
    [ "$status" = 74 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    grep -qE 'No space left on device.*; best.safetensors of epoch [0-9]+ and last.safetensors of epoch [0-9]+(, step [0-9]+)? are good: free [0-9.]+ [KMG]B and continue with: freezetune train --resume small/run$' stderr.txt
    [ -z "$(find small -name '*.part')" ]
    "$FREEZETUNE" inspect small/run/best.safetensors >/dev/null
    # Not enough is free yet.
    fails 73 'small/run: the run takes up to .* move the run to another disk$' "$FREEZETUNE" train --quiet --resume small/run
    rm small/rest
    "$FREEZETUNE" train --quiet --resume small/run >/dev/null
    cmp whole/best.safetensors small/run/best.safetensors
    cmp whole/last.safetensors small/run/last.safetensors
}

@test "a sweep names its own command, and what of the combination is there" {
    # A limit on the size of files stands for the disk: the model fits, the state with its momentum does not.
    (
        ulimit -f 60000
        fails 74 'last.safetensors: writing failed.*; best.safetensors of epoch 1 is good, there is no last.safetensors yet and --resume starts again: continue with: freezetune sweep --resume sw$' \
            "$FREEZETUNE" sweep --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --epochs 1 \
            --freeze-until 6 --lr 0.001 --cache off --out sw
    )
    "$FREEZETUNE" sweep --quiet --resume sw >/dev/null
    [ "$(find sw -name '*.safetensors')" = sw/6-0.001/best.safetensors ]
}
