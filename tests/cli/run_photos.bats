#!/usr/bin/env bats
# eval and predict with a model in its run's folder: which photos were trained on, and which can be measured.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    unset FREEZETUNE_WEIGHTS
    "$BUILD/tests/tools/make_photos" one 3 12 0 40 1
    "$BUILD/tests/tools/make_photos" two 3 6 3 40 2
    # A name that a CSV file has to quote, in the part that each of these runs validates or trains on.
    for class in class0 class1 class2; do
        cp "one/$class/00.png" "one/$class/a, \"b\".png"
        printf x >>"one/$class/a, \"b\".png"
    done
    local options="--quiet --weights random --arch resnet18 --image-size 32 --batch-size 8 --freeze-until 8 --epochs 2"
    # shellcheck disable=SC2086
    {
        "$FREEZETUNE" train $options --data one --val-split 0.4 --out split
        "$FREEZETUNE" train $options --data one --folds 2 --exif ignore --out folds
        "$FREEZETUNE" train $options --data two --out two.run
    } >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp -r "$BATS_FILE_TMPDIR"/{split,folds,two.run} .
    here=$BATS_FILE_TMPDIR
    unset FREEZETUNE_WEIGHTS
}

evaluate() {
    "$FREEZETUNE" eval --batch-size 8 "$@"
}

# same_as_recorded RUN [OPTION...]: eval's counts are those of the run's best epoch.
same_as_recorded() {
    local run=$1
    shift
    run_split evaluate --model "$run" --json "$@"
    [ "$status" = 0 ]
    photos=$(sed -n 's/^  "val_photos": \([0-9]*\),$/\1/p' "$run/result.json")
    accuracy=$(sed -n 's/^  "val_accuracy": \(.*\),$/\1/p' "$run/result.json")
    [ -n "$photos" ] && [ -n "$accuracy" ]
    grep -qxF "  \"photos\": $photos," stdout.txt
    grep -qxF "  \"accuracy\": $accuracy," stdout.txt
    grep -qxF '  "part": "val",' stdout.txt
}

@test "eval without --data measures what the run validated, to the same accuracy" {
    for run in split folds/fold-1 folds/fold-2 two.run; do
        same_as_recorded "$run"
        [ -z "$err" ]
        # The photos are those of the folder, whichever of its models is measured.
        cp "$run/best.safetensors" "$run/last.safetensors"
        evaluate --model "$run/last.safetensors" --json | grep -qxF "  \"photos\": $photos,"
    done
    evaluate --model split | head -1 | grep -qx "$here/one: [0-9]* photos, the validation part of split"
    evaluate --model two.run/best.safetensors | head -1 | grep -qx "$here/two/val: 9 photos, the validation part of two.run"
    evaluate --model two.run --split train | head -1 | grep -qx "$here/two/train: 18 photos, the training part of two.run"
    # Both parts together are all photos, none of them twice.
    for part in train val; do
        evaluate --model split --split $part --json | sed -n 's/^  "photos": \(.*\),$/\1/p'
    done >counts.txt
    [ "$(awk '{ sum += $1 } END { print sum }' counts.txt)" = 39 ]
}

