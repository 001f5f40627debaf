#!/usr/bin/env bats
# The program with one call that fails (tests/faults/faults.h): for many numbers of the call, each command ends with a
# documented code and one line, or does it all right; nothing half-written stays. test_faults_* do the same for the parts.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 3 1 40 1
    "$BUILD/tests/faults/faulty" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --epochs 1 \
        --batch-size 3 --cache off --out base >/dev/null
    mv base/best.safetensors good.safetensors
    header='{"a.w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b.w":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}'
    safetensors small.safetensors "$header" '\0\0\x80\x3f\0\0\0\x40\0\0\0\x40'
    safetensors other.safetensors "$header" '\0\0\x80\x3f\0\0\0\x40\0\0\0\x3f'
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    for file in photos good.safetensors small.safetensors other.safetensors; do
        ln -s "$BATS_FILE_TMPDIR/$file" .
    done
    export LC_ALL=C
}

# program COMMAND...: without a fault. The files of faulty are those of narrow networks, which freezetune cannot read.
program() {
    "$BUILD/tests/faults/faulty" "$@"
}

# faulty KIND N COMMAND...: call N of the kind fails. Sets $status, $calls to the number of all, and $first to the
# number of the first call at each place of the code.
faulty() {
    status=0
    rm -rf out out.* calls ${also:+cache}
    FREEZETUNE_FAULT=$1:$2 FREEZETUNE_FAULT_CALLS=calls program "${@:3}" >stdout.txt 2>stderr.txt || status=$?
    {
        read -r calls
        first=
        while read -r from _; do first+=" $from"; done
    } <calls
}

# What is wrong with the answer, or nothing.
complaint() {
    local kind=$1 right=$2 command=$3
    if [ "$status" = "$right" ]; then
        [ ! -f right ] || cmp -s out* right || echo "other results"
    else
        [[ $status =~ ^(65|66|71|73|74)$ ]] || echo "the code"
        [ "$kind" != memory ] || [ "$status" = 71 ] || [ "$status" = 65 ] || echo "the code"
        [ "$(grep -c "^freezetune $command: " stderr.txt)" = 1 ] || echo "not one line"
        # A file that is there is whole; predict's lacks the photo that could not be read (65).
        [ "$status" = 65 ] || [ ! -f "$(echo out*)" ] || cmp -s out* right || echo "a file is left"
    fi
    # The folder that convert makes is whole or not there; a run's is not.
    [ "$command" != convert ] || [ ! -d right ] || [ ! -d out ] || diff -rq out right
    [ "$command" != convert ] || [ ! -d right ] || [ "$status" != "$right" ] || [ -d out ] || echo "no folder"
    [ -z "$(find . -name '*.part' -o -name '*.part.*')" ] || echo "an unfinished file or folder is left"
}

# 1, 2, 4, 8, ... and the last ten up to ALL; for a run also the first call of each place in the code.
numbers() {
    local n
    {
        for ((n = 1; n <= $1; n += n)); do
            echo $n
        done
        seq $(($1 > 10 ? $1 - 9 : 1)) "$1"
        [ -z "${also:-}" ] || printf '%s\n' $first
    } | sort -nu
}

# each CODE COMMAND ARGUMENT...: without a fault it ends with CODE, and `out` may be made; then some of its calls
# fail, one in each run. $also names a function that looks at more, with the same arguments as complaint and the command.
each() {
    local right=$1 kind n all wrong failures=0 bad=0
    shift
    for kind in memory files ${also:+looks}; do
        rm -rf right right.txt
        faulty $kind 0 "$@"
        [ "$status" = "$right" ]
        [ ! -e "$(echo out*)" ] || mv out* right
        all=$calls
        for n in $(numbers "$all"); do
            faulty $kind $n "$@"
            [ "$status" = "$right" ] || failures=$((failures + 1))
            cp stderr.txt first.txt
            wrong=$(complaint $kind "$right" "$1" && ${also:-true} "$@")
            if [ -n "$wrong" ]; then
                echo "$kind $n of $all: $wrong: $1 exits $status"
                cat first.txt
                bad=$((bad + 1))
            fi
        done
    done
    [ "$failures" -gt 2 ]
    [ "$bad" = 0 ]
}

# What a folder of runs holds, but for the time that it took and what was kept of features.
content() {
    python3 -S -E "$BATS_TEST_DIRNAME/../support/content.py" "$1" # one process: it is asked for some hundred times
}

lost_photos() {
    grep -rhE '"(unreadable|unavailable)_photos":' --include='*.json' "$1" | sort
}

