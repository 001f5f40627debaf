#!/usr/bin/env bats
# Few open files are allowed (ulimit -n), or a call of the system fails for a moment: no photo is lost for that.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 20 6 64 1
    "$BUILD/tests/tools/make_model" m.safetensors 32 class0 class1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos model=$BATS_FILE_TMPDIR/m.safetensors
    run=(train --data "$photos" --weights "$model" --image-size 32 --freeze-until 8 --epochs 1 --batch-size 4
        --augment none --loader-threads 16 --cache-dir cache)
}

# with_limit N COMMAND...: what bats has open beside the standard streams is closed.
with_limit() (
    exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    ulimit -n "$1" || exit 99
    shift
    exec "$@"
)

@test "train with 16 loader threads and few descriptors: the same bytes, and nothing is tried in vain" {
    "$FREEZETUNE" "${run[@]}" --out many >/dev/null 2>&1
    run_split with_limit 12 "$FREEZETUNE" "${run[@]}" --cache-dir other --out few
    [ "$status" = 0 ]
    cmp many/best.safetensors few/best.safetensors
    [ "$(wc -l <few/bad_images.tsv)" = 1 ]
    command -v strace >/dev/null || skip "no strace to count calls with"
    strace -f -o trace.txt true || skip "strace is not allowed here"
    strace -f -e trace=openat,dup,socket,pipe2 -o trace.txt bash -c \
        'exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n 12 && exec "$@"' - \
        "$FREEZETUNE" "${run[@]}" --cache-dir third --out traced >/dev/null 2>&1
    grep -q openat trace.txt
    if grep EMFILE trace.txt; then return 1; fi
}

@test "predict and eval with few descriptors answer the same" {
    "$FREEZETUNE" predict --threads 16 --format tsv --model "$model" "$photos/val" >many.tsv
    with_limit 12 "$FREEZETUNE" predict --threads 16 --format tsv --model "$model" "$photos/val" | cmp - many.tsv
    "$FREEZETUNE" eval --threads 16 --model "$model" --data "$photos" --json >many.json
    with_limit 12 "$FREEZETUNE" eval --threads 16 --model "$model" --data "$photos" --json | cmp - many.json
}

@test "too few descriptors: 71 before anything is made, with the number that is needed" {
    run_split with_limit 7 "$FREEZETUNE" "${run[@]}" --out run
    [ "$status" = 71 ]
    [[ $err =~ "files may be open at once".*"raise it to "([0-9]+)" or more" ]]
    [ ! -e run ]
    run_split with_limit "${BASH_REMATCH[1]}" "$FREEZETUNE" "${run[@]}" --cache off --out run
    [ "$status" = 0 ]
}

@test "a soft limit is raised" {
    run_split bash -c 'ulimit -Sn 7 && exec "$@"' - "$FREEZETUNE" "${run[@]}" --out run
    [ "$status" = 0 ]
    [ "$(wc -l <run/bad_images.tsv)" = 1 ]
}

# injected CALL ERROR WHEN: predict with calls about a photo failing. Sets $status.
injected() {
    run_split strace -f -o trace.txt -e "trace=$1" -e "inject=$1:error=$2:when=$3" -P in/a.bmp \
        "$FREEZETUNE" predict --model "$model" --format tsv --top-k 1 in
    grep -q INJECTED trace.txt
}

@test "a disk or a share that hiccups: tried again, then 74 or 71 and the photo is named" {
    command -v strace >/dev/null || skip "no strace to let calls fail with"
    strace -f -o trace.txt true || skip "strace is not allowed here"
    mkdir in
    cp "$photos/val/class0/01.bmp" in/a.bmp
    cp "$photos/val/class1/01.bmp" in/b.bmp
    "$FREEZETUNE" predict --model "$model" --format tsv --top-k 1 in >whole.tsv
    for error in EMFILE ENFILE ENOMEM EIO ESTALE EINTR EAGAIN; do
        injected openat $error 1..2
        [ "$status" = 0 ]
        cmp stdout.txt whole.tsv
    done
    for row in "EIO 74" "ESTALE 74" "EMFILE 71" "ENOMEM 71"; do
        read -r error code <<<"$row"
        injected openat "$error" 1+
        [ "$status" = "$code" ]
        grep -q 'in/a.bmp: ' stderr.txt
    done
    mkdir -p by/class0 by/class1
    cp in/a.bmp by/class0
    cp in/b.bmp by/class1
    run_split strace -f -o trace.txt -e trace=openat -e inject=openat:error=EIO:when=1+ -P by/class0/a.bmp \
        "$FREEZETUNE" eval --model "$model" --data by
    [ "$status" = 74 ]
    [[ $err == *'1 of 2 photos could not be read, 1 of them because the disk failed; the others are measured; try again' ]]
}
