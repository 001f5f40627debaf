#!/usr/bin/env bats
# freezetune cache fill: the features of a training, in parts, computed once; the training then has the bytes that it has
# without. (What train does with a cache: train_cache.bats.)

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 3 40 1
    # The bytes of another photo count once.
    cp "$(find photos/train/class0 -type f | sort | head -n 1)" photos/train/class0/copy.jpg
    small_weights 1 9
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    options=(--data "$BATS_FILE_TMPDIR/photos" --weights "$BATS_FILE_TMPDIR/weights.safetensors" --image-size 32 --epochs 3
        --batch-size 8 --lr 0.1 --freeze-until 8 --augment none --cache-dir cache)
    unset FREEZETUNE_WEIGHTS
}

fill() {
    "$FREEZETUNE" cache fill --quiet "${options[@]}" "$@"
}
train() {
    "$FREEZETUNE" train --quiet "${options[@]}" --keep-last "$@"
}

# same_run A B: the same results, up to the time they took and what the cache did.
same_run() {
    cmp "$1/best.safetensors" "$2/best.safetensors"
    cmp "$1/last.safetensors" "$2/last.safetensors"
    cmp "$1/predictions_val.csv" "$2/predictions_val.csv"
}

# Features that the epochs computed, from photos and from shallower features: "0 0 0".
computed() {
    sed -n 's/.*"features": {"computed": \([0-9]*\), "advanced": \([0-9]*\),.*/\1 \2/p' "$1/log.jsonl" | awk '{ print $1 + $2 }' | paste -sd ' '
}

@test "all parts, then a training that computes nothing and ends with the bytes of one without a cache" {
    train --cache off --out off >/dev/null
    all=0
    for parts in 1 2 5; do
        sum=0
        for part in $(seq $parts); do
            told=$(fill --cache-dir cache$parts --part "$part/$parts")
            echo "$told"
            [[ $told =~ ([0-9]+)" features, 0 were there, "([0-9]+)" computed"$ ]]
            [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
            [ $parts = 1 ] || [[ $told == "part $part of $parts: "* ]]
            sum=$((sum + BASH_REMATCH[1]))
        done
        [ $sum = 27 ] # 19 photos to train on, of which two are the same, and 9 to validate
        train --cache-dir cache$parts --out run$parts >/dev/null
        [ "$(computed run$parts)" = "0 0 0" ]
        same_run off run$parts
    done
    # A part that is done does not do it again; another has the rest.
    [[ $(fill --cache-dir cache5 --part 2/5) == "part 2 of 5: "*" 0 computed" ]]
    [ "$(fill --cache-dir cache5)" = "27 features, 27 were there, 0 computed" ]
}

@test "parts that are filled at the same time, into one file" {
    pids=()
    for part in 1 2 3; do
        fill --part $part/3 >told$part.txt &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    cat told?.txt
    [ "$(sed 's/.* \([0-9]*\) computed$/\1/' told?.txt | paste -sd +)" = 9+9+9 ]
    [ "$(find cache -type f | wc -l)" = 1 ]
    [ "$("$FREEZETUNE" cache list --cache-dir cache --format tsv | sed -n 2p | cut -f6)" = 27 ]
    train --out run >/dev/null
    [ "$(computed run)" = "0 0 0" ]
}

@test "views, half precision and stages that unfreeze: what is filled is what the training looks for" {
    more=(--augment flip --cache-dtype f16 --unfreeze-at 2:6)
    train "${more[@]}" --cache off --out off >/dev/null
    for part in 1 2; do
        fill "${more[@]}" --part $part/2
    done
    train "${more[@]}" --out run >/dev/null
    [ "$(computed run)" = "0 0 0" ]
    same_run off run
    # A part of a deeper cut is made from the shallower one, where that is as it was computed.
    fill --freeze-until 6
    [ "$(fill --part 1/3)" = "part 1 of 3: 9 features, 0 were there, 9 computed (9 of them from shallower ones)" ]
}

@test "a photo that cannot be read is said and left out, and the others are there" {
    cp -r "$BATS_FILE_TMPDIR/photos" .
    bad=$(find photos/train/class1 -type f | sort | head -n 1)
    printf 'broken' >"$bad"
    run_split "$FREEZETUNE" cache fill "${options[@]}" --data photos
    [ "$status" = 0 ]
    [[ $out == *" features, 0 were there, 26 computed" ]]
    [[ $err == *"${bad##*/}"* ]]
}

@test "the options of a run, by its config.json" {
    train --out run --epochs 1 --cache off >/dev/null
    [ "$("$FREEZETUNE" cache fill --quiet --options run --cache-dir cache)" = "27 features, 0 were there, 27 computed" ]
    train --epochs 1 --out again >/dev/null
    [ "$(computed again)" = 0 ]
}

@test "what cannot be filled is refused in a line, and so are options of other actions" {
    for part in 0/2 3/2 1/0 2 a/b 1/2/3 -1/2 '' 1/100001; do
        fails 64 "^freezetune cache: --part" "$FREEZETUNE" cache fill "${options[@]}" --part="$part"
    done
    fails 64 "^freezetune cache: --cache disk: every epoch sees different pixels" "$FREEZETUNE" cache fill "${options[@]}" --augment standard
    fails 64 "^freezetune cache: --cache disk: no child that processes the photos is frozen" "$FREEZETUNE" cache fill "${options[@]}" --freeze-until 0
    fails 64 "^freezetune cache: --format only applies to cache list" "$FREEZETUNE" cache fill "${options[@]}" --format tsv
    fails 64 "^freezetune cache: --data only applies to cache fill" "$FREEZETUNE" cache list --data photos
    fails 64 "^freezetune cache: --part only applies to cache fill" "$FREEZETUNE" cache clear --part 1/2
    fails 64 "^freezetune cache: key: only clear takes keys" "$FREEZETUNE" cache fill key
    [ ! -e cache ]
}
