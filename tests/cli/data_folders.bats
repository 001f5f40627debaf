#!/usr/bin/env bats
# How train reads the folders of --data: what lies beside the photos, and how one folder is split.

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
    grep -q '16 to train on, 4 to validate, 2 classes' stderr.txt
    [ "$(grep -c warning stderr.txt)" = 2 ] # the two small classes
    cmp plain/best.safetensors run/best.safetensors
    # A photo that is damaged, or only named like one, is a bad photo all the same.
    echo "no photo" >data/class0/page.jpg
    fails 65 'class0/page.jpg: .*--strict' train --data data --val-split 0.2 --strict --quiet --out no
}

@test "--val-split takes its share of each class, to the photo, and leaves a class of one in training" {
    mkdir -p data/one data/two data/three
    cp -r "$photos"/train/* data
    cp "$photos"/val/class0/00.png data/one
    cp "$photos"/val/class0/0[01].* data/two
    cp "$photos"/val/class1/0[012].* data/three
    run_split train --data data --val-split 0.2 --out run
    [ "$status" = 0 ]
    [ "$(tail -n +2 run/predictions_val.csv | cut -d/ -f1 | sort | uniq -c | tr -s ' \n' ' ')" = \
        " 2 class0 2 class1 1 three " ]
    grep -q 'class one has no photo to validate on: its only photo trains' stderr.txt
    grep -q 'class two has no photo to validate on: it has too few photos for --val-split' stderr.txt
    # Other photos: the run says that it cannot go on.
    cp "$photos/val/class1/03.bmp" data/three
    fails 65 'the photos have changed since this run began .*or another version' \
        "$FREEZETUNE" train --resume run --quiet
}

@test "a class whose photos cannot be read is told with the reason" {
    cp -r "$photos" data
    for file in data/train/class1/*; do
        printf '\x89PNG\r\n\x1a\n' >"$file"
    done
    cp -r "$photos/train/class0" data/train/class2
    rm data/val/class1/*
    cp data/train/class1/00.png data/val/class1
    run_split train --data data --dry-run
    [ "$status" = 0 ]
    grep -q 'warning: class class1: none of its 10 photos to train on can be read, so it cannot be learned (class1/00.png: PNG ends early' stderr.txt
    grep -q 'warning: class class1: its only photo to validate on cannot be read, so its accuracy is not known (class1/00.png' stderr.txt
    grep -q 'warning: class class2 has no photo to validate on, so its accuracy is not known$' stderr.txt
}
