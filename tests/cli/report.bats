#!/usr/bin/env bats
# report.html: that train writes it, that it holds the numbers of the run's files, and that nothing in it comes from
# elsewhere. What a browser makes of it: scripts/check_browser.py.

load common
narrow

# The names of classes that somebody might call folders by, to do harm.
hostile() {
    printf '%s\n' '<script>alert(1)<%2fscript>' '"><svg onload=x>' "$(printf 'x%.0s' $(seq 200))" 'نمل' '🐜'
}

# no_handlers FILE COUNT: no tag has a handler, COUNT scripts, and every link is in the page, a fold's page or data.
no_handlers() {
    python3 - "$@" <<'END'
import re, sys
from html.parser import HTMLParser
class Look(HTMLParser):
    scripts, links = 0, []
    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href"):
                self.links.append(value)
look = Look()
look.feed(open(sys.argv[1], encoding="utf-8").read())
assert look.scripts == int(sys.argv[2]), look.scripts
other = [link for link in look.links if not re.match(r"data:image/|data:,|#|fold-\d+/report\.html$", link)]
assert not other, other
END
}

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" made 5 6 4 48 1
    local part i name
    for part in train val; do
        i=0
        while IFS= read -r name; do
            mkdir -p "photos/$part"
            cp -r "made/$part/class$i" "photos/$part/$name"
            i=$((i + 1))
        done < <(hostile)
    done
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --epochs 3 \
        --freeze-until 9 --lr 0.01 --out run >/dev/null
    "$FREEZETUNE" train --quiet --data photos/train --weights random --arch resnet18 --image-size 32 --batch-size 8 \
        --epochs 2 --freeze-until 8 --folds 3 --out folds >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    run=$BATS_FILE_TMPDIR/run
}

@test "train writes report.html, and report writes the same bytes again" {
    [ -f "$run/report.html" ]
    "$FREEZETUNE" report "$run" --out again.html
    cmp "$run/report.html" again.html
    "$FREEZETUNE" report --photos 5 "$run" --out few.html
    [ "$(grep -o '<img ' few.html | wc -l)" -lt "$(grep -o '<img ' again.html | wc -l)" ]
    [[ $(<again.html) != *'http-equiv="refresh"'* ]]
}

@test "the numbers of the page are those of the run's files" {
    page_numbers "$run/report.html" >data.json
    python3 - "$run" data.json <<'END'
import csv, json, sys
run, data = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
result = json.load(open(f"{run}/result.json"))
assert data["result"]["val_right"] == result["val_right"] and data["result"]["best_epoch"] == result["best_epoch"]
assert data["result"]["val_accuracy_low"] < data["result"]["val_accuracy"] < data["result"]["val_accuracy_high"]
rows = list(csv.DictReader(open(f"{run}/metrics.csv")))
assert len(rows) == len(data["epochs"]) == 3
for row, epoch in zip(rows, data["epochs"]):
    for key in epoch:
        assert float(row[key]) == epoch[key], key
confusion = [list(map(int, row[1:])) for row in list(csv.reader(open(f"{run}/confusion.csv", encoding="utf-8")))[1:]]
assert confusion == data["confusion"]
predictions = list(csv.DictReader(open(f"{run}/predictions_val.csv", encoding="utf-8")))
assert len(data["photos"]) == len(predictions) == 20
assert sum(b["photos"] for b in data["reliability"]) == 20
losses = [p["loss"] for p in data["photos"] if p["kind"] == "mistake"]
assert losses == sorted(losses, reverse=True) and losses
unsure = [p["probability"] for p in data["photos"] if p["kind"] == "unsure"]
assert unsure == sorted(unsure)
END
}

@test "the photos by class are those of the folders, and the first ones of the first epoch are shown" {
    page_numbers "$run/report.html" >data.json
    python3 - "$BATS_FILE_TMPDIR/photos" data.json <<'END'
import json, os, sys
given = json.load(open(sys.argv[2], encoding="utf-8"))["given"]
assert len(given) == 5
for row in given:
    train, val = (len(os.listdir(os.path.join(sys.argv[1], part, row["class"]))) for part in ("train", "val"))
    assert (row["train"], row["val"]) == (train, val) == (6, 4), row
END
    [ "$(grep -c '^<div class=b><span class=pic><img ' "$run/report.html")" = 8 ]
    cp -r "$BATS_FILE_TMPDIR/photos" more
    cp more/train/🐜/00.png more/train/🐜/new.png
    "$FREEZETUNE" report "$run" --out same.html
    grep -q '<table id=given>' same.html
    cp -r "$run" moved
    sed -i "s#\"data\": \"[^\"]*\"#\"data\": \"$PWD/more\"#" moved/config.json
    "$FREEZETUNE" report moved --out other.html
    run grep -c '<table id=given>' other.html
    [ "$output" = 0 ]
}

