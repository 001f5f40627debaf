#!/usr/bin/env bats
# Photos and classes from a CSV: --labels and --val-labels. tests/unit/data/test_labels.c has the errors of the file.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 10 5 32 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp -r "$BATS_FILE_TMPDIR/photos" .
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --quiet --weights random --arch resnet18 --image-size 32 --batch-size 4 --freeze-until 9 \
        --epochs 2 --augment standard --cache off "$@"
}

# rows FOLDER COLUMNS: a line FILE,CLASS and more for each photo below the folder, in no order of names.
rows() {
    (cd "$1" && find . -type f -name '*.*' ! -name '*.csv' | sed 's|^\./||' | LC_ALL=C sort -r |
        while read -r file; do
            class=$(basename "$(dirname "$file")")
            case $2 in
            split) echo "$class,${file%%/*},$file" ;;
            *) echo "$file,$class" ;;
            esac
        done)
}

@test "photos of folders, of a split column and of two lists give the same bytes" {
    train --data photos --out folders >/dev/null
    { echo label,split,file && rows photos split; } >photos/list.csv
    train --labels photos/list.csv --out column >/dev/null
    cmp folders/best.safetensors column/best.safetensors
    # Elsewhere, by --data and by absolute paths.
    mkdir lists
    cp photos/list.csv lists/list.csv
    train --labels lists/list.csv --data photos --out elsewhere >/dev/null
    cmp folders/best.safetensors elsewhere/best.safetensors
    sed "2,\$s|,\([^,]*\)\$|,$PWD/photos/\1|" photos/list.csv >lists/absolute.csv
    train --labels lists/absolute.csv --out absolute >/dev/null
    cmp folders/best.safetensors absolute/best.safetensors
    # Two lists, each beside its photos.
    for part in train val; do
        { echo file,label && rows photos/$part plain; } >photos/$part/list.csv
    done
    train --labels photos/train/list.csv --val-labels photos/val/list.csv --out two >/dev/null
    cmp folders/best.safetensors two/best.safetensors
    cmp folders/predictions_val.csv two/predictions_val.csv
}

@test "--val-split and --folds divide a list as they divide folders" {
    { echo file,label && rows photos/train plain; } >photos/train/list.csv
    train --data photos/train --val-split 0.3 --out folders >/dev/null
    train --labels photos/train/list.csv --val-split 0.3 --out labels >/dev/null
    cmp folders/best.safetensors labels/best.safetensors
    cmp folders/predictions_val.csv labels/predictions_val.csv
    train --data photos/train --folds 3 --out folds >/dev/null
    train --labels photos/train/list.csv --folds 3 --out labels-folds >/dev/null
    for fold in 1 2 3; do
        cmp folds/fold-$fold/best.safetensors labels-folds/fold-$fold/best.safetensors
    done
}