@test "eval with --data says how many of the photos were trained on: by path, by link, by content" {
    trained=$(evaluate --model split --split train --json | sed -n 's/^  "photos": \(.*\),$/\1/p')
    ln -s "$here/one" link
    cp -r "$here/one" copy
    mkdir renamed
    for class in class0 class1 class2; do
        mkdir "renamed/$class"
        for file in "$here/one/$class"/*; do
            cp "$file" "renamed/$class/new $(basename "$file")"
        done
    done
    for data in "$here/one" link copy renamed; do
        run_split evaluate --model split --data "$data" --json
        [ "$status" = 0 ]
        [ "$(wc -l <stderr.txt)" = 1 ]
        grep -qF "warning: $data: $trained of the 39 photos are in the training part of split, which makes the accuracy look better than it is; the first: class0/" stderr.txt
        grep -qF "; leave --data out" stderr.txt
        grep -qxF "  \"trained_on\": $trained," stdout.txt
        grep -qxF '  "part": null,' stdout.txt
    done
    # One byte more, and it is another photo.
    find renamed -type f -exec sh -c 'printf y >>"$1"' sh {} \;
    run_split evaluate --model split --data renamed --json
    [ "$status" = 0 ]
    [ -z "$err" ]
    grep -qxF '  "trained_on": 0,' stdout.txt
    # train/ was trained on, val/ was not.
    run_split evaluate --model two.run --data "$here/two"
    [ -z "$err" ]
    run_split evaluate --model two.run --data "$here/two/train"
    grep -qF ': 18 of the 18 photos are in the training part of two.run' stderr.txt
    run_split evaluate --model two.run --data "$here/two/train" --quiet
    [ -z "$err" ]
}

@test "a model outside its run's folder, or beside another config.json, is measured as ever" {
    cp split/best.safetensors alone.safetensors
    run_split evaluate --model alone.safetensors --data "$here/one" --json
    [ "$status" = 0 ]
    [ -z "$err" ]
    grep -qxF '  "photos": 39,' stdout.txt
    grep -qxF '  "run": null,' stdout.txt
    grep -qxF '  "trained_on": null,' stdout.txt
    fails 66 '^freezetune eval: data: ' evaluate --model alone.safetensors
    fails 64 '--split val: the model is not in the folder of its run' evaluate --model alone.safetensors --split val
    mkdir hub
    cp split/best.safetensors hub
    for text in '{"model_type": "resnet"}' '{"options": {}}' '{"options": {"data": 5}, "classes": []}' 'no JSON' ''; do
        printf '%s' "$text" >hub/config.json
        fails 66 '^freezetune eval: data: ' evaluate --model hub
    done
    # Folds without a fold: no run wrote that.
    sed '/"fold":/d' folds/fold-1/config.json >hub/config.json
    fails 66 '^freezetune eval: data: ' evaluate --model hub
}

@test "photos that moved: the message names where they were, --data and --split find the same part" {
    cp -r "$here/one" old
    sed "s|\"data\": .*|\"data\": \"$PWD/old\",|" split/config.json >config.json
    mv config.json split/config.json
    same_as_recorded split
    mv old new
    fails 66 "^freezetune eval: $PWD/old: split was trained on the photos there, .*--data DIR --split val" evaluate --model split
    same_as_recorded split --data new --split val
    [ -z "$err" ]
    run_split evaluate --model split --data new
    [ "$status" = 0 ]
    grep -q 'new: [0-9]* of the 39 photos are in the training part of split, .*; add --split val to measure' stderr.txt
    # With fewer photos, and its own gone, the run's record of their content decides, whatever they are called.
    expected=$(evaluate --model split --data new --json 2>/dev/null | sed -n 's/^  "trained_on": \([0-9]*\),$/\1/p')
    expected=$((expected - 6 + $(grep -c '^class0/0[0-5]' split/predictions_val.csv)))
    [ "$expected" -gt 0 ]
    rm new/class0/0[0-5]*
    for file in new/class1/*; do mv "$file" "new/class1/x $(basename "$file")"; done
    run_split evaluate --model split --data new --json
    [ "$status" = 0 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    grep -q "new: $expected of the 33 photos are in the training part of split (by their content), .*; measure photos" stderr.txt
    grep -qxF "  \"trained_on\": $expected," stdout.txt
    # Photos that it has not seen, of the same sizes too.
    mkdir other
    for class in class0 class1 class2; do
        mkdir "other/$class"
        for file in "new/$class"/*08.png; do cp "$file" "other/$class/changed.png"; done
        printf '\377\376\375' | dd of="other/$class/changed.png" bs=1 seek=50 conv=notrunc 2>/dev/null
    done
    run_split evaluate --model split --data other --json
    [ "$(grep -c 'training part' stderr.txt)" = 0 ]
    [ "$(grep -c 'not known' stderr.txt)" = 0 ]
    # Without the record nothing can be known. That is no error.
    printf x >>split/photos.bin
    run_split evaluate --model split --data new
    [ "$status" = 0 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    grep -q "^new: it is not known whether split was trained on some of these photos: its own, in $PWD/old, are gone" stderr.txt
}

@test "photos that were added since are not measured; ones that are gone are said" {
    cp -r "$here/one" data
    sed "s|\"data\": .*|\"data\": \"$PWD/data\",|" split/config.json >config.json
    mv config.json split/config.json
    for i in 1 2 3 4 5 6 7 8 9; do
        cp "data/class0/00.png" "data/class1/added$i.png"
    done
    same_as_recorded split
    grep -qx "$PWD/data: photos were added, removed or renamed since split was trained: those that it validated are measured" stderr.txt
    run_split evaluate --model split --data data
    grep -q 'of the 48 photos are in the training part of split or were added to it since' stderr.txt
    # A run of before config.json had a hash of its photos.
    sed '/"photos": /d' split/config.json >config.json
    mv config.json split/config.json
    same_as_recorded split
    rm data/class1/added*
    same_as_recorded split
    [ -z "$err" ]
    rm "data/$(sed -n 2p split/predictions_val.csv | cut -d, -f1)"
    run_split evaluate --model split --json
    [ "$status" = 0 ]
    grep -q 'warning: .*: 1 of those that it validated are gone; the other [0-9]* are measured' stderr.txt
    grep -qxF "  \"photos\": $((photos - 1))," stdout.txt
    rm split/predictions_val.csv
    fails 65 'has no predictions_val.csv' evaluate --model split
}

@test "folders that are laid out otherwise than the run's are not split as the run's" {
    fails 65 "$here/one: its folders are not laid out as they were when two.run was trained; name the photos" \
        evaluate --model two.run --data "$here/one" --split val
    fails 65 "two: its folders are not laid out as they were when split was trained" \
        evaluate --model split --data "$here/two" --split train
    # Without --split they are photos like others.
    for data in two/val one; do
        run_split evaluate --model two.run --data "$here/$data"
        [ "$status" = 0 ]
        [ -z "$err" ]
    done
}

@test "predict says how many photos were trained on, where they lie among the run's" {
    trained=$(evaluate --model split --split train --json | sed -n 's/^  "photos": \(.*\),$/\1/p')
    run_split "$FREEZETUNE" predict --model split --format tsv --top-k 1 "$here/one"
    [ "$status" = 0 ]
    [ "$err" = "$trained of the 39 photos are in the training part of split: answers for these do not show how good the model is" ]
    ln -s "$here/two" link
    run_split "$FREEZETUNE" predict --model two.run --format tsv link/val link/train/class0/00.png
    [ "$err" = "1 of the 10 photos is in the training part of two.run: answers for these do not show how good the model is" ]
    for arguments in "--model two.run $here/two/val" "--model two.run $here/one" "--quiet --model two.run $here/two"; do
        # shellcheck disable=SC2086
        run_split "$FREEZETUNE" predict --format tsv $arguments
        [ "$status" = 0 ]
        [ -z "$err" ]
    done
}