@test "eval --calibrate renews the page, which says what eval says" {
    cp -r "$run" own
    "$FREEZETUNE" eval --quiet --model own --calibrate --json >eval.json
    page_numbers own/report.html >data.json
    python3 - eval.json data.json own/report.html <<'END'
import json, sys
told, data = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:3])
told, page = told["calibration"], open(sys.argv[3], encoding="utf-8").read()
assert told["fitted"] and told["temperature"] != 1
assert abs(data["temperature"] / told["temperature"] - 1) < 1e-5
assert abs(data["ece"] - told["before"]["ece"]["value"]) < 1e-5
assert abs(data["ece_calibrated"] - told["after"]["ece"]["value"]) < 1e-5
assert data["ece"] != data["ece_calibrated"]
assert sum(b["photos"] for b in data["reliability_calibrated"]) == told["photos"] == 20
assert '<b id=temperature>%.4g</b>' % told["temperature"] in page
END
    "$FREEZETUNE" report own --out again.html
    cmp own/report.html again.html
    rm own/report.html
    "$FREEZETUNE" eval --quiet --model own --calibrate >stdout.txt
    [ ! -e own/report.html ]
}

@test "names of classes stay text, and nothing is fetched" {
    no_handlers "$run/report.html" 2
    grep -q "default-src 'none'" "$run/report.html"
    grep -qF '&lt;script&gt;alert(1)&lt;%2fscript&gt;' "$run/report.html"
}

