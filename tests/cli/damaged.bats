#!/usr/bin/env bats
# Photos that are damaged: what is used is used, and said; what is cut is called truncated.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    fixtures=$BATS_TEST_DIRNAME/../fixtures/photos
    "$BUILD/tests/tools/make_photos" photos 2 4 2 40 1
    cp "$fixtures/damaged_gamma.png" photos/train/class0/
    cp "$fixtures/damaged_behind.png" photos/val/class1/
    head -c 700 "$fixtures/s420.jpg" >photos/train/class1/cut.jpg
    "$FREEZETUNE" train --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 0 --epochs 2 \
        --batch-size 3 --out run >stdout.txt 2>stderr.txt
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

@test "train uses what is damaged, says how many once, and lists them behind those that it cannot read" {
    [ "$(grep -c 'damaged' stderr.txt)" = 1 ]
    grep -q 'warning: 2 photos are damaged and used all the same: bad_images.tsv lists them' stderr.txt
    grep -q 'cut.jpg: truncated: the JPEG' stderr.txt
    [ "$(cut -f1,2 run/bad_images.tsv | tr '\t\n' '  ')" = "list file train class1/cut.jpg train class0/damaged_gamma.png val class1/damaged_behind.png " ]
}

@test "eval and predict say how many are damaged" {
    run_split "$FREEZETUNE" eval --model run/best.safetensors --data photos
    [ "$status" = 0 ]
    [[ $out == *": 5 photos, 1 damaged and used"* ]]
    run_split "$FREEZETUNE" eval --json --model run/best.safetensors --data photos
    [ "$status" = 0 ]
    python3 -c 'import json, sys; d = json.loads(sys.argv[1]); assert (d["damaged"], d["unreadable"]) == (1, 0), d' "$out"
    run_split "$FREEZETUNE" predict --model run/best.safetensors photos/val/class1/damaged_behind.png
    [ "$status" = 0 ]
    [[ $err == *"warning: 1 of 1 photos is damaged; the answer covers only the part that could be decoded"* ]]
}
