#!/usr/bin/env bats
# --limit: a trial on fewer photos, and the learning curve of a sweep.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 12 10 32 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    unset FREEZETUNE_WEIGHTS
}

small=(--quiet --weights random --arch resnet18 --image-size 32 --batch-size 4 --cache off)

@test "train --limit trains on fewer photos and validates on all" {
    "$FREEZETUNE" train "${small[@]}" --data "$photos" --freeze-until 9 --epochs 1 --limit 3 --out run >/dev/null
    grep -qxF '  "train_photos": 6,' run/config.json
    grep -qxF '  "val_photos": 20,' run/config.json
    grep -qF '"limit": 3' run/config.json
    # The run's photos are found again: six trained.
    "$FREEZETUNE" eval --model run --split train --json | grep -qxF '  "photos": 6,'
    "$FREEZETUNE" eval --model run --json | grep -qxF '  "photos": 20,'
    "$FREEZETUNE" eval --model run --data "$photos/train" --json 2>/dev/null | grep -qxF '  "trained_on": 6,'
    # As many as there are is all of them.
    "$FREEZETUNE" train "${small[@]}" --data "$photos" --freeze-until 9 --epochs 1 --limit 12 --out twelve >/dev/null
    "$FREEZETUNE" train "${small[@]}" --data "$photos" --freeze-until 9 --epochs 1 --out all >/dev/null
    cmp twelve/best.safetensors all/best.safetensors
    fails 64 '--limit 0: must be from 1 to 4294967295$' "$FREEZETUNE" train --limit 0
    fails 64 '--limit cannot be changed when a run is resumed' "$FREEZETUNE" train --resume run --limit 4
}

@test "sweep --limit has a learning curve, and its choice is among the runs on most photos" {
    sweep() {
        "$FREEZETUNE" sweep "${small[@]}" --data "$photos" --freeze-until 8 --lr 0.01 --epochs 2 "$@"
    }
    sweep --limit 8,2,all,4 --out sweep >stdout.txt
    python3 - <<'END'
import csv
rows = list(csv.DictReader(open("sweep/sweep.csv")))
assert [r["run"] for r in rows] == ["8-0.01-2", "8-0.01-4", "8-0.01-8", "8-0.01-all"], rows
assert [r["limit"] for r in rows] == ["2", "4", "8", ""]
assert [r["train_photos"] for r in rows] == ["4", "8", "16", "24"]
assert {r["val_photos"] for r in rows} == {"20"}
assert [r["choice"] for r in rows] == ["", "", "", "best, recommended"]
END
    grep -q '^curve    4 photos [0-9.]* %, 8 photos .*, 16 photos .*, 24 photos ' stdout.txt
    grep -q '^more     ' stdout.txt
    absent 'limit 24'
    (cd / && sh "$BATS_TEST_TMPDIR/sweep/reproduce.sh" --quiet --out "$BATS_TEST_TMPDIR/again" >/dev/null)
    cmp sweep/8-0.01-all/best.safetensors again/best.safetensors
    # Finished: the same again; the JSON has the figures of the text.
    "$FREEZETUNE" sweep --quiet --resume sweep --json >sweep.json
    python3 - <<'END'
import json, math
report = json.load(open("sweep.json"))
curve = report["learning_curve"]
assert [run["train_photos"] for run in report["runs"]] == [4, 8, 16, 24]
assert 0 < curve["error_low"] <= curve["error_with_twice_as_many"] <= curve["error_high"] <= 1, curve
assert math.isclose(curve["error_with_twice_as_many"], min(1, curve["error"] * 2 ** -curve["power"]), rel_tol=1e-9)
END
    sweep --limit 4 --out one --json >one.json
    grep -q '"learning_curve": null' one.json
    fails 64 '--limit ten: must be a number of photos from 1, or `all`' sweep --limit ten --out no
}