@test "the losses of steps, and the stages of freezing, are in the curves" {
    [ "$(grep -c '<path class="thin k1" d="M[0-9]' "$run/report.html")" = 1 ]
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/made" --weights random --arch resnet18 --image-size 32 --epochs 3 \
        --head-first 1 --freeze-until 8 --out staged >/dev/null
    [ "$(grep -o '<rect class=band[01] x=[0-9.]* y=[0-9]* width=[0-9.]* height=[0-9]*><title>1 to [98] frozen' \
        staged/report.html | wc -l)" = 6 ]
}

@test "sweep writes a page with each run, its interval and the choice, and report the same" {
    "$FREEZETUNE" sweep --quiet --data "$BATS_FILE_TMPDIR/made" --weights random --arch resnet18 --image-size 32 \
        --freeze-until 7,9 --epochs 1 --out sweep >/dev/null
    page_numbers sweep/report.html >data.json
    python3 - sweep data.json <<'END'
import csv, json, sys
data = json.load(open(sys.argv[2], encoding="utf-8"))
rows = list(csv.DictReader(open(f"{sys.argv[1]}/sweep.csv")))
assert len(rows) == len(data["runs"]) == 2
for row, run in zip(rows, data["runs"]):
    for key, value in run.items():
        assert row[key] == value if isinstance(value, str) else float(row[key]) == value, key
END
    [ "$(grep -o '<path class="bar k0"' sweep/report.html | wc -l)" = 2 ]
    chosen=$(awk -F, '/recommended/ { print $1 }' sweep/sweep.csv)
    grep -q "class=pick><td class=name><a href=\"$chosen/report.html\"" sweep/report.html
    grep -q '<img ' "sweep/$chosen/report.html"
    "$FREEZETUNE" report sweep --out again.html
    cmp again.html sweep/report.html
}

@test "train --folds writes a page of all folds together, and report the same bytes" {
    cp -r "$BATS_FILE_TMPDIR/folds" folds
    "$FREEZETUNE" report folds --out again.html
    cmp again.html folds/report.html
    page_numbers folds/report.html >data.json
    python3 - data.json folds/report.html <<'END'
import csv, json, math, re, statistics, sys
def rows_of(name):
    return list(csv.reader(open(name, encoding="utf-8")))
data = json.load(open(sys.argv[1], encoding="utf-8"))
table = list(csv.DictReader(open("folds/folds.csv")))
assert len(table) == len(data["folds"]) == data["done"] == 3
for row, fold in zip(table, data["folds"]):
    assert row["fold"] == str(fold["fold"]) and row["state"] == fold["state"] == "done"
    for key in ("train_photos", "val_photos", "best_epoch", "val_loss", "val_accuracy", "val_macro_f1"):
        assert float(row[key]) == fold[key], key
    assert fold["val_accuracy_low"] < fold["val_accuracy"] < fold["val_accuracy_high"]
values = [float(row["val_accuracy"]) for row in table]
assert abs(data["val_accuracy"]["mean"] - statistics.mean(values)) < 1e-9
assert abs(data["val_accuracy"]["standard_deviation"] - statistics.stdev(values)) < 1e-9
matrices = [[list(map(int, row[1:])) for row in rows_of(f"folds/fold-{k}/confusion.csv")[1:]] for k in (1, 2, 3)]
assert data["confusion"] == [[sum(cells) for cells in zip(*rows)] for rows in zip(*matrices)]
assert sum(map(sum, data["confusion"])) == data["photos_validated"] == 30
assert sum(row[i] for i, row in enumerate(data["confusion"])) == data["right"]
answers = {}
for k in (1, 2, 3):
    for row in csv.DictReader(open(f"folds/fold-{k}/predictions_val.csv", encoding="utf-8")):
        answers[row["file"]] = (f"fold-{k}", row)
assert len(answers) == len(data["photos"]) == 30
for photo in data["photos"]:
    fold, row = answers[photo["file"]]
    assert photo["run"] == fold and photo["predicted"] == row["predicted"], photo
    assert photo["probability"] == float(row["probability"]), photo
for title, key in (("Accuracy with 95 % intervals", "val_accuracy"), ("Validation loss", "val_loss")):
    figure = open(sys.argv[2], encoding="utf-8").read().split(f"<figcaption><b>{title}</b>")[1].split("</figure>")[0]
    low, high, bottom, top = map(float, re.search('data-y="([^"]*)"', figure).group(1).split())
    mean = low + (float(re.search(r'<path class=mark d="M\d+ ([\d.]+)H', figure).group(1)) - bottom) / (top - bottom) * (high - low)
    assert abs(mean - data[key]["mean"]) < 1e-4 * (high - low), (title, mean)
# The worst of all folds first, not those of one fold after those of another.
wrong = sorted((-math.log(float(row["class_probability"])) for _, row in answers.values() if row["class"] != row["predicted"]), reverse=True)
shown = [photo["loss"] for photo in data["photos"] if photo["kind"] == "mistake"]
assert len(shown) >= 5 and all(abs(a - b) < 1e-6 for a, b in zip(shown, wrong)), (shown, wrong)
assert len({photo["run"] for photo in data["photos"] if photo["kind"] == "mistake"}) == 3
END
    [ "$(grep -o '<span class=pic><img ' folds/report.html | wc -l)" = 30 ]
    [ "$(grep -o '<path class="bar k0"' folds/report.html | wc -l)" -ge 3 ]
    for fold in 1 2 3; do
        grep -q "<a href=\"fold-$fold/report.html\"><bdi>fold-$fold</bdi></a>" folds/report.html
    done
    [[ $(<folds/report.html) == *"--folds 3</pre>"* || $(<folds/report.html) == *"<span>--folds</span> 3"* ]]
    no_handlers folds/report.html 2
    grep -qF '&lt;script&gt;alert(1)&lt;%2fscript&gt;' folds/report.html
    grep -q "default-src 'none'" folds/report.html
}

@test "the heat maps of a fold's photos are those of its own model" {
    pictures() { # FILE: photo and pictures of each card
        grep -o '<img alt="[^"]*" width=160 height=160 src="[^"]*"><img alt="" class="heat hp[^>]*>' "$1" | sort
    }
    pictures "$BATS_FILE_TMPDIR/folds/report.html" >all.txt
    for fold in 1 2 3; do
        "$FREEZETUNE" report "$BATS_FILE_TMPDIR/folds/fold-$fold" --out "$fold.html"
        pictures "$fold.html"
    done | sort >each.txt
    [ "$(wc -l <all.txt)" = 30 ]
    cmp all.txt each.txt
}

@test "a page of folds says what is missing: pictures, folds, pages of its runs" {
    cp -r "$BATS_FILE_TMPDIR/folds" folds
    rm folds/fold-2/best.safetensors folds/fold-1/report.html
    "$FREEZETUNE" report folds
    grep -q 'Without some of the pictures: .*fold-2' folds/report.html
    [ "$(grep -o '<span class=pic><img ' folds/report.html | wc -l)" = 20 ]
    grep -q '<tr><td class=name><bdi>fold-1</bdi><td>done' folds/report.html
    rm folds/fold-3/result.json
    "$FREEZETUNE" report folds --photos 4
    grep -q 'Not all folds are over:</b> 1 of 3 are left' folds/report.html
    grep -q '20 photos right' folds/report.html
    grep -q '<bdi>fold-3</bdi></a><td>stopped' folds/report.html
    rm -r folds/fold-1/result.json folds/fold-2/result.json folds/fold-2/config.json
    "$FREEZETUNE" report folds
    grep -q 'Not all folds are over:</b> 3 of 3 are left' folds/report.html
    grep -q '<bdi>fold-2</bdi></a><td>missing' folds/report.html
    sed -i '/"folds": 3,/d' folds/config.json
    fails 65 'has no folds' "$FREEZETUNE" report folds
    "$FREEZETUNE" report "$BATS_FILE_TMPDIR/folds" --out small.html --max-size 128K
    [ "$(stat -c %s small.html)" -le 131072 ]
    grep -q 'pictures are left out' small.html
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos/train" --weights random --arch resnet18 --image-size 32 \
        --epochs 1 --freeze-until 9 --folds 2 --no-report --out bare >/dev/null
    [ ! -e bare/report.html ]
    "$FREEZETUNE" train --resume bare --quiet >/dev/null
    [ -f bare/report.html ]
}

@test "--max-size leaves pictures out, and says how many" {
    "$FREEZETUNE" report "$run" --out small.html --max-size 64K
    [ "$(stat -c %s small.html)" -le 65536 ]
    grep -q 'pictures are left out' small.html
}

@test "without the photos the page says so" {
    cp -r "$run" copy
    sed -i 's#"data": "[^"]*"#"data": "/nowhere"#' copy/config.json
    "$FREEZETUNE" report copy
    grep -q 'Without pictures: /nowhere' copy/report.html
    grep -q 'id=matrix' copy/report.html
}

@test "a page that cannot be written is a warning, and no failure of the run" {
    cp -r "$BATS_FILE_TMPDIR/photos" photos
    small=(--quiet --data photos --weights random --arch resnet18 --image-size 32 --epochs 1 --freeze-until 9 --seed 1)
    "$FREEZETUNE" train "${small[@]}" --no-report --out bare >/dev/null
    [ ! -e bare/report.html ]
    mkdir bare/report.html
    run_split "$FREEZETUNE" train --resume bare
    [ "$status" = 0 ]
    [[ $err == *'warning: bare/report.html was not written: '* ]]
    fails 73 'report.html' "$FREEZETUNE" report bare
}

@test "what is no run is one line" {
    mkdir empty
    fails 66 'empty/config.json' "$FREEZETUNE" report empty
    fails 66 'nowhere' "$FREEZETUNE" report nowhere
    fails 64 'RUN' "$FREEZETUNE" report
    cp -r "$run" odd
    sed -i '2s/,[^,]*,[^,]*$/,2,1/' odd/predictions_val.csv
    fails 65 'predictions_val.csv:2' "$FREEZETUNE" report odd
}

@test "a page of a run that goes on loads itself again" {
    "$BUILD/tests/tools/make_photos" more 2 40 4 48 1
    "$FREEZETUNE" train --quiet --data more --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 400 \
        --freeze-until 6 --out going >/dev/null 2>&1 &
    for _ in $(seq 300); do
        [ ! -f going/report.html ] || break
        sleep 0.1
    done
    cp going/report.html going.html
    kill -TERM $!
    wait $! || true
    grep -q '<meta http-equiv="refresh" content="20">' going.html
    grep -q 'The run goes on' going.html
    grep -q 'The run is not over' going/report.html
    [[ $(<going/report.html) != *'http-equiv="refresh"'* ]]
}

@test "the memory of a page does not grow with the photos: 100,000 rows" {
    cp -r "$run" many
    python3 - <<'END'
for name in ("predictions_val.csv", "probabilities_val.csv"):
    head, *rows = open(f"many/{name}", encoding="utf-8").read().splitlines()
    with open(f"many/{name}", "w", encoding="utf-8") as out:
        print(head, *rows, sep="\n", file=out)
        for i in range(100000 - len(rows)):
            print("class0/the name of a photo that is gone %06d.jpg" % i, rows[i % len(rows)].split(",", 1)[1], sep=",", file=out)
END
    few=$("$BUILD/tests/tools/peak_memory" "$FREEZETUNE" report "$run" --out few.html | tail -n 1)
    [ "$few" != sanitizer ] || skip "a sanitizer's memory would be counted"
    all=$("$BUILD/tests/tools/peak_memory" "$FREEZETUNE" report many --out many.html | tail -n 1)
    echo "$few bytes with the rows of the run, $all with 100,000"
    [ $((all - few)) -lt 30000000 ]
    grep -q ' of 100,000 validation photos' many.html
}
