#!/usr/bin/env bats
# train --tensorboard: the file of events, read by tests/support/events.py. scripts/check_tensorboard.py reads one by
# TensorBoard itself.

load common
narrow

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    unset FREEZETUNE_WEIGHTS
    reader=$BATS_TEST_DIRNAME/../support/events.py
    events=events.out.tfevents.freezetune
}

train() {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 6 "$@" \
        >stdout.txt 2>stderr.txt
}

@test "--tensorboard writes what metrics.csv has, and the rate of each child that trains" {
    train --freeze-until 8 --unfreeze-at 3:5 --lr-decay-by-child 0.5 --head-lr-mult 4 --epochs 4 --tensorboard --out run
    run python3 "$reader" run
    [ "$output" = "4 points" ]
    [ "$(printf '%s' run/events*)" = run/$events ]
    train --freeze-until 9 --epochs 1 --out without
    [ ! -e without/$events ]
}

@test "the reader finds a wrong byte, a step that is missing and one that is there twice" {
    train --freeze-until 9 --epochs 3 --tensorboard --out run
    cp run/$events good
    for byte in 20 60 200 -1; do
        python3 - "$byte" <<'END'
import sys
data = bytearray(open("good", "rb").read())
data[int(sys.argv[1])] ^= 1
open("run/events.out.tfevents.freezetune", "wb").write(data)
END
        run python3 "$reader" run
        [ "$status" = 1 ]
    done
    size=$((($(wc -c <good) - 40) / 3))
    head -c $((40 + 2 * size)) good >run/$events
    run python3 "$reader" run
    [ "$status" = 1 ]
    cat good <(tail -c $size good) >run/$events
    run python3 "$reader" run
    [ "$status" = 1 ]
}

@test "killed at any moment, the file is whole up to a torn record; --resume has each step once" {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 6 \
        --freeze-until 9 --epochs 400 --lr 1e-4 --tensorboard --save-every 0.0005 --out run >/dev/null 2>stderr.txt &
    pid=$!
    for round in 1 2 3; do
        for _ in $(seq 600); do
            [ "$(cat run/metrics.csv 2>/dev/null | wc -l)" -le $((6 * round)) ] || break
            sleep 0.02
        done
        kill -9 $pid
        wait $pid || true
        points=$(python3 "$reader" run --killed | cut -d' ' -f1)
        [ "$points" -ge $((6 * round)) ]
        # What a kill within a write leaves: a part of the next record, or of a record that was good.
        case $round in
        1) printf '\123\1\0\0\0' >>run/$events ;;
        2) truncate -s -7 run/$events ;;
        esac
        "$FREEZETUNE" train --quiet --resume run --threads 1 >/dev/null 2>stderr.txt &
        pid=$!
    done
    for _ in $(seq 600); do
        [ "$(cat run/metrics.csv | wc -l)" -le 25 ] || break
        sleep 0.02
    done
    kill -TERM $pid
    wait $pid || true
    python3 "$reader" run
    [ "$(python3 "$reader" run | cut -d' ' -f1)" = "$(($(wc -l <run/metrics.csv) - 1))" ]
}

@test "a resumed run that had none writes all its epochs, keeps writing, and mends a damaged file" {
    train --freeze-until 9 --epochs 6 --time-limit 0.0001 --out run
    before=$(($(wc -l <run/metrics.csv) - 1))
    [ "$before" -lt 6 ]
    "$FREEZETUNE" train --quiet --resume run --time-limit 0.0001 --tensorboard >/dev/null 2>stderr.txt
    python3 "$reader" run
    "$FREEZETUNE" train --quiet --resume run --time-limit 0 >/dev/null 2>stderr.txt # not given again
    run python3 "$reader" run
    [ "$output" = "6 points" ]
    cp run/$events good
    # The run is over: its events can still be written.
    rm run/$events
    "$FREEZETUNE" train --quiet --resume run --tensorboard >/dev/null 2>stderr.txt
    cmp good run/$events
    for damage in "truncate -s 100" "truncate -s 0" "truncate -s +9" "sed -i s/loss/lass/"; do
        $damage run/$events
        run cmp -s good run/$events
        [ "$status" = 1 ]
        "$FREEZETUNE" train --quiet --resume run >/dev/null 2>stderr.txt
        cmp good run/$events
    done
}

@test "each run of a sweep and of folds has its own; the estimate of the disk counts them" {
    common=(--quiet --weights random --arch resnet18 --image-size 32 --batch-size 6 --epochs 2 --tensorboard)
    "$FREEZETUNE" sweep "${common[@]}" --data photos --freeze-until 7,8 --lr 0.01 --out sweep >/dev/null
    "$FREEZETUNE" train "${common[@]}" --data photos/train --freeze-until 9 --folds 2 --out folds >/dev/null
    for run in sweep/7-0.01 sweep/8-0.01 folds/fold-1 folds/fold-2; do
        [ "$(python3 "$reader" $run)" = "2 points" ]
    done
    [ ! -e sweep/$events ]
    [ ! -e folds/$events ]
    disk() {
        train --freeze-until 9 --epochs 1000 --dry-run --json "$@"
        python3 -c 'import json; print(json.load(open("stdout.txt"))["disk"])'
    }
    one=$((($(wc -c <sweep/7-0.01/$events) - 40) / 2))
    more=$(($(disk --tensorboard) - $(disk)))
    [ $more -ge $((1000 * one)) ]
    [ $more -le $((4000 * one)) ]
}
