#!/usr/bin/env bats
# runs: the runs of a folder, what differs between them, and folders and files that are none.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
    common=(--quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 6)
    "$FREEZETUNE" train "${common[@]}" --freeze-until 9 --epochs 2 >/dev/null &&
        "$FREEZETUNE" train "${common[@]}" --freeze-until 8 --epochs 3 --optimizer adamw --threads 1 >/dev/null &&
        "$FREEZETUNE" train "${common[@]}" --freeze-until 9 --epochs 3 --time-limit 0.0001 >/dev/null 2>&1 &&
        "$FREEZETUNE" sweep "${common[@]}" --freeze-until 7,8 --epochs 1 --lr 0.01 --out runs/wide >/dev/null &&
        "$FREEZETUNE" train "${common[@]}" --data photos/train --freeze-until 9 --epochs 1 --folds 2 --out runs/folded >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp -r "$BATS_FILE_TMPDIR/runs" .
}

# json EXPRESSION: of the object on stdout, as `all`, with `run` by name.
json() {
    python3 -c 'import json, sys; all = json.load(open("stdout.txt")); run = {r["run"]: r for r in all["runs"]}
assert eval(sys.argv[1]), sys.argv[1]' "$1"
}

@test "runs lists runs, sweeps and folds with what their files say" {
    run_split "$FREEZETUNE" runs --json
    [ "$status" = 0 ]
    json '[r["run"] for r in all["runs"]] == ["1", "2", "3", "folded/fold-1", "folded/fold-2", "wide/7-0.01", "wide/8-0.01"]'
    json '[run[name]["state"] for name in ("1", "2", "3", "wide/8-0.01")] == ["finished", "finished", "interrupted", "finished"]'
    json 'all["ignored"] == [] and all["folder"] == "runs"'
    python3 - <<'END'
import csv, json
runs = {r["run"]: r for r in json.load(open("stdout.txt"))["runs"]}
for name, run in runs.items():
    config = json.load(open(f"runs/{name}/config.json"))
    rows = list(csv.DictReader(open(f"runs/{name}/metrics.csv")))
    best = [row for row in rows if row["best"] == "1"][-1]
    assert run["arch"] == "resnet18" and run["freeze_until"] == config["options"]["freeze-until"]
    assert run["epochs"] == len(rows) and run["best_epoch"] == int(best["epoch"])
    assert abs(run["val_accuracy"] - float(best["val_accuracy"])) < 1e-6
    assert abs(run["val_loss"] - float(best["val_loss"])) < 1e-6 * run["val_loss"]
    assert abs(run["val_macro_f1"] - float(best["val_macro_f1"])) < 1e-6
    assert abs(run["seconds"] - sum(float(row["seconds"]) for row in rows)) < 1e-6
END
    [[ $err == *"accuracies cannot be compared"* ]]
}

@test "only options that change the result and are not the same in all runs are shown" {
    run_split "$FREEZETUNE" runs --json
    json 'set(all["differing"]) >= {"optimizer", "epochs", "data", "folds"}'
    json 'not {"threads", "time-limit", "momentum", "freeze-until", "arch", "seed", "fold"} & set(all["differing"])'
    json 'run["2"]["options"]["optimizer"] == "adamw" and run["1"]["options"]["optimizer"] == "sgd"'
    json 'run["folded/fold-1"]["options"]["folds"] == 2 and run["1"]["options"]["folds"] is None'
    run_split "$FREEZETUNE" runs --format tsv
    [ "$(sed -n 3p stdout.txt | cut -f1-5)" = $'2\tfinished\tresnet18\t8\t3' ]
    [[ $(sed -n 3p stdout.txt) == *"optimizer adamw"* ]]
    # A sweep by itself: nothing differs but the freeze point, which has its column.
    run_split "$FREEZETUNE" runs runs/wide
    [ "$(awk '{ print $1 }' stdout.txt | tr '\n' ' ')" = "run 7-0.01 8-0.01 " ]
    absent 'differs in'
    run_split "$FREEZETUNE" runs runs/1
    [ "$(sed -n 2p stdout.txt | cut -d' ' -f1)" = runs/1 ]
}

