#!/usr/bin/env bats
# Photos that cannot be read for a while, and what train says of them. test_faults_absence moves files between two epochs
# and looks at the numbers; here a run is at work while they go and come.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    unset FREEZETUNE_WEIGHTS
}

teardown() {
    [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
}

# A run in the background, of more epochs than it will have.
start() {
    "$FREEZETUNE" train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 100000 \
        --freeze-until 8 --augment none --cache off --save-every 0.00001 --out run >stdout.txt 2>stderr.txt &
    pid=$!
}

# until_true COMMAND...: up to a minute.
until_true() {
    local n
    for n in $(seq 1200); do
        if "$@"; then
            return 0
        fi
        sleep 0.05
    done
    echo "never: $*"
    cat stderr.txt
    return 1
}

# Lines of the log from line $1 on hold $2.
logged() {
    tail -n "+$1" run/log.jsonl 2>/dev/null | grep -q "$2"
}

lines() {
    wc -l <run/log.jsonl
}

stop() {
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    pid=
}

@test "photos that go and come are said, counted, and tried again in each epoch and after --resume" {
    start
    until_true logged 1 '"event": "epoch".*"unavailable": 0, "val_unavailable": 0, "compared": true'
    mkdir away
    mv photos/train/class1/0[0-3]* away/
    mv photos/val/class0/01* away/val.bmp
    until_true logged 1 '"photos": 8, .*"unavailable": 4, "val_unavailable": 1, "compared": false, "best": false'
    at=$(lines)
    until_true logged "$at" '"unavailable": 4, '
    mv away/0* photos/train/class1/
    mv away/val.bmp photos/val/class0/01.bmp
    until_true logged "$at" '"photos": 12, .*"unavailable": 0, "val_unavailable": 0, "compared": true'
    stop
    [ "$status" = 143 ]
    # Once when they went, however many epochs that was; and when they were back.
    [ "$(grep -c 'warning: .*/train/class1/0.*: No such file or directory; left out of epoch' stderr.txt)" -le 2 ]
    grep -q 'warning: epoch [0-9]*: [234] photos of class class1 cannot be read and were left out, the first: /.*/train/class1/0' stderr.txt
    grep -q 'warning: .*/val/class0/01.bmp: No such file or directory; left out of the validation of epoch' stderr.txt
    grep -q '^epoch [0-9]*: [1-4] photos* can be read again$' stderr.txt
    grep -q '^epoch [0-9/]*  .*  4 photos unavailable  not compared: 1 validation photo unavailable' stderr.txt
    [ "$(cut -f1,2,4 run/bad_images.tsv | sort | tr '\t\n' '  ')" = "list file kind train class1/00.png unavailable train class1/01.bmp unavailable train class1/02.png unavailable train class1/03.bmp unavailable val class0/01.bmp unavailable " ]
    # They are no bad photos for the rest of the run, and not after it was stopped.
    before=$(lines)
    "$FREEZETUNE" train --resume run >/dev/null 2>stderr.txt &
    pid=$!
    until_true logged $((before + 4)) '"photos": 12, .*"unavailable": 0, '
    stop
    [ "$status" = 143 ]
}

@test "a class that loses all its photos ends the run, which goes on when they are back" {
    start
    until_true [ -s run/last.safetensors ]
    mv photos/train/class1 away
    status=0
    wait "$pid" || status=$?
    pid=
    [ "$status" = 66 ]
    [[ $(tail -1 stderr.txt) == "freezetune train: /"*"/photos/train: epoch "*": none of the 6 photos of class class1 can be read (class1/"*": No such file or directory): make them available; "*" are good: continue with: freezetune train --resume run" ]]
    "$FREEZETUNE" inspect run/last.safetensors >/dev/null
    mv away photos/train/class1
    "$FREEZETUNE" train --resume run >/dev/null 2>stderr.txt &
    pid=$!
    before=$(lines)
    until_true logged $((before + 4)) '"photos": 12, .*"unavailable": 0, '
    stop
    [ "$status" = 143 ]
    [ ! -e run/result.json ]
}

# train OPTION...: two epochs.
train() {
    "$FREEZETUNE" train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 \
        --freeze-until 8 --augment none --cache off "$@"
}

@test "links that lead nowhere are unavailable from the start: tables and files count them" {
    ln -s nowhere photos/train/class0/gone.jpg
    ln -s nowhere photos/val/class1/gone.jpg
    echo text >photos/train/class1/text.jpg
    run_split train --out run
    [ "$status" = 0 ]
    grep -q 'train/class0/gone.jpg: No such file or directory; each epoch tries it again' stderr.txt
    grep -q 'train/class1/text.jpg: .*; skipped$' stderr.txt
    [ "$(grep -c 'gone.jpg.*left out of epoch 1' stderr.txt)" = 1 ]
    [ "$(grep -c 'left out of the validation' stderr.txt)" = 1 ]
    grep -q 'val missed' stdout.txt
    [ "$(awk '$1 == 2 && /%/ { print $11, $12 }' stdout.txt)" = "1 1" ] # each percentage is two words
    grep -q '^photos  1 cannot be decoded, 2 could not be read in some epochs: listed in run/bad_images.tsv$' stdout.txt
    grep -q 'over 4 of 5 validation photos: some were unavailable in every epoch' stdout.txt
    [ "$(tail -n +2 run/bad_images.tsv | cut -f1,2,4,5 | tr '\t\n' '  ')" = "train class1/text.jpg bad  train class0/gone.jpg unavailable 2 val class1/gone.jpg unavailable 2 " ]
    [ "$(cut -d, -f13,14 run/metrics.csv | tr '\n' ' ')" = "unavailable,val_unavailable 1,1 1,1 " ]
    python3 - <<'END'
import json
config, result = json.load(open("run/config.json")), json.load(open("run/result.json"))
assert (config["unreadable_photos"], config["unavailable_photos"]) == (1, 2), config
assert (result["unreadable_photos"], result["unavailable_photos"], result["epochs_not_compared"]) == (1, 2, 2), result
assert (result["val_photos"], result["val_compared"]) == (4, False), result
END
    train --json --quiet --out again >json.txt
    python3 -c 'import json; d = json.load(open("json.txt")); assert (d["unreadable_photos"], d["unavailable_photos"], d["epochs_not_compared"], d["val_compared"]) == (1, 2, 2, False), d'
    fails 66 'gone.jpg: No such file or directory .--strict' train --strict --out strict
    rm photos/train/class1/*
    for n in 1 2 3; do
        ln -s nowhere photos/train/class1/$n.jpg
    done
    fails 66 'none of the 3 photos of class class1 can be read now' train --out no
    [ ! -e no ]
}

@test "without trouble tables are as ever; photos that cannot be decoded are said with their number" {
    run_split train --out run
    [ "$status" = 0 ]
    [ "$(grep -c 'missed\|^photos ' stdout.txt)" = 0 ]
    [ "$(cut -d, -f13,14 run/metrics.csv | tr '\n' ' ')" = "unavailable,val_unavailable 0,0 0,0 " ]
    # Head and end are right, what is between them is not: the scan does not see it.
    for n in 1 2 3; do
        { head -c 60 photos/train/class1/00.png; tail -c 12 photos/train/class1/00.png; } >photos/train/class0/bad$n.png
    done
    run_split train --out bad
    [ "$status" = 0 ]
    [ "$(grep -c 'class0/bad.*skipped from now on$' stderr.txt)" = 1 ]
    grep -q 'warning: epoch 1: 3 photos of class class0 cannot be decoded and are skipped from now on, the first: .*bad_images.tsv$' stderr.txt
    [ "$(grep -c 'epoch 2: ' stderr.txt)" = 0 ]
    grep -q '^photos  3 cannot be decoded, 0 could not be read' stdout.txt
    grep -q '"unreadable_photos": 3,' bad/result.json
}

@test "16 loader threads with 9 open files lose no photo" {
    rm -r photos
    "$BUILD/tests/tools/make_photos" photos 2 12 2 400 1
    train --out whole >/dev/null 2>&1
    run_split bash -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&-; ulimit -n 9; exec "$@"' bash "$FREEZETUNE" train --data photos --weights random --arch resnet18 \
        --image-size 32 --batch-size 4 --epochs 2 --freeze-until 8 --augment none --cache off --loader-threads 16 --out few
    [ "$status" = 0 ]
    cmp whole/best.safetensors few/best.safetensors
    [ "$(wc -l <few/bad_images.tsv)" = 1 ]
}

@test "photos that go bad between two epochs: what was counted stays, and other photos are not compared in silence" {
    "$BUILD/tests/tools/make_photos" photos 2 6 6 40 1
    start
    until_true logged 1 '"event": "epoch", "epoch": 2,.*"val_photos": 12'
    for at in class0/00.png class0/02.png class1/01.bmp; do
        echo "no photo" >new
        mv new photos/val/$at
    done
    until_true logged 1 '"val_photos": 9,'
    stop
    grep -q '^epoch [0-9/]*  .*  accuracy over 9 photos, that of the best epoch so far over 12' stderr.txt
    # It ends here: with the numbers of the best epoch as they were counted in it.
    "$FREEZETUNE" train --quiet --resume run --accept-changed-photos --time-limit 0.00001 --json >end.json 2>resume.txt
    best=$(sed -n 's/.*"best_epoch": \([0-9]*\),.*/\1/p' end.json)
    photos=$(grep "\"event\": \"epoch\", \"epoch\": $best," run/log.jsonl | sed -n 's/.*"val_photos": \([0-9]*\),.*/\1/p' | head -1)
    grep -q "\"val_photos\": $photos," end.json
    right=$(tail -n +2 run/predictions_val.csv | grep -c ',1$')
    grep -q "\"val_right\": $right," end.json
    [ "$(tail -n +2 run/predictions_val.csv | wc -l)" = "$photos" ]
}