@test "labels that folders do not have; photos stay where they are" {
    mkdir all
    echo file,label >list.csv
    i=0
    for photo in photos/train/*/*; do
        i=$((i + 1))
        cp "$photo" "all/$i.${photo##*.}"
        label=right
        [ $i -gt 10 ] || label='"left, or ""L"""'
        echo "all/$i.${photo##*.},$label" >>list.csv
    done
    before=$(find all -type f | sort | xargs sha256sum)
    run_split train --labels list.csv --val-split 0.2 --out run
    [ "$status" = 0 ]
    python3 - <<'END'
import json
config = json.load(open("run/config.json"))
assert config["classes"] == ['left, or "L"', "right"], config["classes"]
assert (config["train_photos"], config["val_photos"]) == (16, 4)
assert config["options"]["labels"].endswith("/list.csv") and config["options"]["labels"].startswith("/")
assert config["options"]["data"] is None and config["options"]["val-labels"] is None
END
    [ "$before" = "$(find all -type f | sort | xargs sha256sum)" ]
    run_split "$FREEZETUNE" eval --model run --json
    [ "$status" = 0 ]
    grep -qxF '  "photos": 4,' stdout.txt
    "$FREEZETUNE" eval --model run --split train --json | grep -qxF '  "photos": 16,'
}

@test "errors name the line, before anything is made" {
    printf 'file,label,split\ntrain/class0/none.png,a,train\n' >photos/list.csv
    fails 66 'list.csv: line 2: train/class0/none.png: there is no such file in ' train --labels photos/list.csv --out run
    fails 66 'nowhere.csv' train --labels nowhere.csv --out run
    fails 64 '--val-labels: needs --labels' train --val-labels photos/list.csv --out run
    fails 66 'folder: ' train --labels photos/list.csv --data folder --out run
    { echo label,split,file && rows photos split; } >photos/list.csv
    fails 64 "its column 'split' says which photos validate: leave --val-split out" \
        train --labels photos/list.csv --val-split 0.2 --out run
    fails 64 '--val-labels says which photos validate: leave --folds out' \
        train --labels photos/list.csv --val-labels photos/list.csv --folds 2 --out run
    fails 65 'list.csv: line [0-9]*: its split is val, but with --val-labels the photos of --labels train' \
        train --labels photos/list.csv --val-labels photos/list.csv --out run
    [ ! -e run ]
}

@test "--resume keeps the labels, notices changed ones and takes a file that has moved" {
    { echo label,split,file && rows photos split; } >photos/list.csv
    train --epochs 2000 --time-limit 0.001 --labels photos/list.csv --out run >/dev/null
    [ -s run/last.safetensors ]
    # Another order of the rows and another column say the same.
    { head -n 1 photos/list.csv && tail -n +2 photos/list.csv | LC_ALL=C sort; } | sed '1s/$/,note/; 2,$s/$/,x/' >other.csv
    cp photos/list.csv list.csv
    mv other.csv photos/list.csv
    run_split "$FREEZETUNE" train --quiet --resume run --time-limit 0.001
    [ "$status" = 0 ]
    sed '2s/^class1/class0/; 2s/^class0/class0/' list.csv >photos/list.csv
    fails 65 'the photos have changed since this run started .*a labels file changed' \
        "$FREEZETUNE" train --quiet --resume run --time-limit 0.001
    rm photos/list.csv
    fails 66 'list.csv' "$FREEZETUNE" train --quiet --resume run --time-limit 0.001
    run_split "$FREEZETUNE" train --quiet --resume run --labels list.csv --data photos --time-limit 0.001
    [ "$status" = 0 ]
    mv photos moved
    cp list.csv moved/list.csv
    run_split "$FREEZETUNE" train --quiet --resume run --labels moved/list.csv --time-limit 0.001
    [ "$status" = 0 ]
}

@test "eval measures a list, and finds the photos of a run that had one" {
    { echo label,split,file && rows photos split; } >photos/list.csv
    train --labels photos/list.csv --out run >/dev/null
    "$FREEZETUNE" eval --model run --data photos --json >folders.json 2>/dev/null
    "$FREEZETUNE" eval --model run --labels photos/list.csv --json >labels.json
    diff <(grep -v '"data"\|"file"\|"seconds"' folders.json) <(grep -v '"data"\|"file"\|"seconds"' labels.json)
    # What the run trained on is counted.
    { echo file,label && rows photos/train plain | head -n 4; } >photos/train/list.csv
    run_split "$FREEZETUNE" eval --model run --labels photos/train/list.csv --json
    [ "$status" = 0 ]
    grep -qxF '  "trained_on": 4,' stdout.txt
    grep -q 'of the 4 photos are in the training part' stderr.txt
    # The list has moved: the run's parts again.
    mkdir lists
    mv photos/list.csv lists/
    fails 66 'list.csv' "$FREEZETUNE" eval --model run
    "$FREEZETUNE" eval --model run --labels lists/list.csv --data photos --split train --json | grep -qxF '  "photos": 20,'
    "$FREEZETUNE" eval --model run --labels lists/list.csv --data photos --split val --json | grep -qxF '  "photos": 10,'
    { echo file,label && rows photos/train plain | head -n 1 | sed 's/,.*/,stranger/'; } >photos/train/list.csv
    fails 65 "line 2: the label 'stranger' is not among the classes of the model" \
        "$FREEZETUNE" eval --model run --labels photos/train/list.csv
}

@test "sweep takes a list, and its command trains the same again" {
    { echo label,split,file && rows photos split; } >photos/list.csv
    "$FREEZETUNE" sweep --quiet --weights random --arch resnet18 --image-size 32 --batch-size 4 --freeze-until 9 --lr 0.01 \
        --epochs 2 --labels photos/list.csv --out sweep >/dev/null
    grep -q -- "--labels $PWD/photos/list.csv" sweep/reproduce.sh
    (cd / && sh "$BATS_TEST_TMPDIR/sweep/reproduce.sh" --quiet --out "$BATS_TEST_TMPDIR/again" >/dev/null)
    cmp sweep/9-0.01/best.safetensors again/best.safetensors
}
