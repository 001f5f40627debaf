#!/usr/bin/env bats
# How train reads the folders of --data: what lies beside the photos.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 10 5 32 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --weights random --arch resnet18 --image-size 32 --batch-size 4 --freeze-until 9 --epochs 1 \
        --augment none --cache off "$@"
}

@test "files that are no photos are one line, also with --strict, and count for nothing" {
    cp -r "$photos/train" clean
    cp -r clean data
    for i in $(seq 12); do
        echo "<annotation/>" >"data/class0/$i.xml"
    done
    printf '\xd0\xcf\x11\xe0' >data/class1/Thumbs.db
    echo text >data/desktop.ini
    mkdir -p data/@eaDir/class0 data/class0/@eaDir data/lost+found data/__MACOSX/class0
    cp "$photos/val/class0/00.png" data/@eaDir/class0
    cp "$photos/val/class0/00.png" data/class0/@eaDir
    train --data clean --val-split 0.2 --quiet --out plain >/dev/null
    run_split train --data data --val-split 0.2 --strict --out run
    [ "$status" = 0 ]
    grep -q '^photos: 14 files are no photos and ignored (the first: desktop.ini)$' stderr.txt
    grep -q '^photos: 4 hidden files or system folders ignored$' stderr.txt
    [ "$(grep -c warning stderr.txt)" = 2 ] # the two small classes
    cmp plain/best.safetensors run/best.safetensors
    # A photo that is damaged, or only named like one, is a bad photo all the same.
    echo "no photo" >data/class0/page.jpg
    fails 65 'class0/page.jpg: .*--strict' train --data data --val-split 0.2 --strict --quiet --out no
}
