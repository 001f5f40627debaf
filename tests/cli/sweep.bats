#!/usr/bin/env bats
# sweep on tiny photos of coloured noise: a ResNet-18 at 32 pixels. The lists and the rule are in tests/unit/cli/test_sweep.c.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    small_weights 1 12
    cp -r photos "it's"
    "$FREEZETUNE" sweep --quiet --data "it's" --weights weights.safetensors --image-size 32 --epochs 2 --batch-size 6 \
        --freeze-until 8,7 --lr 0.01,1e-3 --keep-last --out whole >whole.txt
    # The same, long enough to be stopped in the middle.
    "$FREEZETUNE" sweep --quiet --data "it's" --weights weights.safetensors --image-size 32 --epochs 60 --batch-size 6 \
        --freeze-until 8,7 --lr 0.01,1e-3 --keep-last --out long >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos="$BATS_FILE_TMPDIR/it's"
    weights=$BATS_FILE_TMPDIR/weights.safetensors
    whole=$BATS_FILE_TMPDIR/whole
    unset FREEZETUNE_WEIGHTS
}

# The four combinations of $whole.
sweep() {
    "$FREEZETUNE" sweep --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 2 \
        --batch-size 6 --freeze-until 8,7 --lr 0.01,1e-3 --keep-last "$@"
}

# The same in the background, as $!. (A shell without job control starts those with SIGINT ignored.)
sweep_aside() {
    exec env --default-signal=INT "$FREEZETUNE" sweep --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 2 \
        --batch-size 6 --freeze-until 8,7 --lr 0.01,1e-3 --keep-last "$@" >aside.txt 2>&1
}

# wait_file FILE LINES: until it has so many, in a process that runs aside.
wait_file() {
    for _ in $(seq 1200); do
        if [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; then
            return 0
        fi
        sleep 0.02
    done
    return 1
}

# The same runs and the same table, but for the times and the memory, which depends on the threads.
same_sweep() {
    local run
    for run in 7-0.01 7-0.001 8-0.01 8-0.001; do
        cmp "$1/$run/best.safetensors" "$2/$run/best.safetensors"
        cmp "$1/$run/last.safetensors" "$2/$run/last.safetensors"
    done
    cmp <(cut -d, -f1-13,16- "$1/sweep.csv") <(cut -d, -f1-13,16- "$2/sweep.csv")
}

@test "every combination is a run, freeze points ascending, in a table with a choice" {
    [ "$(cd "$whole" && printf '%s ' *)" = "7-0.001 7-0.01 8-0.001 8-0.01 config.json photos.bin report.html reproduce.sh sweep.csv " ]
    [ "$(cut -d, -f1-4 "$whole/sweep.csv" | tr -d '\r' | tr '\n' ' ')" = \
        "run,freeze_until,lr,state 7-0.01,7,0.01,done 7-0.001,7,0.001,done 8-0.01,8,0.01,done 8-0.001,8,0.001,done " ]
    grep -qE '^ +7 +0.01 +2 +[12] +[0-9.]+ % +[0-9.]+ to [0-9.]+ % +[0-9.]+ % +[0-9,]+ ' "$BATS_FILE_TMPDIR/whole.txt"
    grep -qE '^ +8 +0.001 .* [0-9,]+ ' "$BATS_FILE_TMPDIR/whole.txt"
    grep -q '^choose   ' "$BATS_FILE_TMPDIR/whole.txt"
    grep -q '"command": "sweep"' "$whole/config.json"
    grep -q '"augment": "flip"' "$whole/7-0.01/config.json"
    # Features of a deeper point are made from those of the one before: 18 photos to train on and 12 to validate.
    grep -q '"epoch": 1, .*"computed": 0, "advanced": 30, ' "$whole/8-0.01/log.jsonl"
    grep -q '"epoch": 1, .*"computed": 0, "advanced": 0, ' "$whole/8-0.001/log.jsonl"
}

@test "the command that it writes comes to the same figure and the same bytes" {
    # It finds the program of the series by itself; where that is gone, the one in the PATH.
    sh "$whole/reproduce.sh" --quiet --out again --json >again.json
    mkdir elsewhere
    printf '#!/bin/sh\necho "$2" >>called\n' >elsewhere/freezetune
    chmod +x elsewhere/freezetune
    PATH=$PWD/elsewhere:$PATH sh "$whole/reproduce.sh" --dry-run
    [ ! -e called ]
    sed 's|^program=.*|program=/nowhere/freezetune|' "$whole/reproduce.sh" >moved.sh
    PATH=$PWD/elsewhere:$PATH sh moved.sh
    [ "$(cat called)" = "--data" ]
    chosen=$(grep recommended "$whole/sweep.csv" | cut -d, -f1)
    cmp again/best.safetensors "$whole/$chosen/best.safetensors"
    cmp again/last.safetensors "$whole/$chosen/last.safetensors"
    accuracy=$(sed -n 's/^  "val_accuracy": \(.*\),$/\1/p' again.json)
    [ "$accuracy" = "$(grep "^$chosen," "$whole/sweep.csv" | cut -d, -f8)" ]
    # The terminal shows the same command.
    command=$(sed -n '$s/ "\$@"$//p' "$whole/reproduce.sh")
    grep -qxF "         $command" "$BATS_FILE_TMPDIR/whole.txt"
}

@test "Ctrl-C leaves what is done; --resume goes on to the same bytes" {
    sweep_aside --epochs 60 --out part &
    pid=$!
    wait_file part/7-0.001/log.jsonl 3
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 130 ]
    # On a busy machine it may have come a run further until the signal reaches it.
    [[ "$(cut -d, -f4 part/sweep.csv | tr '\n' ' ')" =~ ^"state "("done ")+("stopped ")?("missing ")*$ ]]
    cp part/7-0.01/last.safetensors kept
    touch -d 2001-01-01 part/7-0.01/last.safetensors
    run_split "$FREEZETUNE" sweep --resume part --quiet --threads 2
    [ "$status" = 0 ]
    [ "$(stat -c %Y part/7-0.01/last.safetensors)" = "$(date -d 2001-01-01 +%s)" ] # not touched again
    cmp kept part/7-0.01/last.safetensors
    same_sweep "$BATS_FILE_TMPDIR/long" part
    # Nothing is left to do: the same table.
    "$FREEZETUNE" sweep --resume part --quiet >again.txt
    cmp stdout.txt again.txt
}