@test "--sort puts the best first, what is not known last" {
    mkdir runs/0
    cp runs/1/config.json runs/0
    for by in "accuracy val_accuracy -1" "macro-f1 val_macro_f1 -1" "loss val_loss 1" "time seconds 1"; do
        read -r name key sign <<<"$by"
        run_split "$FREEZETUNE" runs --sort "$name" --json
        json "[r['$key'] for r in all['runs']][-1] is None and all['runs'][-1]['run'] == '0'"
        json "(lambda v: v == sorted(v))([$sign * r['$key'] for r in all['runs'][:-1]])"
    done
    run_split "$FREEZETUNE" runs --json
    json 'all["runs"][0]["run"] == "0" and run["0"]["state"] == "interrupted" and run["0"]["epochs"] == 0'
}

@test "a run that a process works on is running, one that diverged is diverged" {
    sed -i 's/"diverged": false/"diverged": true/; s/"state": ".*"/"state": null/' runs/1/result.json
    "$FREEZETUNE" train --quiet --resume runs/3 --time-limit 0 --threads 1 >/dev/null 2>&1
    cp -r runs/3 runs/4
    rm runs/4/result.json
    coproc python3 -c 'import fcntl, sys; file = open("runs/4/.lock", "r+"); fcntl.lockf(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()'
    local holder=$COPROC_PID
    read -r <&"${COPROC[0]}"
    run_split "$FREEZETUNE" runs --json
    json '[run[name]["state"] for name in ("1", "3", "4")] == ["diverged", "finished", "running"]'
    kill "$holder"
    wait "$holder" || true
    run_split "$FREEZETUNE" runs --json
    json 'run["4"]["state"] == "interrupted"'
}

@test "what is no run is said, damaged files are named, and the rest is listed" {
    mkdir runs/empty runs/a runs/b runs/c runs/d runs/e runs/f runs/g
    echo 'text' >runs/file
    echo '{' >runs/a/config.json
    echo '{"options": 5}' >runs/b/config.json
    python3 -c 'print("[" * 100000)' >runs/c/config.json
    python3 -c 'import json; print(json.dumps({"options": {str(i): i for i in range(2000)}}))' >runs/d/config.json
    cp runs/1/* runs/e
    echo '{"diverged": 1}' >runs/e/result.json
    cp runs/1/* runs/f
    printf '3,nan,-1\n' >>runs/f/metrics.csv
    head -c 4000 /dev/urandom >runs/g/config.json
    mkdir runs/odd
    python3 - >runs/odd/config.json <<'END'
import json
print(json.dumps({"options": {"lr": {"a": [1]}, "classes": [[], {}, None], "optimizer": "\u202e\x1b[31m", "\x1b]0;x": 1e308,
                              "freeze-until": -1e300, "seed": None}, "arch": ["x"], "photos": 7, "command": 3}))
END
    run_split "$FREEZETUNE" runs --json
    [ "$status" = 0 ]
    json 'all["ignored"] == [{"folder": "empty", "reason": "it has no config.json"}]'
    json '[run[name]["state"] for name in "abcdefg"] == ["damaged"] * 7 and "a/config.json" in run["a"]["reason"]'
    json 'run["1"]["state"] == "finished" and run["1"]["reason"] is None and run["odd"]["freeze_until"] is None'
    [ "$(grep -c '^freezetune: warning: runs/[a-g]/\(config.json\|result.json\|metrics.csv\): ' stderr.txt)" = 7 ]
    for format in table tsv csv jsonl; do
        run_split "$FREEZETUNE" runs --format $format
        [ "$status" = 0 ]
        run grep -c $'\x1b' stdout.txt
        [ "$output" = 0 ]
    done
    # A row that is being written has no end yet.
    printf '4,0.1,0.' >>runs/3/metrics.csv
    run_split "$FREEZETUNE" runs --json
    json 'run["3"]["state"] == "interrupted"'
}

@test "a folder that is not there or holds no run is one line and 66, a wrong option 64" {
    fails 66 '^freezetune runs: none: ' "$FREEZETUNE" runs none
    mkdir photos
    fails 66 'photos: holds no run' "$FREEZETUNE" runs photos
    fails 64 '--json and --format' "$FREEZETUNE" runs --json --format tsv
    fails 64 '--sort' "$FREEZETUNE" runs --sort size
    rm -r runs
    fails 66 '^freezetune runs: runs: ' "$FREEZETUNE" runs
}
