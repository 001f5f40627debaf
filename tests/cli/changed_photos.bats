#!/usr/bin/env bats
# --resume of a run, a sweep and folds whose photos have another content under the same names. What counts as changed is in
# test_photo_stamp.

load common
narrow

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 60 1
    unset FREEZETUNE_WEIGHTS
}

# train OPTION...
train() {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 12 \
        --freeze-until 8 --augment none --cache off --keep-last "$@" >/dev/null
}

# stopped_run RUN OPTION...: a run of three epochs of one step that stands after the first.
stopped_run() {
    train --epochs 3 --time-limit 0.0000001 --out "$@"
    [ ! -e "$1/result.json" ]
    [ -s "$1/last.safetensors" ]
}

# Another bit in the middle of a file, where the scan does not look; its time of change is now.
flip() {
    local byte
    byte=$(od -An -tu1 -j6000 -N1 "$1")
    # shellcheck disable=SC2059 # an escape
    printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek=6000 conv=notrunc status=none
}

touch_all() {
    find "$1" -type f -exec touch {} +
}

@test "--resume refuses photos with another content, says how many, and can be told to accept them" {
    stopped_run run
    cp run/photos.bin before.bin
    touch_all photos
    flip photos/train/class0/03.bmp
    cp photos/val/class1/00.png photos/val/class0/01.bmp
    fails 65 'run: the content of 2 photos has changed since it was read' "$FREEZETUNE" train --time-limit 0 --resume run --quiet
    [[ $err == *"the first: /"*"/photos/train/class0/03.bmp: "*"--accept-changed-photos, to a different result" ]]
    fails 65 'class0/03.bmp' "$FREEZETUNE" train --time-limit 0 --resume run --quiet --dry-run
    cmp run/photos.bin before.bin
    run_split "$FREEZETUNE" train --time-limit 0 --resume run --accept-changed-photos
    [ "$status" = 0 ]
    [ "$(grep -c 'warning: the content of 2 photos .*03.bmp; accepted' stderr.txt)" = 1 ]
    # It has been told: the next time it is no news.
    "$FREEZETUNE" train --time-limit 0 --resume run --quiet >/dev/null
}

@test "another time of change with the same content is no change; with the cache too" {
    for cache in off ram; do
        rm -rf whole run photos
        "$BUILD/tests/tools/make_photos" photos 2 6 2 60 1
        train --epochs 3 --cache $cache --out whole
        stopped_run run --cache $cache
        touch_all photos
        cp -r photos moved
        run_split "$FREEZETUNE" train --time-limit 0 --resume run --data moved
        [ "$status" = 0 ]
        [ "$(grep -c 'changed' stderr.txt)" = 0 ]
        cmp whole/best.safetensors run/best.safetensors
        cmp whole/last.safetensors run/last.safetensors
        rm -r moved
        flip photos/train/class1/05.bmp
        fails 65 'content of 1 photo has changed since it was read' "$FREEZETUNE" train --time-limit 0 --resume run --quiet
    done
}

@test "a photo that was bad and is good now is tried when it is accepted" {
    cp photos/train/class0/00.png good.png
    head -c 300 good.png >photos/train/class0/00.png
    stopped_run run
    [ "$(wc -l <run/bad_images.tsv)" = 2 ]
    cp good.png photos/train/class0/00.png
    fails 65 'content of 1 photo has changed' "$FREEZETUNE" train --time-limit 0 --resume run --quiet
    "$FREEZETUNE" train --time-limit 0 --resume run --quiet --accept-changed-photos >/dev/null
    [ "$(wc -l <run/bad_images.tsv)" = 1 ]
    [ "$(tail -1 run/metrics.csv | cut -d, -f9)" = 12 ]
}

@test "a run without a record goes on with one remark; a damaged record is refused" {
    stopped_run run
    cp -r run damaged
    rm run/photos.bin
    run_split "$FREEZETUNE" train --time-limit 0 --resume run
    [ "$status" = 0 ]
    [ "$(grep -c '^run: holds no photos.bin' stderr.txt)" = 1 ]
    [ -s run/photos.bin ]
    run_split "$FREEZETUNE" train --time-limit 0 --resume run
    [ "$(grep -c 'holds no photos.bin' stderr.txt)" = 0 ]
    head -c 200 run/photos.bin >damaged/photos.bin
    fails 65 'damaged/photos.bin: is truncated or damaged' "$FREEZETUNE" train --time-limit 0 --resume damaged --quiet
    fails 64 'accept-changed-photos only applies to --resume' train --accept-changed-photos --out no
}

@test "sweep --resume and --folds --resume refuse them too, and pass the permission on" {
    options=(--quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --augment none --cache off)
    "$FREEZETUNE" sweep "${options[@]}" --epochs 2 --freeze-until 7,9 --lr 0.001 --out sweep >/dev/null
    rm -r sweep/9-0.001 sweep/sweep.csv # as if it had been stopped there
    rm -r photos/val
    "$FREEZETUNE" train "${options[@]}" --data photos/train --epochs 2 --freeze-until 8 --folds 2 --seed 1 --out folds >/dev/null
    rm -r folds/fold-2 folds/folds.csv
    "$BUILD/tests/tools/make_photos" again 2 6 2 60 1
    mv again/val photos/val
    touch_all photos
    "$FREEZETUNE" sweep --quiet --resume sweep >/dev/null
    rm -r sweep/9-0.001 sweep/sweep.csv
    flip photos/train/class1/03.bmp
    fails 65 'sweep: the content of 1 photo has changed' "$FREEZETUNE" sweep --quiet --resume sweep
    fails 65 'folds: the content of 1 photo has changed' "$FREEZETUNE" train --quiet --resume folds
    "$FREEZETUNE" sweep --quiet --resume sweep --accept-changed-photos >/dev/null
    [ -s sweep/9-0.001/result.json ]
    "$FREEZETUNE" train --quiet --resume folds --accept-changed-photos >/dev/null
    [ -s folds/fold-2/result.json ]
    # Within one of the runs as well.
    rm folds/fold-2/result.json
    touch_all photos
    flip photos/train/class0/05.bmp
    fails 65 'the content of 1 photo has changed' "$FREEZETUNE" train --quiet --resume folds
    "$FREEZETUNE" train --quiet --resume folds --accept-changed-photos >/dev/null
}