@test "kill -9 at any moment and --resume come to the same bytes" {
    sweep_aside --epochs 60 --out part --save-every 0.0001 &
    pid=$!
    wait_file part/config.json 1
    kill -9 "$pid"
    wait "$pid" || true
    for log in 7-0.01/log.jsonl:2 7-0.01/metrics.csv:3 8-0.01/log.jsonl:4; do
        "$FREEZETUNE" sweep --resume part --quiet >/dev/null 2>&1 &
        pid=$!
        wait_file "part/${log%:*}" "${log#*:}"
        sleep "0.0$((RANDOM % 100))"
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    "$FREEZETUNE" sweep --resume part --quiet >/dev/null
    same_sweep "$BATS_FILE_TMPDIR/long" part
    [ -z "$(find part -name '*.part')" ]
}

@test "a table that a kill left behind the last run is written by --resume" {
    cp -r "$whole" part
    sed -i 's/^8-0.001,.*/8-0.001,8,0.001,missing,,,,,,,,,,,,,,,/' part/sweep.csv
    rm part/reproduce.sh
    "$FREEZETUNE" sweep --resume part --quiet >/dev/null
    same_sweep "$whole" part
    cmp part/reproduce.sh "$whole/reproduce.sh"
}

@test "what killed processes leave half-made is no obstacle" {
    cp -r "$whole" part
    rm -r part/8-0.001
    mkdir part/8-0.001
    touch part/8-0.001/config.json.abcdef.part part/sweep.csv.abcdef.part
    rm part/7-0.001/result.json # as if killed just before the end
    "$FREEZETUNE" sweep --resume part --quiet >/dev/null
    same_sweep "$whole" part
    [ -z "$(find part -name '*.part')" ]
}

@test "each combination keeps its best model alone, also where it diverges, and --resume finds it done" {
    run_split "$FREEZETUNE" sweep --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 2 \
        --batch-size 6 --freeze-until 8,7 --lr 0.01,1e6 --augment none --out lean
    [ "$status" = 0 ]
    [ -z "$(find lean -name last.safetensors)" ]
    [ -e lean/8-0.01/best.safetensors ]
    [ -e lean/7-0.01/best.safetensors ]
    cp stdout.txt first.txt
    "$FREEZETUNE" sweep --resume lean --quiet >again.txt
    cmp first.txt again.txt
    "$FREEZETUNE" train --resume lean/8-0.01 --quiet | grep -q '^frozen: children 1-8 '
    fails 65 'lean/7-1000000: diverged after 0 epochs and is over' "$FREEZETUNE" train --resume lean/7-1000000 --quiet
}

