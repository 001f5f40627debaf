#!/usr/bin/env bats
# predict --stream: each line of stdin is answered before the next one is there.

load common
load shared

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 64 ants bees cats
    "$BUILD/tests/tools/make_photos" "$BATS_FILE_TMPDIR/made" 2 4 0 90 1
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/m.safetensors
    mapfile -t photos < <(find "$BATS_FILE_TMPDIR/made" -type f | sort)
}

stream() {
    "$FREEZETUNE" predict --quiet --model "$model" --stream "$@"
}

# started: a stream that runs; ask PATH sets $answer to the line that it gives while stdin stays open.
started() {
    mkfifo in out
    stream <in >out 2>stderr.txt 3>&- &
    pid=$!
    exec 8>in 9<out
}

ask() {
    printf '%s\n' "$1" >&8
    IFS= read -r -t 60 answer <&9
}

@test "each line has its answer while the next one is not there, with the bytes of a list" {
    "$FREEZETUNE" predict --quiet --model "$model" --format jsonl "${photos[@]}" >list.jsonl
    started
    for photo in "${photos[@]}"; do
        ask "$photo"
        printf '%s\n' "$answer" >>stream.jsonl
    done
    exec 8>&-
    wait $pid
    [ -z "$(cat <&9)" ] && [ ! -s stderr.txt ]
    cmp list.jsonl stream.jsonl
}

@test "what cannot be read is answered by a line that says why, and the next one is read all the same" {
    head -c 300 "${photos[0]}" >cut.jpg
    started
    ask missing.jpg
    [ "$answer" = '{"file": "missing.jpg", "error": "No such file or directory"}' ]
    ask cut.jpg
    [[ $answer == '{"file": "cut.jpg", "error": "'* ]]
    ask .
    [[ $answer == '{"file": ".", "error": "'* ]]
    ask "$(printf '%05000d' 0)"
    [[ $answer == *'"error": "its path is too long"}' ]]
    cp "${photos[0]}" cut.jpg
    ask cut.jpg
    [[ $answer == '{"file": "cut.jpg", "top": ['* ]]
    cp "${photos[1]}" cut.jpg
    before=$answer
    ask cut.jpg
    [ "$answer" != "$before" ]
    printf '\n\n' >&8
    exec 8>&-
    code=0
    wait $pid || code=$?
    [ "$code" = 65 ]
    grep -q '4 of 6 photos could not be read; the others are done' stderr.txt
}

@test "tsv and csv have a line for each photo, its best class or the error" {
    printf '%s\n' "${photos[0]}" missing.jpg "${photos[1]}" >list
    run_split stream --format tsv <list
    [ "$status" = 65 ]
    [ "$(wc -l <stdout.txt)" = 4 ]
    [ "$(head -n 1 stdout.txt)" = "$(printf 'file\trank\tindex\tclass\tprobability\terror')" ]
    [ "$(sed -n 3p stdout.txt)" = "$(printf 'missing.jpg\t\t\t\t\tNo such file or directory')" ]
    sed -n '2p;4p' stdout.txt | cut -f 1-5 >stream.tsv
    "$FREEZETUNE" predict --quiet --model "$model" --format tsv --top-k 1 "${photos[0]}" "${photos[1]}" | tail -n +2 | cmp - stream.tsv
    run_split stream --format csv - <list
    [ "$(sed -n 3p stdout.txt)" = 'missing.jpg,,,,,No such file or directory' ]
}

@test "lists with zero bytes, of Windows, and without a last newline" {
    printf '%s\0%s' "${photos[@]:0:2}" | stream --null >null.jsonl
    printf '\xEF\xBB\xBF%s\r\n\r\n%s' "${photos[@]:0:2}" | stream >windows.jsonl
    "$FREEZETUNE" predict --quiet --model "$model" --format jsonl "${photos[@]:0:2}" | tee list.jsonl | cmp - null.jsonl
    cmp list.jsonl windows.jsonl
    run_split stream < <(printf 'a\0b\n%s\n' "${photos[0]}")
    [ "$status" = 65 ]
    [[ $out == '{"file": "a", "error": "there is a zero byte in the line'*'"top": '* ]]
    run_split stream </dev/null
    [ "$status" = 0 ] && [ -z "$out$err" ]
}

@test "--tta and --threshold work with it" {
    printf '%s\n' "${photos[@]}" >list
    stream --tta flip --threshold 0.99 --top-k 2 <list >stream.jsonl
    "$FREEZETUNE" predict --quiet --model "$model" --tta flip --threshold 0.99 --top-k 2 --format jsonl - <list | cmp - stream.jsonl
}

@test "a signal ends it while it waits for a line, and a reader that is gone does" {
    started
    ask "${photos[0]}"
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ "$code" = 143 ] && [ ! -s stderr.txt ]
    exec 8>&- 9<&-
    rm in out
    started
    ask "${photos[0]}"
    exec 9<&-
    printf '%s\n' "${photos[0]}" >&8
    code=0
    wait $pid || code=$?
    exec 8>&-
    [ "$code" = 141 ]
}

@test "what cannot go with it is refused with the reason" {
    fails 64 '--out cannot be combined with --stream: the answers go to stdout' stream --out a.jsonl
    fails 64 '--logits cannot be combined with --stream' stream --logits l.safetensors
    fails 64 '--features cannot be combined with --stream' stream --features f.npy
    fails 64 '--cam cannot be combined with --stream' stream --cam maps
    fails 64 '--batch-size cannot be combined with --stream: a photo does not wait' stream --batch-size 4
    fails 64 '--format table cannot be combined with --stream' stream --format table
    fails 64 '--top-k 2 cannot be combined with --stream' stream --format csv --top-k 2
    fails 64 'a.jpg: --stream takes its photos from stdin alone' stream a.jpg
    fails 64 'too few arguments; usage: freezetune predict' "$FREEZETUNE" predict --model "$model"
}
