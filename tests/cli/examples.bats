#!/usr/bin/env bats
# examples/: each does what it says, where what it is for is installed. The one for Slurm is in batches.bats, and under a
# Slurm of its own in `make check-slurm`.

load common
narrow

examples=$BATS_TEST_DIRNAME/../../examples
options=(--data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --epochs 2 --batch-size 6
    --freeze-until "6,7" --lr "0.01,0.001")

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    "$FREEZETUNE" sweep --quiet "${options[@]}" --out whole >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache FREEZETUNE
    unset MAKEFLAGS MFLAGS MAKELEVEL
}

# same_as_whole: s/ is the sweep that one process made, but for times and for the memory, which depends on the threads.
same_as_whole() {
    cmp <(cut -d, -f1-13,16- s/sweep.csv) <(cut -d, -f1-13,16- "$BATS_FILE_TMPDIR/whole/sweep.csv")
    cmp s/reproduce.sh "$BATS_FILE_TMPDIR/whole/reproduce.sh"
    for file in s/*/best.safetensors; do
        cmp "$file" "$BATS_FILE_TMPDIR/whole/${file#s/}"
    done
}

@test "sweep.mk: make trains the combinations, and goes on where one was missing" {
    make -f "$examples/sweep.mk" -j 2 SWEEP=s OPTIONS="${options[*]}" >out.txt
    same_as_whole
    grep -q '^choose ' out.txt
    rm -r s/7-0.01 s/sweep.csv s/reproduce.sh
    make -f "$examples/sweep.mk" -j 2 SWEEP=s OPTIONS="${options[*]}" >out.txt
    same_as_whole
    run make -f "$examples/sweep.mk" -j 2 SWEEP=no OPTIONS="--lr x"
    [ "$status" != 0 ] && [[ $output == *"--list made no list"* ]]
}

@test "parallel-sweep.sh: GNU parallel trains what is not done" {
    parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "GNU parallel is not installed"
    mkdir home
    HOME=$PWD/home sh "$examples/parallel-sweep.sh" s "${options[@]}" >out.txt
    same_as_whole
    grep -q '^choose ' out.txt
    rm -r s/7-0.01 s/sweep.csv s/reproduce.sh
    HOME=$PWD/home JOBS=1 sh "$examples/parallel-sweep.sh" s "${options[@]}" >out.txt
    same_as_whole
}

@test "freezetune-train@.service: its command trains, resumes and stops with a code that it takes for success" {
    unit=$examples/freezetune-train@.service
    mkdir -p home/freezetune
    cd home/freezetune
    echo "OPTIONS=${options[*]:0:12} --epochs 100000 --freeze-until 7 --lr 0.01" >birds.env
    line=$(sed -n 's/^ExecStart=freezetune //p' "$unit")
    [ -n "$line" ]
    read -r -a words <<<"$(sed 's/^OPTIONS=//' birds.env)"
    read -r -a command <<<"${line//%i/birds}"
    start=()
    for word in "${command[@]}"; do
        # shellcheck disable=SC2016 # systemd's variable
        if [ "$word" = '$OPTIONS' ]; then start+=("${words[@]}"); else start+=("$word"); fi
    done
    for _ in first second; do
        before=$(cat birds/log.jsonl 2>/dev/null | wc -l)
        "$FREEZETUNE" "${start[@]}" >/dev/null &
        pid=$!
        until [ "$(cat birds/log.jsonl 2>/dev/null | wc -l)" -gt "$before" ] || ! kill -0 $pid; do sleep 0.02; done
        kill -s "$(sed -n 's/^KillSignal=SIG//p' "$unit")" $pid
        status=0
        wait $pid || status=$?
        [ "$status" = "$(sed -n 's/^SuccessExitStatus=//p' "$unit")" ]
    done
}

@test "freezetune-train@.service: systemd finds nothing wrong with it" {
    command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
    mkdir runtime home
    sed "s|^ExecStart=freezetune|ExecStart=$wide_program|" "$examples/freezetune-train@.service" >'freezetune-train@.service'
    run env HOME="$PWD/home" XDG_RUNTIME_DIR="$PWD/runtime" systemd-analyze --user --man=no verify "$PWD/freezetune-train@.service"
    [ "$status" = 0 ] && [ -z "$output" ]
    sed -i 's/^KillSignal=.*/KillSignal=SIGNOTHING/' 'freezetune-train@.service'
    run env HOME="$PWD/home" XDG_RUNTIME_DIR="$PWD/runtime" systemd-analyze --user --man=no verify "$PWD/freezetune-train@.service"
    [[ $output == *"SIGNOTHING"* ]] # or it looks at nothing
}