@test "the time that all combinations take is said before the first and after each epoch" {
    run_split "$FREEZETUNE" sweep --data "$photos" --weights "$weights" --image-size 32 --epochs 2 --batch-size 6 \
        --freeze-until 8,7 --lr 0.01,1e-3 --out told
    [ "$status" = 0 ]
    grep -qE '^time: at most (under )?[0-9.]+ s for 4 runs$' stderr.txt
    grep -qE '^disk: up to [0-9.]+ MB while it runs, [0-9.]+ MB when it is over; .* are free in told$' stderr.txt
    [ "$(grep -cE '^run [1-4] of 4: told/[78]-0.0+1; (about|under) .* left for all$' stderr.txt)" = 4 ]
    # Behind the last epoch of a run there are only the others, behind that of the last one nothing.
    [ "$(grep -cE '^epoch 1/2 .* at most .* left, (about|under) .* for all runs$' stderr.txt)" = 3 ]
    [ "$(grep -cE '^epoch 2/2 .* for all runs$' stderr.txt)" = 3 ]
}

@test "a combination that cannot be is refused before the others are trained" {
    fails 64 'N must be below 8' sweep --freeze-until 9,8 --unfreeze-at 2:8 --out no
    [ ! -e no ]
}

@test "--time-limit ends the run at work and begins no other; the table says what is missing" {
    run_split sweep --out part --epochs 100000 --patience 0 --time-limit 0.02
    [ "$status" = 0 ]
    grep -qE '^ +7 +0.01 +stopped *$' stdout.txt
    [ "$(grep -cE '^ +[78] +0.0+1 +missing *$' stdout.txt)" = 3 ]
    grep -q '^missing  4 of 4 combinations$' stdout.txt
    [ -e part/7-0.01/last.safetensors ]
    [ ! -e part/7-0.001 ]
    run_split "$FREEZETUNE" sweep --resume part --time-limit 0.01
    [ "$status" = 0 ]
    grep -q '^stopped with 4 of 4 runs to do; continue with: freezetune sweep --resume part$' stderr.txt
}

@test "where no rate is named the new last layer learns ten times as fast, in what is resumed too" {
    cp -r "$photos" others
    mv others/train/class0 others/train/other
    mv others/val/class0 others/val/other
    open=(--quiet --data others --weights "$weights" --image-size 32 --epochs 2 --batch-size 6 --freeze-until "7,8")
    "$FREEZETUNE" sweep "${open[@]}" --out whole >/dev/null
    "$FREEZETUNE" sweep "${open[@]}" --out part --time-limit 0.000001 >/dev/null
    "$FREEZETUNE" sweep --quiet --resume part --time-limit 0 >/dev/null
    grep -q -- ' --head-lr-mult 10 ' whole/reproduce.sh
    sh whole/reproduce.sh --quiet --out again >/dev/null
    chosen=$(grep recommended whole/sweep.csv | cut -d, -f1)
    cmp again/best.safetensors "whole/$chosen/best.safetensors"
    for run in 7-0.003 8-0.003; do
        grep -q '"head-lr-mult": 10,' part/$run/config.json
        cmp whole/$run/best.safetensors part/$run/best.safetensors
    done
}

@test "a combination that diverges is one of the results; all of them are an error" {
    run_split sweep --freeze-until 7 --lr 1e6,0.001 --augment none --epochs 1 --out part
    [ "$status" = 0 ]
    grep -qE '^ +7 +1000000 +diverged$' stdout.txt
    grep -qE '^ +7 +0.001 .* best, choose$' stdout.txt
    run_split sweep --freeze-until 7 --lr 1e6 --augment none --epochs 1 --out all
    [ "$status" = 78 ]
    grep -q 'every combination diverged: lower --lr' stderr.txt
    [ ! -e all/reproduce.sh ]
}

@test "freeze points that are one training run once, and it is said" {
    run_split "$FREEZETUNE" sweep --data "$photos" --weights "$weights" --image-size 32 --freeze-until 2..4,8,9 --lr 0.001 \
        --augment none --epochs 1 --out same
    [ "$status" = 0 ]
    grep -q '^freeze point 2 trains the same parameters as 3 4; ' stderr.txt
    grep -q '^freeze point 8 trains the same parameters as 9; ' stderr.txt
    grep -qE '^ *2 = 3 = 4 +0.001 ' stdout.txt
    grep -qE '^ +8 = 9 +0.001 ' stdout.txt
    [ "$(cd same && printf '%s ' */)" = "2-0.001/ 8-0.001/ " ]
}

