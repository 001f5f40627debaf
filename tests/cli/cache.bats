#!/usr/bin/env bats
# freezetune cache, and what kill -9 leaves of a file. The stores themselves: test_feature_store, test_feature_file.

load common

one=01112233445566778899aabbccddeeff
two=01222233445566778899aabbccddeeff
three=01332233445566778899aabbccddeeff

# Entries of 80,032 bytes: three files, the second one used last, the third one first.
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CACHE_HOME=$PWD TZ=UTC
    writer=$BUILD/tests/tools/feature_writer
    "$writer" fill freezetune 3
    "$writer" fill freezetune 1 34
    "$writer" fill freezetune 2 51
    touch -d '2026-01-02 03:04:05Z' freezetune/$one.features
    touch -d '2026-01-03 00:00:00Z' freezetune/$two.features
    touch -d '2026-01-01 00:00:00Z' freezetune/$three.features
}

cache() {
    "$FREEZETUNE" cache "$@"
}

@test "path: the option, XDG_CACHE_HOME, or below home" {
    [ "$(cache path)" = "$PWD/freezetune" ]
    [ "$(cache path --cache-dir here)" = here ]
    [ "$(XDG_CACHE_HOME=relative HOME=/h cache path)" = /h/.cache/freezetune ]
    [ "$(XDG_CACHE_HOME='' HOME=/h cache path)" = /h/.cache/freezetune ]
    fails 64 'HOME is not set; name one with --cache-dir' env -u HOME -u XDG_CACHE_HOME "$FREEZETUNE" cache path
}