# For $also: what failed says how to go on, which comes to the same files; so does what went well.
goes_on() {
    local command=$1
    if [ "$status" = 0 ]; then
        # Where a photo could not be read it says so, and the run is another.
        [ "$(lost_photos right)" = "$(lost_photos out)" ] || return 0
    elif [ -f out/config.json ]; then
        # Only what the end of the program printed was lost: the run is over.
        grep -q ': stdout: ' stderr.txt || grep -q "freezetune $command --resume out" stderr.txt || echo "not how to go on"
        program "$command" --quiet --no-report --resume out >again.txt 2>&1 || echo "no resume: $(cat again.txt)"
    else
        [ -z "$(find out -mindepth 1 ! -name .lock 2>/dev/null)" ] || echo "left: $(ls -A out)"
        program "$@" >again.txt 2>&1 || echo "not again: $(cat again.txt)"
    fi
    [ -f right.txt ] || content right >right.txt
    diff right.txt <(content out) >difference.txt || echo "other results: $(cat difference.txt)"
}

@test "inspect, diff and toy" {
    each 0 inspect small.safetensors
    each 1 diff small.safetensors other.safetensors
    each 0 toy --out out
}

@test "predict and eval" {
    each 0 predict --threads 1 --format tsv --out out --model good.safetensors photos/val
    each 0 eval --quiet --threads 1 --model good.safetensors --data photos
}

@test "predict and eval of a run's own photos" {
    program train --quiet --data photos --weights good.safetensors --image-size 32 --epochs 1 --batch-size 3 \
        --freeze-until 9 --cache off --out run >/dev/null
    cp -r photos/. moved
    each 0 eval --quiet --threads 1 --model run
    each 0 eval --quiet --threads 1 --model run --data moved/train
    each 0 predict --threads 1 --format tsv --out out --model run "$(realpath photos)/train"
}

# The text of a page, without its pictures.
words() {
    sed -E 's/<img [^>]*>//g; s/<span class=pic><.span>//g; /^<div class=b>/d' "$1"
}

@test "report: each fault is an error, or the page lacks a picture, or says what it lacks" {
    program train --quiet --no-report --data photos --weights good.safetensors --image-size 32 --epochs 2 --batch-size 3 \
        --freeze-until 9 --cache off --out run >/dev/null
    local kind n all every failures=0
    for kind in memory files; do
        every=$([ $kind = memory ] && echo 1 || echo 7)
        faulty $kind 0 report --out out run
        [ "$status" = 0 ]
        mv out right
        all=$calls
        for ((n = 1; n <= all; n += every)); do
            faulty $kind $n report --out out run
            if [ "$status" = 0 ]; then
                grep -q '<p class=alert>Without ' out || diff <(words right) <(words out)
            else
                failures=$((failures + 1))
                [[ $status =~ ^(65|66|71|73|74)$ ]]
                [ "$(grep -c '^freezetune report: ' stderr.txt)" = 1 ]
                [ ! -e out ] || cmp out right
            fi
        done
    done
    [ "$failures" -gt 100 ]
}

@test "eval that calibrates and looks at strangers" {
    cp good.safetensors model.safetensors
    cp -r photos/train strangers
    each 0 eval --quiet --threads 1 --model model.safetensors --data photos --calibrate --logits out
    program diff good.safetensors model.safetensors
    each 0 eval --quiet --threads 1 --model model.safetensors --data photos --strangers strangers
    each 0 predict --threads 1 --format tsv --model model.safetensors --coverage 0.5 photos/val
}

@test "convert" {
    program convert good.safetensors in.pth 2>/dev/null
    each 0 convert good.safetensors out.pth
    each 0 convert in.pth out.safetensors
    each 0 convert good.safetensors out.onnx
}

@test "convert to a folder" {
    each 0 convert --format hf good.safetensors out
}

@test "cache" {
    "$BUILD/tests/tools/feature_writer" fill cache 2
    each 0 cache list --cache-dir cache --format csv
    cp -r cache kept
    faulty files 0 cache clear --cache-dir cache
    [ "$status" = 0 ]
    all=$calls failures=0
    for n in $(seq "$all"); do
        rm -rf cache
        cp -r kept cache
        faulty files "$n" cache clear --cache-dir cache
        [[ $status =~ ^(0|65|66|74)$ ]]
        [ "$status" = 0 ] || failures=$((failures + 1))
        [ -z "$(ls cache)" ] || [ "$status" != 0 ]
    done
    [ "$failures" -gt 2 ]
}

# Of a training with a cache on disk
options() {
    common=(--quiet --no-report --threads 1 --loader-threads 1 --data photos --weights good.safetensors --image-size 32 --epochs 2
        --batch-size 3 --augment none --cache-dir cache --out out --json)
}

@test "train" {
    options
    also=goes_on
    each 0 train --tensorboard "${common[@]}"
}

@test "sweep" {
    options
    each 0 sweep "${common[@]}" --freeze-until 9 --epochs 1
}
