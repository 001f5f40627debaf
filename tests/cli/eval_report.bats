#!/usr/bin/env bats
# eval --report: the page of photos that eval measures. What a browser makes of it: scripts/check_browser.py.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 3 8 5 48 1
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --epochs 2 \
        --freeze-until 9 --lr 0.01 --no-report --out run >/dev/null
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    command -v python3 >/dev/null || skip "no python3 to compare with"
    here=$BATS_TEST_TMPDIR
}

@test "the page has the numbers of --json, a picture for each photo, and the command" {
    "$FREEZETUNE" eval --quiet --model run --data photos/train --report "$here/page.html" --json >"$here/told.json"
    page_numbers "$here/page.html" >"$here/data.json"
    python3 - "$here" <<'END'
import json, sys
told, data = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("told", "data"))
for key in ("accuracy", "macro_f1", "loss"):
    assert abs(told[key] - data[key]) < 1e-9, key
assert data["confusion"] == told["confusion"] and data["measured"] == sum(map(sum, told["confusion"])) == 24
assert data["command"] == "freezetune eval --model run --data photos/train"
shown = data["photos"]
assert len({p["file"] for p in shown}) == len(shown) == 24, "each photo is shown once"
losses = [p["loss"] for p in shown if p["kind"] == "mistake"]
sure = [p["probability"] for p in shown if p["kind"] == "unsure"]
assert losses and losses == sorted(losses, reverse=True) and sure and sure == sorted(sure), (losses, sure)
worst = {w["file"].split("photos/train/")[-1]: w["probability"] for w in told["worst"]}
mistakes = {p["file"]: p["probability"] for p in data["photos"] if p["class"] != p["predicted"]}
assert worst and all(abs(mistakes[file] - p) < 1e-6 for file, p in worst.items()), (worst, mistakes)
END
    [ "$(grep -o '<img alt="[^"]' "$here/page.html" | wc -l)" = 24 ]
    grep -q 'class="heat ' "$here/page.html"
}

@test "the same photos give the same bytes, with any number of threads" {
    "$FREEZETUNE" eval --quiet --model run --report "$here/one.html" --threads 1 >/dev/null
    "$FREEZETUNE" eval --quiet --model run --report "$here/two.html" --threads 2 >/dev/null
    cmp "$here/one.html" "$here/two.html"
}

@test "a model with a temperature shows what it does to these photos" {
    cp -r run "$here/run"
    "$FREEZETUNE" eval --quiet --model "$here/run" --report "$here/before.html" >/dev/null
    "$FREEZETUNE" eval --quiet --model "$here/run" --calibrate --report "$here/page.html" --json >"$here/told.json"
    page_numbers "$here/before.html" >"$here/before.json"
    page_numbers "$here/page.html" >"$here/data.json"
    python3 - "$here" <<'END'
import json, sys
told, before, data = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("told", "before", "data"))
assert "temperature" not in before and abs(data["temperature"] - told["calibration"]["temperature"]) < 1e-9
assert data["ece"] == before["ece"]
assert abs(data["ece_calibrated"] - told["calibration"]["after"]["ece"]["value"]) < 1e-9, (data, told["calibration"])
END
}

@test "a page that cannot be made ends eval before any photo is looked at; photos that are gone have no picture" {
    fails 73 'gone/page.html' "$FREEZETUNE" eval --quiet --model run --report "$here/gone/page.html"
    cp -r photos "$here/photos"
    printf 'no photo' >"$here/photos/val/class0/bad.png"
    run_split "$FREEZETUNE" eval --quiet --model run --data "$here/photos" --report "$here/page.html"
    [ "$status" = 65 ]
    grep -q '15 measured; 1 could not be read' "$here/page.html"
}