@test "list: what was used last comes first" {
    run_split cache list
    [ "$status" = 0 ]
    [ "$(sed 's/  */ /g' stdout.txt | grep -v '^-*$')" = "key arch cut pixels dtype entries size last used
$two resnet50 layer2 224 f32 1 84.1 KB 2026-01-03 00:00
$one resnet50 layer2 224 f32 3 244 KB 2026-01-02 03:04
$three resnet50 layer2 224 f32 2 164 KB 2026-01-01 00:00" ]
    [[ $err =~ ^"3 files, 492 KB in $PWD/freezetune; "[0-9.]+" "[KMGT]B" are free there"$ ]]
}

@test "list for programs" {
    [ "$(cache list --format tsv | tr '\t' ' ')" = "key arch cut pixels dtype entries bytes last_used
$two resnet50 layer2 224 f32 1 84128 2026-01-03T00:00:00Z
$one resnet50 layer2 224 f32 3 244192 2026-01-02T03:04:05Z
$three resnet50 layer2 224 f32 2 164160 2026-01-01T00:00:00Z" ]
    [ "$(cache list --format csv | tr -d '\r' | sed -n 3p)" = "$one,resnet50,layer2,224,f32,3,244192,2026-01-02T03:04:05Z" ]
    cache list --format jsonl >list.jsonl
    python3 -c 'import json, sys
rows = [json.loads(line) for line in open("list.jsonl")]
assert [row["entries"] for row in rows] == [1, 3, 2], rows
assert rows[1] == {"key": sys.argv[1], "arch": "resnet50", "cut": "layer2", "pixels": 224, "dtype": "f32", "entries": 3,
                   "bytes": 244192, "last_used": "2026-01-02T03:04:05Z"}, rows[1]' $one
}

@test "list: a store that was opened was used now" {
    "$writer" check freezetune 2 51 >/dev/null
    [ "$(cache list --format tsv | sed -n 2p | cut -f1)" = $three ]
    [ "$(cache list --format tsv | sed -n 2p | cut -f8 | cut -c1-4)" -ge 2026 ]
}

@test "list: a folder that is not there is empty, one that is a file is not" {
    run_split cache list --cache-dir none
    [ "$status" = 0 ]
    [[ $err == "0 files, 0 bytes in none; "*" are free there" ]]
    [ ! -e none ]
    fails 66 '^freezetune cache: .*eeff.features: Not a directory$' "$FREEZETUNE" cache list \
        --cache-dir "freezetune/$one.features"
}

@test "list names files that are damaged or not ours; clear leaves only these alone" {
    cd freezetune
    head -c 1000 $one.features >00000000000000000000000000000000.features
    cp $one.features 11111111111111111111111111111111.features
    printf '\x03' | dd of=$two.features bs=1 seek=8 conv=notrunc status=none
    printf 'x' | dd of=$three.features bs=1 seek=900 conv=notrunc status=none
    echo "a note" >22222222222222222222222222222222.features
    cp $one.features copy.features
    mkdir folder
    cd ..
    run_split cache list --format tsv
    [ "$status" = 0 ]
    [ "$(wc -l <stdout.txt)" = 2 ]
    [ "$(grep -c "^$one" stdout.txt)" = 1 ]
    warning="^freezetune: warning: $PWD/freezetune"
    grep -q "$warning/0*.features: is a feature file that was abandoned while empty; freezetune cache clear 0* removes it" stderr.txt
    grep -q "$warning/1*.features: is a feature file whose header is damaged; freezetune cache clear 1* removes it" stderr.txt
    grep -q "$warning/$two.features: is a feature file of another version of freezetune; " stderr.txt
    grep -q "$warning/$three.features: is a feature file whose header is damaged; " stderr.txt
    grep -q "^ignored: $PWD/freezetune/2*.features: is not a feature file" stderr.txt
    grep -q "^ignored: $PWD/freezetune/copy.features: is not a feature file" stderr.txt
    [ "$(wc -l <stderr.txt)" = 6 ]
    run_split cache clear
    [ "$status" = 0 ]
    [[ $out == "removed 5 files, "* ]]
    [ "$(ls freezetune)" = $'22222222222222222222222222222222.features\ncopy.features\nfolder' ]
}

@test "clear: keys" {
    run_split cache clear $one $three
    [ "$status" = 0 ]
    [ "$out" = "removed 2 files, 408 KB" ]
    [ "$(ls freezetune)" = $two.features ]
    fails 66 "$one.features: No such file" "$FREEZETUNE" cache clear $one
    fails 64 "^freezetune cache: 0122: not a key; freezetune cache list shows the keys" "$FREEZETUNE" cache clear $two 0122
    fails 64 "not a key" "$FREEZETUNE" cache clear "../../${two#0122}"
    echo "a note" >freezetune/$one.features
    fails 65 "$one.features: is not a feature file, and stays" "$FREEZETUNE" cache clear $one
    [ "$(ls freezetune)" = $one.features$'\n'$two.features ]
}

@test "clear: what is old, and what is too much" {
    touch freezetune/$two.features
    touch -d '-3 days' freezetune/$one.features
    run_split cache clear --older-than 4.5
    [ "$out" = "removed 1 file, 164 KB" ]
    [ "$(ls freezetune)" = $one.features$'\n'$two.features ]
    [ "$(cache clear --keep 1M)" = "removed 0 files, 0 bytes" ]
    [ "$(cache clear --keep 321K)" = "removed 0 files, 0 bytes" ]
    # Exactly as much as is there is not too much; what is not a feature file does not count.
    head -c 1000000 /dev/zero >freezetune/$three.features
    [ "$(cache clear --keep $((84128 + 244192)))" = "removed 0 files, 0 bytes" ]
    rm freezetune/$three.features
    [ "$(cache clear --keep 320K)" = "removed 1 file, 244 KB" ]
    [ "$(ls freezetune)" = $two.features ]
    [ "$(cache clear --older-than 1 --keep 0)" = "removed 1 file, 84.1 KB" ]
    [ -z "$(ls freezetune)" ]
}

@test "clear leaves alone what a run uses, and names it" {
    "$writer" hold freezetune 60 >held.txt &
    pid=$!
    for _ in $(seq 200); do
        [ ! -s held.txt ] || break
        sleep 0.02
    done
    run_split cache clear
    [ "$status" = 0 ]
    [ "$out" = "removed 2 files, 248 KB" ]
    [ "$err" = "freezetune: warning: $PWD/freezetune/$one.features: kept, because a run uses it" ]
    status=0
    "$FREEZETUNE" cache clear $one >stdout.txt 2>stderr.txt || status=$?
    [ "$status" = 74 ]
    grep -q '^freezetune cache: 1 of 1 files kept, because runs use them$' stderr.txt
    kill $pid
    wait $pid || true
    [ "$(cache clear)" = "removed 1 file, 244 KB" ]
    [ -z "$(ls freezetune)" ]
}

@test "mistakes on the command line" {
    fails 64 'too few arguments; usage: freezetune cache list\|clear\|path\|fill' "$FREEZETUNE" cache
    fails 64 'lst: must be list, clear, path or fill' "$FREEZETUNE" cache lst
    fails 64 'more: only clear takes keys' "$FREEZETUNE" cache list more
    fails 64 '--keep only applies to cache clear' "$FREEZETUNE" cache list --keep 1G
    fails 64 'cannot be combined with KEY' "$FREEZETUNE" cache clear --older-than 3 $one
    fails 64 'older-than -1: must be' "$FREEZETUNE" cache clear --older-than -1
    [ "$(ls freezetune | wc -l)" = 3 ]
}

@test "completion offers the actions and the keys" {
    source "$BATS_TEST_DIRNAME/../../docs/completion.bash"
    COMP_WORDS=("$FREEZETUNE" cache "") COMP_CWORD=2
    _freezetune
    [ "${COMPREPLY[*]}" = "list clear path fill" ]
    COMP_WORDS=("$FREEZETUNE" cache clear 012) COMP_CWORD=3
    _freezetune
    [ "${COMPREPLY[*]}" = $two ]
}

@test "kill -9 while two append: every entry read is right or absent" {
    run sh "$BATS_TEST_DIRNAME/../../scripts/check-cache.sh" -k 6 -n 100
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == "6 kills, "*" every entry read was right" ]]
}

@test "what is planted in place of a file: the run goes on without it, to the same bytes, and touches nothing" {
    "$BUILD/tests/tools/make_photos" photos 2 4 2 40 1
    "$BUILD/tests/tools/make_model" m.safetensors 32 class0 class1
    run_with_cache() {
        run_split timeout 60 "$FREEZETUNE" train --data photos --weights m.safetensors --image-size 32 --freeze-until 8 \
            --epochs 1 --batch-size 4 --augment none --cache-dir planted --out "$1"
        [ "$status" = 0 ]
    }
    run_with_cache plain
    file=$(echo planted/*.features)
    for kind in link fifo folder; do
        rm -rf "$file"
        case $kind in
        link)
            echo mine >target
            ln -s "$PWD/target" "$file"
            ;;
        fifo) mkfifo "$file" ;;
        folder) mkdir "$file" ;;
        esac
        run_with_cache $kind
        grep -q "^freezetune: warning: .*not a regular file.*the run has no cache" stderr.txt
        cmp plain/best.safetensors $kind/best.safetensors
        timeout 60 "$FREEZETUNE" cache clear --cache-dir planted
        [ -e "$file" ] || [ -L "$file" ]
    done
    [ "$(cat target)" = mine ]
}
