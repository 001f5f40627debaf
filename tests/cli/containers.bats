#!/usr/bin/env bats
# Limits of containers and job managers, in a real control group where root may make one: threads and memory.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    groups=()
    unset SLURM_CPUS_PER_TASK
    # within COMMAND...: in the group. A program, so that a job in the background is the command itself.
    # shellcheck disable=SC2016 # the program's own
    printf '#!/bin/sh\necho $$ >"$group/cgroup.procs" && exec "$@"\n' >within
    chmod +x within
    export group
}

teardown() {
    [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
    [ -z "${pid:-}" ] || wait "$pid" 2>/dev/null || true
    for group in "${groups[@]}"; do
        for _ in $(seq 50); do
            rmdir "$group" 2>/dev/null && break
            sleep 0.1
        done
    done
    tell_failure
}

# group CONTROLLER: a new group of that controller (cpu, memory), its folder in $group and its version in $version; or skip.
group() {
    [ "$(id -u)" = 0 ] || skip "needs root to make a control group"
    local top name=freezetune-test-$$-$BATS_TEST_NUMBER
    version=1
    top=$(awk -v want="$1" '{ n = split($NF, parts, ","); for (i = 1; i <= n; i++)
        if ($(NF - 2) == "cgroup" && parts[i] == want) { print $5; exit } }' /proc/self/mountinfo)
    if [ -z "$top" ]; then
        version=2
        top=$(awk '$(NF - 2) == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
        [ -n "$top" ] || skip "no control groups are mounted"
        grep -qw "$1" "$top/cgroup.controllers" || skip "the control groups here have no $1 controller"
        grep -qw "$1" "$top/cgroup.subtree_control" || { echo "+$1" >"$top/cgroup.subtree_control"; } 2>/dev/null ||
            skip "the $1 controller cannot be turned on here"
    fi
    group=$top/$name
    mkdir "$group" 2>/dev/null || skip "no control group can be made here"
    groups+=("$group")
}

# quota PERCENT: a group with so much of a processor.
quota() {
    group cpu
    if [ $version = 1 ]; then
        echo 100000 >"$group/cpu.cfs_period_us"
        echo $(($1 * 1000)) >"$group/cpu.cfs_quota_us"
    else
        echo "$(($1 * 1000)) 100000" >"$group/cpu.max"
    fi
}

# memory MEGABYTES: a group with so much memory.
memory() {
    group memory
    if [ $version = 1 ]; then
        echo $(($1 * 1000000)) >"$group/memory.limit_in_bytes"
    else
        echo $(($1 * 1000000)) >"$group/memory.max"
    fi
}

train=(train --weights random --arch resnet18 --image-size 32 --batch-size 4 --freeze-until 9 --cache off --no-report)

# tasks_of COMMAND...: how many threads it has once it trains, in $tasks.
tasks_of() {
    rm -rf run
    "$@" --data "$photos" --epochs 100000 --out run >/dev/null 2>stderr.txt &
    pid=$!
    for _ in $(seq 600); do
        [ ! -s run/log.jsonl ] || break
        sleep 0.05
    done
    [ -s run/log.jsonl ]
    tasks=$(ls "/proc/$pid/task" | wc -l)
    kill -9 $pid
    wait $pid || true
    pid=
}

@test "a quota of one processor: one thread, and the plan says why" {
    [ "$(nproc)" -ge 2 ] || skip "this machine has one processor"
    tasks_of "$FREEZETUNE" "${train[@]}" --threads 1 --loader-threads 1
    one=$tasks
    tasks_of "$FREEZETUNE" "${train[@]}" --threads 2 --loader-threads 1
    [ "$tasks" = $((one + 1)) ]
    quota 100
    tasks_of ./within "$FREEZETUNE" "${train[@]}" --loader-threads 1
    [ "$tasks" = "$one" ]
    run_split ./within "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run
    [ "$status" = 0 ]
    grep -qE "^threads 1 of [0-9]+ processors: the control group's quota is 1 \(/.*/cpu\.(max|cfs_quota_us)\)$" stdout.txt
    # A group above it holds as well; what is asked for by name is done.
    local above=$group
    group=$group/inner
    mkdir "$group"
    groups=("$group" "$above")
    run_split ./within "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run
    grep -q '^threads 1 of ' stdout.txt
    run_split ./within "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run --threads 2
    [ "$status" = 0 ]
    absent '^threads'
}

@test "a quota of one and a half processors: two threads" {
    [ "$(nproc)" = 2 ] || skip "for a machine with two processors"
    quota 150
    run_split ./within "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run
    [ "$status" = 0 ]
    absent '^threads'
}

@test "SLURM_CPUS_PER_TASK and the affinity mask: the least counts, the plan says which" {
    [ "$(nproc)" -ge 2 ] || skip "this machine has one processor"
    SLURM_CPUS_PER_TASK=1 "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run >stdout.txt
    grep -qE '^threads 1 of [0-9]+ processors: SLURM_CPUS_PER_TASK is 1$' stdout.txt
    SLURM_CPUS_PER_TASK=nonsense "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run >stdout.txt
    absent 'SLURM'
    taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run >stdout.txt
    grep -qE '^threads 1 of [0-9]+ processors: the affinity mask of this process has no more$' stdout.txt
    SLURM_CPUS_PER_TASK=1 "$FREEZETUNE" "${train[@]}" --data "$photos" --dry-run --json | grep -q '"threads": 1,'
}

@test "less memory than the plan: 71 in one line before the first step, in each command that trains" {
    memory 120
    fails 71 'training takes [0-9.]+ MB of memory, and the control group allows 120 MB \(/.*/memory\.(max|limit_in_bytes)\): choose' \
        ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --out run --batch-size 8 --freeze-until 0
    [ ! -e run ]
    fails 71 'training takes' ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --batch-size 8 --freeze-until 0 --dry-run
    fails 71 'training takes' ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --batch-size 8 --freeze-until 0 \
        --lr find --out run
    fails 71 'training takes' ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos/train" --folds 2 --batch-size 4 \
        --freeze-until 0 --out run
    fails 71 'training takes' ./within "$FREEZETUNE" sweep --quiet --data "$photos" --weights random --arch resnet18 \
        --image-size 32 --batch-size 4 --freeze-until 0,9 --epochs 1 --lr 0.01 --cache off --out run
    [ ! -e run ]
    # What fits trains.
    ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --epochs 1 --out run >stdout.txt
    [ -s run/best.safetensors ]
}

@test "less memory than the weights alone: 71 in one line" {
    memory 40
    fails 71 "not enough memory for the network's parameters: [0-9.]+ MB are needed, and the control group's limit leaves" \
        ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --out run
    fails 71 'control group' ./within "$FREEZETUNE" "${train[@]}" --quiet --data "$photos" --arch resnet50 --out run
    [ ! -e run ]
}
