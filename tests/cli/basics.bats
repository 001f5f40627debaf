#!/usr/bin/env bats
# What every command shares: help, version, mistakes on the command line, the standard streams.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
}

@test "--version names the libraries, on stdout" {
    run_split "$FREEZETUNE" --version
    [ "$status" = 0 ]
    [ -z "$err" ]
    [[ $out =~ ^freezetune\ [0-9]+\.[0-9]+\.[0-9]+ ]]
    [[ $out == *cJSON*xxHash* ]]
}

@test "--help lists every command and every exit code" {
    run_split "$FREEZETUNE" --help
    [ "$status" = 0 ]
    [ -z "$err" ]
    for code in 0 1 64 65 66 70 71 73 74 130; do
        grep -q "^  $code  *[a-z]" stdout.txt
    done
    grep -q 'freezetune help' stdout.txt
    [ "$(grep -c FREEZETUNE_CPU stdout.txt)" = 1 ]
    awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }' stdout.txt >names.txt
    [ -s names.txt ]
    while read -r name; do
        "$FREEZETUNE" "$name" --help >help.txt
        grep -q "^usage: freezetune $name " help.txt
        "$FREEZETUNE" help "$name" | cmp - help.txt
        # No line is wider than 80 columns, none ends in a blank.
        awk -v name="$name" 'length > 80 || / $/ { print name ": " $0; bad = 1 } END { exit bad }' help.txt
    done <names.txt
}

@test "no command: the help on stderr and 64" {
    run_split "$FREEZETUNE"
    [ "$status" = 64 ]
    [ -z "$out" ]
    [[ $err == "usage: freezetune "* ]]
}

@test "an unknown command is one line and 64" {
    run_split "$FREEZETUNE" inspct
    [ "$status" = 64 ]
    [ -z "$out" ]
    [ "$err" = "freezetune: unknown command inspct: did you mean inspect?" ]
    run_split "$FREEZETUNE" xyzzy
    [ "$status" = 64 ]
    [ "$err" = "freezetune: unknown command xyzzy: freezetune --help lists them" ]
    run_split "$FREEZETUNE" "$(printf 'a\033[31m\nb')"
    [ "$status" = 64 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    [[ $err == *'a\x1b[31m\nb'* ]]
}

@test "options without their dashes get a hint" {
    fails 64 '^freezetune train: data=photos: options begin with two dashes: did you mean --data photos\?$' \
        "$FREEZETUNE" train data=photos epochs=3
    fails 64 'did you mean --epochs 3\?$' "$FREEZETUNE" train epoch:3
    fails 64 'did you mean --freeze-until 3\?$' "$FREEZETUNE" train freeze_until=3
    fails 64 'did you mean --json\?$' "$FREEZETUNE" eval json=true
    fails 64 'did you mean --model m\?$' "$FREEZETUNE" predict model=m photo.jpg
    fails 64 'unknown option -epochs: did you mean --epochs\?$' "$FREEZETUNE" train -epochs 3
    # A file of such a name is a file.
    echo >model=m
    fails 64 'model is needed' "$FREEZETUNE" predict model=m
}

@test "an unknown option names the command and the nearest one" {
    run_split "$FREEZETUNE" inspect --jsn
    [ "$status" = 64 ]
    [ "$err" = "freezetune inspect: unknown option --jsn: did you mean --json?" ]
    # The beginning of a name is meant more than a short name that is near (--arch here).
    fails 64 'unknown option --batch: did you mean --batch-size\?' "$FREEZETUNE" inspect --batch 8
    fails 64 'unknown option --freeze: did you mean --freeze-until\?' "$FREEZETUNE" train --freeze 6
}

@test "a half-number is refused" {
    run_split "$FREEZETUNE" inspect --arch resnet50 --batch-size 12abc
    [ "$status" = 64 ]
    [ "$err" = "freezetune inspect: --batch-size 12abc: not a whole number" ]
}

@test "closed stdout: 74 and one line" {
    status=0
    "$FREEZETUNE" --help >&- 2>stderr.txt || status=$?
    [ "$status" = 74 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    grep -q '^freezetune: stdout: the results could not be written' stderr.txt
}

@test "full disk behind stdout: 74 and one line" {
    [ -c /dev/full ] || skip "no /dev/full"
    status=0
    "$FREEZETUNE" inspect --help >/dev/full 2>stderr.txt || status=$?
    [ "$status" = 74 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    grep -q '^freezetune inspect: stdout: .*No space left' stderr.txt
}

@test "a reader that left: 141 and silence" {
    mkfifo pipe
    exec 8<>pipe 9>pipe
    exec 8<&-
    status=0
    "$FREEZETUNE" --help >&9 2>stderr.txt || status=$?
    exec 9>&-
    [ "$status" = 141 ]
    [ ! -s stderr.txt ]
}

@test "all standard streams closed: no file gets the output" {
    status=0
    "$FREEZETUNE" --version <&- >&- 2>&- || status=$?
    [ "$status" = 74 ]
}

@test "a reader that leaves: a training goes on to its end, 141" {
    cd "$BATS_TEST_TMPDIR"
    "$BUILD/tests/tools/make_photos" photos 2 2 1 40 1
    mkfifo pipe
    exec 8<>pipe 9>pipe
    exec 8<&-
    status=0
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --epochs 2 --freeze-until 9 \
        --cache off --out run >&9 2>stderr.txt || status=$?
    exec 9>&-
    [ "$status" = 141 ]
    [ ! -s stderr.txt ]
    [ -s run/result.json ]
}

@test "standard streams that are closed: no file of a run gets what they would" {
    cd "$BATS_TEST_TMPDIR"
    "$BUILD/tests/tools/make_photos" photos 2 2 1 40 1
    echo no photo >photos/train/class0/broken.png
    train() {
        "$FREEZETUNE" train --data photos --weights random --arch resnet18 --image-size 32 --epochs 2 --freeze-until 9 \
            --cache off --out "$1"
    }
    train open >/dev/null 2>&1
    status=0
    train closed <&- >&- 2>&- || status=$?
    [ "$status" = 74 ]
    for file in log.jsonl metrics.csv bad_images.tsv predictions_val.csv; do
        [ "$(wc -l <open/$file)" = "$(wc -l <closed/$file)" ]
    done
    [ "$(grep -cv '^{.*}$' closed/log.jsonl)" = 0 ]
    [ "$(grep -cv '^[0-9e]' closed/metrics.csv)" = 0 ]
    cmp open/bad_images.tsv closed/bad_images.tsv
    cmp open/best.safetensors closed/best.safetensors
}