@test "--json, --format and lr find" {
    command -v python3 >/dev/null || skip "no python3 to read JSON"
    sweep --freeze-until 7..9 --lr find --epochs 1 --out part --json >out.json
    python3 - <<'END'
import csv, json
out = json.load(open("out.json"))
rows = list(csv.DictReader(open("part/sweep.csv")))
assert [run["run"] for run in out["runs"]] == ["7-find", "8-find"] == [row["run"] for row in rows]
for run, row in zip(out["runs"], rows):
    assert run["state"] == "done" and run["lr"] > 0 and float(row["lr"]) == run["lr"]
    assert float(row["val_accuracy_low"]) <= run["val_accuracy"] <= run["val_accuracy_high"]
    config = json.load(open("part/%s/config.json" % run["run"]))
    assert config["options"]["lr"] == run["lr"]
assert [run["same_as"] for run in out["runs"]] == [None, "9"] and [row["same_as"] for row in rows] == ["", "9"]
assert out["recommended"] in ("7-find", "8-find") and out["missing"] == 0
lr = next(run["lr"] for run in out["runs"] if run["run"] == out["recommended"])
assert "--lr %r " % lr in out["command"] or "--lr %g " % lr in out["command"]
END
    [ "$(head -1 part/8-find/lr_find.csv)" = step,lr,loss,smoothed ]
    "$FREEZETUNE" sweep --resume part --quiet --format csv >out.csv
    cmp out.csv part/sweep.csv
}

@test "what makes no sense is refused in one line, and leaves nothing" {
    fails 64 'from the smaller to the larger' sweep --freeze-until 9..4 --out no
    fails 64 'leaves nothing to train' sweep --freeze-until 4..10 --out no
    fails 64 'must be a number above 0' sweep --lr 0.1,x --out no
    fails 64 'unknown option --dry-run' sweep --dry-run
    fails 64 '--momentum only applies to --optimizer sgd' sweep --optimizer adam --momentum 0.9 --out no
    fails 64 'unknown option --folds' sweep --folds 5
    fails 66 'nowhere' sweep --data nowhere --out no
    [ ! -e no ]
    fails 73 'is not empty' sweep --out "$whole"
    fails 66 'nowhere/config.json' "$FREEZETUNE" sweep --resume nowhere
    fails 64 'was created by train; resume it with freezetune train' "$FREEZETUNE" sweep --resume "$whole/7-0.01"
    fails 64 'was created by sweep; resume it with freezetune sweep' "$FREEZETUNE" train --resume "$whole"
    fails 64 '--lr cannot be changed' "$FREEZETUNE" sweep --resume "$whole" --lr 1
    cp -r "$photos" moved
    cp moved/train/class0/00.png moved/train/class0/new.png
    fails 65 'the photos have changed' "$FREEZETUNE" sweep --resume "$whole" --data moved --quiet
}

@test "two processes do not work on one sweep" {
    sweep_aside --epochs 100000 --patience 0 --out part &
    pid=$!
    wait_file part/7-0.01/log.jsonl 1
    fails 73 'another freezetune is running' "$FREEZETUNE" sweep --resume part --quiet
    kill "$pid"
    wait "$pid" || [ $? = 143 ]
}

@test "a run of a sweep is measured, converted and compared as any run; the sweep names its runs" {
    accuracy=$(sed -n 's/^  "val_accuracy": \(.*\),$/\1/p' "$whole/8-0.01/result.json")
    run_split "$FREEZETUNE" eval --model "$whole/8-0.01" --json
    [ "$status" = 0 ]
    [ -z "$err" ]
    grep -qxF "  \"accuracy\": $accuracy," stdout.txt
    grep -qxF "  \"data\": \"$photos/val\"," stdout.txt
    "$FREEZETUNE" convert "$whole/8-0.01" run.pth
    "$FREEZETUNE" diff "$whole/8-0.01" run.pth >/dev/null
    fails 66 'whole: holds runs \(7-0.001, 7-0.01, 8-0.001, 8-0.01\): name one of them, .*/whole/NAME$' \
        "$FREEZETUNE" eval --model "$whole"
    fails 66 'holds runs' "$FREEZETUNE" convert "$whole" no.pth
    [ ! -e no.pth ]
}
