#!/usr/bin/env bats
# How train reads the folders of --data: splits under their usual names, class folders, and what lies beside the photos.

load common
narrow

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

@test "a split under another name is that split, and is said" {
    train --data "$photos" --quiet --out plain >/dev/null
    for pair in "Training Testing" "training_set test_set" "Train Val" "TRAIN validation" "train valid"; do
        read -r -a part <<<"$pair"
        mkdir data
        cp -r "$photos/train" "data/${part[0]}"
        cp -r "$photos/val" "data/${part[1]}"
        run_split train --data data --out run
        [ "$status" = 0 ]
        grep -q "20 to train on, 10 to validate, 2 classes (class0, class1)$" stderr.txt
        grep -q "^photos: ${part[0]}/ trains, ${part[1]}/ validates" stderr.txt
        cmp run/best.safetensors plain/best.safetensors
        fails 64 "has ${part[0]}/ and ${part[1]}/ already: leave --val-split out" train --data data --val-split 0.2 --out no
        rm -r data run
    done
}

@test "class folders that are split themselves are that split, for train and eval" {
    train --data "$photos" --quiet --out plain >/dev/null
    for class in class0 class1; do
        mkdir -p "data/$class"
        cp -r "$photos/train/$class" "data/$class/train"
        cp -r "$photos/val/$class" "data/$class/test"
    done
    run_split train --data data --out run
    [ "$status" = 0 ]
    grep -q "20 to train on, 10 to validate, 2 classes (class0, class1)$" stderr.txt
    grep -q "^photos: train/ in each class folder trains, test/ validates$" stderr.txt
    cmp run/best.safetensors plain/best.safetensors
    fails 64 "data: its class folders have train/ and test/ already: leave --val-split out" train --data data --val-split 0.2 --out no
    # Only what validates is measured; the photos are found again by the run.
    run_split "$FREEZETUNE" eval --model run --data data --json
    [ "$status" = 0 ]
    grep -qxF '  "photos": 10,' stdout.txt
    grep -qxF '  "trained_on": 0,' stdout.txt
    "$FREEZETUNE" eval --model run --split train --json | grep -qxF '  "photos": 20,'
    mv data/class1/test data/class1/more
    fails 65 "data: class1/ has no test/, while class0/ is split into train/ and test/" train --data data --out no
}

@test "what could be a split is refused, with the folder that was meant" {
    mkdir -p up same flat class
    cp -r "$photos" up/flowers
    fails 65 'did you mean --data [^ ]*/up/flowers.$' train --data up --out no
    fails 65 'did you mean --data [^ ]*/up/flowers.$' train --data up --val-split 0.2 --out no
    fails 64 'did you mean --data [^ ]*/up/flowers. Else ' train --data up/flowers/train --out no
    fails 65 'did you mean --data [^ ]*/up/flowers.$' train --data up/flowers/train/class0 --val-split 0.2 --out no
    cp -r "$photos/train" same/day
    cp -r "$photos/val" same/night
    fails 65 'day/ and night/ hold the same folders' train --data same --val-split 0.2 --out no
    cp -r "$photos/train/class0" flat/train
    cp -r "$photos/val/class0" flat/test
    fails 65 'names of a split, with photos but no class folders' train --data flat --val-split 0.2 --out no
    [ ! -e no ]
    # A class may be called like one part.
    cp -r "$photos/train/class0" class/test
    cp -r "$photos/train/class1" class/control
    run_split train --data class --val-split 0.2 --out run
    [ "$status" = 0 ]
    grep -q '(control, test)$' stderr.txt
    grep -q '^photos: test/ is taken for a class, because photos lie directly in it$' stderr.txt
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
    grep -q '^photos: 14 files that are not photos were ignored (the first: desktop.ini)$' stderr.txt
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
    fails 65 'the photos have changed since this run started .*or another version' \
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
    grep -q 'warning: class class1: its 10 photos to train on cannot be read, so it cannot be learned (class1/00.png: truncated: ' stderr.txt
    grep -q 'warning: class class1: its only photo to validate on cannot be read, so its accuracy is not known (class1/00.png' stderr.txt
    grep -q 'warning: class class2 has no photo to validate on, so its accuracy is not known$' stderr.txt
}
