#!/usr/bin/env bats
# --group-by: photos that belong together validate together. tests/unit/data/test_split_groups.c has 1,000 random trees.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 20 1 32 1
    # Five people, each with photos of both classes; of one only one class.
    for class in class0 class1; do
        i=0
        for photo in photos/train/$class/*.*; do
            person=p$((i % 5))
            [ $class = class0 ] || [ $person != p4 ] || person=p0
            mkdir -p people/$class/$person
            cp "$photo" people/$class/$person/
            i=$((i + 1))
        done
    done
    {
        echo group,file,label
        (cd people && find . -type f -path "./class*" | sed 's|^\./\([^/]*\)/\([^/]*\)/\(.*\)$|\2,\1/\2/\3,\1|')
    } >people/list.csv
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    people=$BATS_FILE_TMPDIR/people
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --quiet --weights random --arch resnet18 --image-size 32 --batch-size 4 --freeze-until 9 \
        --epochs 1 --cache off "$@"
}

# people RUN: whose photos the run validated, "p0 p3", and how many.
people() {
    tail -n +2 "$1/predictions_val.csv" | sed 's|^[^/]*/\([^/]*\)/.*|\1|' | sort | uniq -c | awk '{ print $2 ":" $1 }' | xargs
}

@test "all photos of a folder or of a group validate, or none" {
    train --data "$people" --val-split 0.2 --group-by folder --out folder >/dev/null
    [[ $(people folder) =~ ^p[0-4]:(8|12|4)$ ]]
    train --labels "$people/list.csv" --val-split 0.2 --group-by column --out column >/dev/null
    cmp folder/best.safetensors column/best.safetensors
    grep -q '"group-by": "column"' column/config.json
    # Without it photos of most people lie on both sides.
    train --labels "$people/list.csv" --val-split 0.2 --out none >/dev/null
    [ "$(people none | wc -w)" -gt 2 ]
    # eval finds the same photos again.
    "$FREEZETUNE" eval --model folder --json | grep -qxF "  \"photos\": $(tail -n +2 folder/predictions_val.csv | wc -l),"
    "$FREEZETUNE" eval --model column --split train --json |
        grep -qxF "  \"photos\": $((40 - $(tail -n +2 column/predictions_val.csv | wc -l))),"
}

@test "each group validates in one of the folds" {
    train --data "$people" --folds 5 --group-by folder --out folds >/dev/null
    for fold in 1 2 3 4 5; do
        people folds/fold-$fold
    done | tee people.txt
    [ "$(wc -w <people.txt)" = 5 ]
    [ "$(tr ':' ' ' <people.txt | awk '{ sum += $2 } END { print sum }')" = 40 ]
    [ "$(cut -d: -f1 people.txt | sort | xargs)" = "p0 p1 p2 p3 p4" ]
    fails 65 'can fill [0-5] of 6 folds without taking all photos of a class' \
        train --data "$people" --folds 6 --group-by folder --out no
}

@test "a split that is there is checked; what cannot be is refused" {
    mkdir -p two/train two/val
    for class in class0 class1; do
        mkdir -p two/train/$class two/val/$class
        cp -r "$people/$class/p0" "$people/$class/p1" two/train/$class
        cp -r "$people/$class/p2" two/val/$class
    done
    train --data two --group-by folder --out run >/dev/null
    cp -r "$people/class0/p1" two/val/class0
    fails 65 "two: the group 'p1' has photos that train and photos that validate" \
        train --data two --group-by folder --out no
    fails 64 "group-by column: needs --labels" train --data "$people" --val-split 0.2 --group-by column --out no
    cut -d, -f2- "$people/list.csv" >list.csv
    fails 65 "list.csv: has no column 'group'" \
        train --labels list.csv --data "$people" --val-split 0.2 --group-by column --out no
    awk -F, 'NR == 1 { print } NR > 1 { print $3 "," $2 "," $3 }' "$people/list.csv" >whole.csv
    fails 65 'no group of photos can validate: each of the 2 holds all photos of a class' \
        train --labels whole.csv --data "$people" --val-split 0.2 --group-by column --out no
}

@test "a resumed run keeps its groups" {
    train --data "$people" --val-split 0.2 --group-by folder --epochs 2000 --time-limit 0.001 --out run >/dev/null
    run_split "$FREEZETUNE" train --quiet --resume run --time-limit 0.001
    [ "$status" = 0 ]
    fails 64 '--group-by cannot be changed when a run is resumed' "$FREEZETUNE" train --resume run --group-by none
}
