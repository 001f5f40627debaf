#!/usr/bin/env bats
# What train says of photos with the same bytes: within a class, between classes, across train and val.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 4 2 40 1
    cp -r photos clean
    cd photos || return
    set -- train/class0/*
    cp "$1" train/class0/zz-again
    cp "$1" train/class1/zz-conflict
    cp "$1" "val/class0/$(printf 'leak\there')"
    set -- val/class2/*
    cp "$1" val/class2/zz-twin
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --weights random --arch resnet18 --image-size 32 --batch-size 8 --freeze-until 9 --epochs 1 \
        --cache off "$@"
}

@test "each kind of duplicate is said once, and all pairs are in duplicates.tsv" {
    run_split train --data "$photos" --out run
    [ "$status" = 0 ]
    first=$(cd "$photos/train" && ls -d class0/* | head -1)
    twin=$(cd "$photos/val" && ls -d class2/* | head -1)
    grep -qF 'warning: 1 photo is also in another class, byte for byte, so one of the labels is wrong; the first: class1/zz-conflict (train) is ' stderr.txt
    grep -qF 'warning: 1 photo of val is also in train, byte for byte, which makes the accuracy look better than it is; the first: ' stderr.txt
    grep -qF 'photos: 2 repeat another of the same class, byte for byte' stderr.txt
    [ "$(grep -c 'byte for byte' stderr.txt)" = 3 ]
    tr '\t' '|' <run/duplicates.tsv >pairs.txt
    [ "$(head -1 pairs.txt)" = 'kind|list|class|file|same_list|same_class|same_file' ]
    [ "$(wc -l <pairs.txt)" = 5 ]
    grep -qxF "label conflict|train|class1|class1/zz-conflict|train|class0|$first" pairs.txt
    grep -qxF "repeat|train|class0|class0/zz-again|train|class0|$first" pairs.txt
    grep -qxF "leak|val|class0|class0/leak\\there|train|class0|$first" pairs.txt
    grep -qxF "repeat|val|class2|class2/zz-twin|val|class2|$twin" pairs.txt
    tr -d ' \n' <run/config.json | grep -qF '"duplicates":{"label_conflicts":1,"leaks":1,"repeats":2}'
}

@test "photos that all differ: no word, no row" {
    run_split train --data "$BATS_FILE_TMPDIR/clean" --out run
    [ "$status" = 0 ]
    absent 'byte for byte'
    if grep 'byte for byte' stderr.txt; then return 1; fi
    [ "$(wc -l <run/duplicates.tsv)" = 1 ]
    tr -d ' \n' <run/config.json | grep -qF '"duplicates":{"label_conflicts":0,"leaks":0,"repeats":0}'
}
