#!/usr/bin/env bats
# A sweep whose combinations are trained by processes of their own, and SIGUSR1, by which job managers ask to save.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    mkdir whole
    cd whole || return
    "$FREEZETUNE" sweep --quiet "${options[@]}" --out s >out.txt
}

# The six combinations.
options=(--data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --epochs 3 --batch-size 6
    --freeze-until "6,7,8" --lr "0.01,0.001" --threads 1)

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    whole=$BATS_FILE_TMPDIR/whole
}

# timeless: a table as it is printed, without the time of an epoch.
timeless() {
    sed -E 's/ +(under )?[0-9.]+ (ms|s) / TIME /; s/^freeze .*/TITLES/'
}

# same_as_whole: s/ and out.txt of this folder hold what one process made: all but times and the page's pictures of them.
same_as_whole() {
    local file
    cmp <(timeless <out.txt) <(timeless <"$whole/out.txt")
    cmp <(cut -d, -f1-13,15- s/sweep.csv) <(cut -d, -f1-13,15- "$whole/s/sweep.csv")
    cmp s/reproduce.sh "$whole/s/reproduce.sh"
    cmp s/config.json "$whole/s/config.json"
    [ "$(cd s && find . -type f | sort)" = "$(cd "$whole/s" && find . -type f | sort)" ]
    for file in s/*/best.safetensors; do
        cmp "$file" "$whole/$file"
    done
    cmp <(figures s/report.html) <(figures "$whole/s/report.html")
}

# figures PAGE: its data, without times.
figures() {
    sed -n 's/.*<script type="application\/json" id="data">//p' "$1" | sed -E 's/"seconds_per_epoch": ?[0-9.e-]+//g'
}

@test "six combinations by two processes at a time are the sweep of one" {
    [ -n "$(figures "$whole/s/report.html")" ]
    "$FREEZETUNE" sweep --quiet "${options[@]}" --list --out s >list
    [ "$(tr '\t\n' ' ;' <list)" = "1 6-0.01 missing;2 6-0.001 missing;3 7-0.01 missing;4 7-0.001 missing;5 8-0.01 missing;6 8-0.001 missing;" ]
    [ "$(cd s && echo ./*)" = "./config.json ./photos.bin" ]
    cut -f 1 list | xargs -P 2 -n 1 "$FREEZETUNE" sweep --quiet --resume s --run
    [ ! -e s/sweep.csv ]
    "$FREEZETUNE" sweep --quiet --resume s --finish >out.txt
    same_as_whole
}

@test "kill -9 of one: --finish names what is missing, the rest goes on and the killed one too" {
    "$FREEZETUNE" sweep --quiet "${options[@]}" --list --out s >/dev/null
    "$FREEZETUNE" sweep --quiet --resume s --run 1
    "$FREEZETUNE" sweep --quiet --resume s --run 4 --save-every 0.0001 >/dev/null 2>&1 &
    pid=$!
    until [ -s s/7-0.001/log.jsonl ] || ! kill -0 $pid; do sleep 0.005; done
    kill -9 $pid || true
    wait $pid || true
    rm -f s/7-0.001/result.json # of a machine that was faster
    "$FREEZETUNE" sweep --quiet --resume s --run 5
    run_split "$FREEZETUNE" sweep --quiet --resume s --finish
    [ "$status" = 1 ]
    grep -qx 'missing  4 of 6 combinations' stdout.txt
    grep -q '^choose ' stdout.txt
    [[ $err == *'s: 4 of 6 combinations are missing: 2 6-0.001 (missing), 3 7-0.01 (missing), 4 7-0.001 (stopped), 6 8-0.001 (missing);'*'sweep --resume s --run 2' ]]
    "$FREEZETUNE" sweep --quiet --resume s --list | awk '$3 != "done" { print $1 }' |
        xargs -P 2 -n 1 "$FREEZETUNE" sweep --quiet --resume s --run
    "$FREEZETUNE" sweep --quiet --resume s --finish >out.txt
    same_as_whole
}

@test "one combination is one process's, and a whole sweep does not go on beside it" {
    "$FREEZETUNE" sweep --quiet "${options[@]}" --epochs 100000 --patience 0 --list --out s >/dev/null
    "$FREEZETUNE" sweep --quiet --resume s --run 5 >/dev/null 2>aside.txt &
    pid=$!
    until [ -s s/8-0.01/log.jsonl ] || ! kill -0 $pid; do sleep 0.02; done
    fails 73 's/8-0.01: another freezetune is running there' "$FREEZETUNE" sweep --quiet --resume s --run 5
    fails 73 's: another freezetune is running there' "$FREEZETUNE" sweep --quiet --resume s
    "$FREEZETUNE" sweep --quiet --resume s --list | grep -qx "$(printf '5\t8-0.01\trunning')"
    kill -USR1 $pid
    status=0
    wait $pid || status=$?
    [ "$status" = 75 ] && [ ! -s aside.txt ]
    [ -s s/8-0.01/last.safetensors ]
    "$FREEZETUNE" sweep --quiet --resume s --list | grep -qx "$(printf '5\t8-0.01\tstopped')"
}

@test "SIGUSR1 saves and ends with 75; the run goes on to the same bytes" {
    train=(train --data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --batch-size 6
        --freeze-until 7 --epochs 200 --keep-last --cache off)
    "$FREEZETUNE" "${train[@]}" --quiet --out whole >/dev/null
    "$FREEZETUNE" "${train[@]}" --out part >/dev/null 2>stderr.txt &
    pid=$!
    until [ -s part/log.jsonl ] || ! kill -0 $pid; do sleep 0.02; done
    kill -USR1 $pid
    status=0
    wait $pid || status=$?
    [ "$status" = 75 ]
    grep -q '^stopped in epoch .*; continue with: freezetune train --resume part$' stderr.txt
    [ -s part/last.safetensors ]
    "$FREEZETUNE" train --quiet --resume part >/dev/null
    cmp whole/last.safetensors part/last.safetensors
    cmp whole/best.safetensors part/best.safetensors
}

@test "--time-limit job saves two minutes before the end of the Slurm job and ends with 75" {
    job=(train --data "$BATS_FILE_TMPDIR/photos" --weights random --arch resnet18 --image-size 32 --batch-size 6
        --freeze-until 7 --epochs 100000 --cache off --time-limit job)
    status=0
    SLURM_JOB_END_TIME=$(($(date +%s) + 122)) "$FREEZETUNE" "${job[@]}" --out part >/dev/null 2>stderr.txt || status=$?
    [ "$status" = 75 ]
    grep -q '^stopped in epoch .*; continue with: freezetune train --resume part$' stderr.txt
    [ -s part/last.safetensors ]
    grep -q '"time-limit": 0,' part/config.json
    status=0
    SLURM_JOB_END_TIME=$(($(date +%s) + 122)) "$FREEZETUNE" sweep --quiet "${options[@]}" --epochs 100000 --patience 0 \
        --time-limit job --out s >table.txt || status=$?
    [ "$status" = 75 ] && grep -q '^missing ' table.txt
}

@test "--time-limit job says what it misses" {
    fails 64 '--time-limit job: SLURM_JOB_END_TIME is not set.*--time-limit MINUTES' env -u SLURM_JOB_END_TIME "$FREEZETUNE" train --time-limit job
    fails 64 "SLURM_JOB_END_TIME is 'tomorrow', not seconds" env SLURM_JOB_END_TIME=tomorrow "$FREEZETUNE" sweep --time-limit job
    fails 64 'the job ends in 0 seconds, and the last 120 are kept' env SLURM_JOB_END_TIME=1000 "$FREEZETUNE" train --time-limit job
    fails 64 '--time-limit jobs: not a number' "$FREEZETUNE" train --time-limit jobs
}

@test "what makes no sense of --list, --run and --finish is refused" {
    fails 64 'give one of them' "$FREEZETUNE" sweep --list --finish
    fails 64 '--run needs --resume SWEEP' "$FREEZETUNE" sweep --run 1
    fails 64 '--finish needs --resume SWEEP' "$FREEZETUNE" sweep --finish
    fails 64 '--json cannot be combined with --run' "$FREEZETUNE" sweep --resume "$whole/s" --run 1 --json
    fails 64 '--format cannot be combined with --list' "$FREEZETUNE" sweep --list --format csv
    fails 64 '--run 7: there are 6 combinations' "$FREEZETUNE" sweep --quiet --resume "$whole/s" --run 7
}

@test "the example for Slurm is a script that shells read" {
    sh -n "$BATS_TEST_DIRNAME/../../examples/slurm-train.sh"
    bash -n "$BATS_TEST_DIRNAME/../../examples/slurm-train.sh"
    grep -q '^#SBATCH --signal=B:USR1@120 --requeue ' "$BATS_TEST_DIRNAME/../../examples/slurm-train.sh"
}

@test "a job of that script saves when its time is over, is put back and goes on" {
    mkdir bin
    printf '#!/bin/sh\necho "$@" >>requeued\n' >bin/scontrol
    chmod +x bin/scontrol
    job() {
        exec env PATH="$PWD/bin:$PATH" SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=3 FREEZETUNE="$FREEZETUNE" \
            sh "$BATS_TEST_DIRNAME/../../examples/slurm-train.sh" "${options[@]:0:12}" --freeze-until 7 --epochs 300 --cache off
    }
    (job) >job.txt 2>&1 &
    pid=$!
    until [ -s run-3/log.jsonl ] || ! kill -0 $pid; do sleep 0.01; done
    kill -USR1 $pid
    wait $pid || true
    grep -qx 'requeue 6_3' requeued
    (job) >>job.txt
    [ "$(grep -c 'exit code' job.txt)" = 2 ]
    tail -n 1 job.txt | grep -qx 'job 7: exit code 0'
    [ -s run-3/result.json ]
}
