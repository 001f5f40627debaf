#!/usr/bin/env bats
# --resume-or-start: one command line for a job that may have been here before.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    "$FREEZETUNE" train --quiet "${options[@]}" --out whole >/dev/null
}

options=(--data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --epochs 30 --batch-size 6
    --freeze-until layer3 --lr 0.01 --seed 3 --cache off --save-every 0.00001)

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    job=("$FREEZETUNE" train "${options[@]}" --resume-or-start run)
}

# whole: the run is the one that nobody stopped.
whole() {
    cmp run/best.safetensors "$BATS_FILE_TMPDIR/whole/best.safetensors"
    cmp <(grep -v '"seconds\|"state"' run/result.json) <(grep -v '"seconds\|"state"' "$BATS_FILE_TMPDIR/whole/result.json")
    cmp run/config.json "$BATS_FILE_TMPDIR/whole/config.json"
}

@test "a job that is killed at any moment and started again by the same line comes to the same bytes" {
    local kills=0 code wait
    for wait in 0.005 0.01 0.02 0.03 0.04 0.06 0.08 0.1 0.15 0.2; do
        code=0
        "${job[@]}" --quiet >/dev/null 2>stderr.txt &
        pid=$!
        sleep "$wait"
        kill -9 $pid || true
        wait $pid || code=$?
        [ "$code" = 0 ] || [ "$code" = 137 ]
        kills=$((kills + (code == 137)))
    done
    [ "$kills" -gt 3 ]
    "${job[@]}" --quiet >/dev/null
    whole
}

@test "SIGUSR1 ends it with 75, the next goes on, and one that is over says so with 0" {
    "${job[@]}" >/dev/null 2>stderr.txt &
    pid=$!
    until [ -s run/log.jsonl ] || ! kill -0 $pid; do sleep 0.01; done
    kill -USR1 $pid || true
    status=0
    wait $pid || status=$?
    [ "$status" = 75 ] && [ ! -e run/result.json ]
    run_split "${job[@]}"
    [ "$status" = 0 ] && grep -q '^continues in epoch ' stderr.txt
    whole
    sum=$(sha256sum run/best.safetensors run/result.json)
    run_split "${job[@]}"
    [ "$status" = 0 ] && grep -qx 'the run is over: nothing is left to train' stderr.txt
    [ "$sum" = "$(sha256sum run/best.safetensors run/result.json)" ]
}

@test "what a kill leaves before the run has begun is started in, what is no run is not" {
    mkdir run
    : >run/.lock
    : >run/config.json.abc123.part
    "${job[@]}" --quiet >/dev/null || { ls -A run; false; }
    whole
    mkdir full
    : >full/notes.txt
    fails 73 'full: is not empty' "$FREEZETUNE" train --quiet "${options[@]}" --resume-or-start full
    [ "$(ls -A full)" = notes.txt ]
    mkdir other
    echo '{"architectures": ["ResNet"]}' >other/config.json
    fails 65 'other/config.json: is not the config.json of a run' "$FREEZETUNE" train --quiet "${options[@]}" --resume-or-start other
}

@test "options must be those of the run; what does not change the result may differ" {
    cp -r "$BATS_FILE_TMPDIR/whole" run
    fails 64 '--lr is not what run was started with, and cannot be changed when a run is resumed' "${job[@]}" --lr 0.02
    fails 64 '--freeze-until is not what run was started with' "${job[@]}" --freeze-until layer2
    fails 64 '--nesterov is not what run was started with' "${job[@]}" --nesterov
    fails 64 '--unfreeze-at is not what run was started with' "${job[@]}" --unfreeze-at 2:5
    fails 64 '--optimizer is not what run was started with' "${job[@]}" --optimizer adam
    fails 64 '--folds is not what run was started with' "${job[@]}" --folds 2
    "${job[@]}" --quiet --freeze-until 7 --threads 1 --time-limit 5 --no-report --optimizer sgd >/dev/null
    "$FREEZETUNE" train --quiet --resume-or-start run >/dev/null
    "$FREEZETUNE" train --quiet --options run --seed 3 --resume-or-start run >/dev/null
    fails 64 '--resume-or-start names the run: it cannot be combined with --out' "${job[@]}" --out b
    fails 64 'cannot be combined with --resume' "${job[@]}" --resume run
    fails 64 'run: was created by train|--resume run: was created by train' "$FREEZETUNE" sweep --quiet --resume-or-start run
}

@test "--lr find and --folds count, too" {
    find=("$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos/train" --weights random --arch resnet18 --image-size 32
        --epochs 1 --batch-size 6 --freeze-until 9)
    "${find[@]}" --val-split 0.3 --lr find --resume-or-start a >/dev/null
    "${find[@]}" --val-split 0.3 --lr find --resume-or-start a >/dev/null
    "${find[@]}" --folds 2 --resume-or-start b >/dev/null
    sum=$(sha256sum b/*/best.safetensors)
    "${find[@]}" --folds 2 --resume-or-start b >/dev/null
    [ "$sum" = "$(sha256sum b/*/best.safetensors)" ]
    fails 64 '--lr is not what b was started with' "${find[@]}" --folds 2 --lr 0.3 --resume-or-start b
}

@test "a sweep is started and resumed by one line, too" {
    sweep=("$FREEZETUNE" sweep --quiet "${options[@]}" --epochs 2 --freeze-until "7,8" --lr "0.01,0.001" --resume-or-start s)
    "${sweep[@]}" --time-limit 0.0000001 >/dev/null
    [ ! -e s/7-0.01/result.json ]
    "${sweep[@]}" --time-limit 0 >/dev/null
    [ "$(echo s/*/result.json | wc -w)" = 4 ]
    "${sweep[@]}" >/dev/null
    "${sweep[@]}" --list | grep -qx "$(printf '4\t8-0.001\tdone')"
    fails 64 '--freeze-until is not what s was started with' "${sweep[@]}" --freeze-until 7..9
}
