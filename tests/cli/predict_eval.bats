#!/usr/bin/env bats
# predict and eval, with a small model whose weights are random: what is asked here is who answers, how and for which
# photos. That the answers are right is for reference.bats and for the tests of the engine.

load common

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 32 ants bees cats
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/m.safetensors
    fixtures=$BATS_TEST_DIRNAME/../fixtures/photos
    mkdir photos
    cp "$fixtures/grey.jpg" photos/a.jpg
    cp "$fixtures/palette.png" photos/b.png
    cp "$fixtures/bits.bmp" photos/c
}

predict() {
    "$FREEZETUNE" predict --model "$model" "$@"
}

@test "predict answers for files, folders and lists, in the order given" {
    run_split predict --format tsv --top-k 1 photos/b.png photos
    [ "$status" = 0 ]
    [ -z "$err" ]
    [ "$(cut -f1 stdout.txt | tr '\n' ' ')" = "file photos/b.png photos/a.jpg photos/b.png photos/c " ]
    printf 'photos/c\n\nphotos/a.jpg\n' >list.txt
    run_split predict --format tsv --top-k 1 - photos/b.png <list.txt
    [ "$status" = 0 ]
    [ "$(cut -f1 stdout.txt | tr '\n' ' ')" = "file photos/c photos/a.jpg photos/b.png " ]
    run_split predict --format tsv --top-k 1 --null - < <(printf 'photos/c\0photos/a.jpg\0')
    [ "$status" = 0 ]
    [ "$(cut -f1 stdout.txt | tr '\n' ' ')" = "file photos/c photos/a.jpg " ]
    fails 64 '--null only applies to a list on stdin' predict --null photos
}

@test "predict writes the same with any number of threads" {
    predict --format jsonl --top-k 9 --threads 1 photos >one.jsonl
    [ "$(wc -l <one.jsonl)" = 3 ]
    predict --format jsonl --top-k 9 --threads 2 photos | cmp - one.jsonl
    predict --format jsonl --top-k 9 --threads 3 photos | cmp - one.jsonl
}

@test "predict and eval take the preprocessing from the model, or from --resize and --crop" {
    predict --format jsonl photos >as_model.jsonl
    "$FREEZETUNE" convert --resize 50 --crop 40 "$model" other.safetensors
    "$FREEZETUNE" predict --model other.safetensors --format jsonl photos >other.jsonl
    run cmp as_model.jsonl other.jsonl
    [ "$status" = 1 ]
    predict --resize 50 --crop 40 --format jsonl photos | cmp - other.jsonl
    "$FREEZETUNE" predict --model other.safetensors --resize 37 --crop 32 --format jsonl photos | cmp - as_model.jsonl
    fails 64 '--resize 0: ' predict --resize 0 photos
    mkdir -p val/ants val/bees val/cats
    cp photos/a.jpg val/ants
    cp photos/b.png val/bees
    cp photos/c val/cats/c.bmp
    "$FREEZETUNE" eval --model other.safetensors --data val --json | grep -v '"model"' >there.json
    "$FREEZETUNE" eval --model "$model" --resize 50 --crop 40 --data val --json | grep -v '"model"' | cmp - there.json
}

@test "predict's jsonl has probabilities that sum to one" {
    predict --format jsonl photos >out.jsonl
    command -v python3 >/dev/null || skip "no python3 to read it with"
    python3 -c '
import json, sys
for line in open("out.jsonl"):
    row = json.loads(line)
    assert list(row) == ["file", "top"], row
    assert sorted(t["class"] for t in row["top"]) == ["ants", "bees", "cats"]
    assert all(["ants", "bees", "cats"][t["index"]] == t["class"] for t in row["top"])
    p = [t["probability"] for t in row["top"]]
    assert p == sorted(p, reverse=True) and abs(sum(p) - 1) < 1e-6, p'
}

@test "predict names the photos that cannot be read, does the others and exits 65" {
    echo "no photo" >photos/text.jpg
    : >photos/empty.png
    head -c 300 "$fixtures/grey.jpg" >photos/cut.jpg
    mkfifo photos/pipe.jpg
    ln -s /dev/zero photos/zero.jpg
    run_split predict --format tsv --top-k 1 photos
    [ "$status" = 65 ]
    [ "$(cut -f1 stdout.txt | tr '\n' ' ')" = "file photos/a.jpg photos/b.png photos/c " ]
    for name in text.jpg empty.png cut.jpg pipe.jpg zero.jpg; do
        grep -q "^freezetune: warning: photos/$name: " stderr.txt
    done
    [ "$(wc -l <stderr.txt)" = 6 ]
    [ "$(tail -1 stderr.txt)" = "freezetune predict: 5 of 8 photos could not be read; the others are done" ]
    run_split predict --format tsv --quiet photos
    [ "$status" = 65 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
}

@test "predict counts files in a folder that are no photos; named, they are photos" {
    echo "hello" >photos/README.txt
    run_split predict --format tsv --top-k 1 photos
    [ "$status" = 0 ]
    [ "$(wc -l <stdout.txt)" = 4 ]
    [ "$err" = "1 file that is not a photo was ignored (photos/README.txt)" ]
    printf '\xd0\xcf\x11\xe0' >photos/Thumbs.db
    echo "<annotation/>" >photos/a.xml
    mkdir photos/@eaDir photos/__MACOSX
    cp photos/a.jpg photos/@eaDir
    run_split predict --format tsv --top-k 1 photos
    [ "$status" = 0 ]
    [ "$(wc -l <stdout.txt)" = 4 ]
    [ "$err" = "3 files that are not photos were ignored (the first: photos/README.txt)" ]
    run_split predict --format tsv photos/README.txt
    [ "$status" = 65 ]
    run_split predict --format tsv - <<<photos/README.txt
    [ "$status" = 65 ]
    run_split predict --format tsv - <<<photos/none.jpg
    [ "$status" = 65 ]
    [[ $err == *photos/none.jpg* ]]
    mkdir notes
    cp photos/README.txt notes
    fails 66 'no photos: none of the 1 files is a photo .the first: notes/README.txt' predict notes
}

@test "predict: content decides what is a photo, in formats that are not read and under any name" {
    printf '8BPS\0\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >photos/drawing
    cp photos/a.jpg photos/image.dat
    run_split predict --format tsv --top-k 1 photos
    [ "$status" = 65 ]
    [ "$(wc -l <stdout.txt)" = 5 ]
    grep -q '^photos/image.dat' stdout.txt
    [[ $err == "freezetune: warning: photos/drawing: a Photoshop image; "*"1 of 5 photos could not be read; the others are done" ]]
}

@test "predict takes a list as Windows writes it, and says what UTF-16 is" {
    printf '\xef\xbb\xbfphotos/a.jpg\r\nphotos\\b.png\r\n' >list.txt
    predict --format tsv --top-k 1 - <list.txt >out.tsv
    [ "$(tail -n +2 out.tsv | cut -f1 | tr '\n' ' ')" = "photos/a.jpg photos/b.png " ]
    printf '\xff\xfep\0h\0o\0\r\0\n\0' >wide.txt
    fails 65 'is UTF-16: save it as UTF-8' predict - <wide.txt
}

# A path that is too long for the system cannot be read by anybody; chmod would not stop root.
@test "predict: a folder in a folder that cannot be read does not stop the others" {
    name=$(printf '%0240d' 0)
    (
        cd photos
        for _ in $(seq 20); do
            mkdir "$name"
            cd "$name"
        done
    )
    run_split predict --format tsv --top-k 1 photos
    [ "$status" = 65 ]
    [ "$(cut -f1 stdout.txt | tr '\n' ' ')" = "file photos/a.jpg photos/b.png photos/c " ]
    [ "$(grep -c '^freezetune: warning: photos/0000' stderr.txt)" = 1 ]
    [ "$(tail -1 stderr.txt)" = "freezetune predict: 1 of 4 photos could not be read; the others are done" ]
}

@test "predict survives names with newlines, tabs and bytes that are not UTF-8" {
    mkdir odd
    cp photos/a.jpg "odd/new
line.jpg"
    cp photos/a.jpg "$(printf 'odd/caf\351\t.jpg')"
    for format in table tsv csv jsonl; do
        run_split predict --format $format --top-k 1 odd
        [ "$status" = 0 ]
    done
    predict --format tsv --top-k 1 odd >out.tsv
    [ "$(wc -l <out.tsv)" = 3 ]
    grep -qF 'odd/new\nline.jpg' out.tsv
    grep -qF 'odd/caf\xe9\t.jpg' out.tsv
    predict --format jsonl --top-k 1 odd | iconv -f utf-8 -t utf-8 >/dev/null
}

@test "predict --out writes the whole file or none" {
    run_split predict --format csv --out answers.csv photos
    [ "$status" = 0 ]
    [ -z "$out" ]
    predict --format csv photos | cmp - answers.csv
    echo keep >kept.csv
    fails 66 'nowhere' predict --out kept.csv photos/nowhere
    [ "$(cat kept.csv)" = keep ]
    fails 73 '' predict --out no/such/folder.csv photos
    mkdir folder
    fails 73 'folder' predict --out folder photos
    fails 64 'is one of the inputs' predict --out photos/a.jpg photos
    cmp "$fixtures/grey.jpg" photos/a.jpg
    fails 64 'is one of the inputs' predict --logits "$model" photos
    fails 64 'both: is also the file of --out' predict --out both --logits both photos
    [ ! -e both ]
    [ "$(ls)" = "$(printf 'answers.csv\nfolder\nkept.csv\nphotos\nstderr.txt\nstdout.txt')" ]
}

@test "predict --logits writes the raw outputs of the readable photos" {
    echo "no photo" >photos/bad.jpg
    run_split predict --logits l.safetensors photos
    [ "$status" = 65 ]
    "$FREEZETUNE" inspect l.safetensors >inspect.txt
    grep -qE '^logits +F32 +\[3,3\]' inspect.txt
    grep -qF '["photos/a.jpg", "photos/b.png", "photos/c"]' inspect.txt
}

@test "predict: a full disk is 74, and nothing is left" {
    [ -c /dev/full ] || skip "no /dev/full"
    status=0
    predict --format jsonl photos >/dev/full 2>stderr.txt || status=$?
    [ "$status" = 74 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
}

@test "predict says what is missing" {
    fails 64 '--model is needed' "$FREEZETUNE" predict photos
    fails 64 'too few arguments' predict
    fails 64 '--top-k 0: must be ' predict --top-k 0 photos
    fails 64 '--format xml: must be table, tsv, csv or jsonl' predict --format xml photos
    fails 66 'none\.safetensors' "$FREEZETUNE" predict --model none.safetensors photos
    fails 65 'photos/a\.jpg' "$FREEZETUNE" predict --model photos/a.jpg photos
    safetensors other.safetensors '{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' '\0\0\0\0'
    fails 65 "not a ResNet's weights" "$FREEZETUNE" predict --model other.safetensors photos
    fails 66 'none' predict none
    mkdir hollow
    fails 66 'no photos' predict hollow
    fails 66 'no photos' predict - </dev/null
}

@test "predict stops at once on a signal with 143 and leaves no file" {
    mkfifo list
    "$FREEZETUNE" predict --model "$model" --out answers.tsv - <list 2>stderr.txt &
    pid=$!
    exec 9>list
    kill -TERM $pid
    (echo photos/a.jpg >&9) 2>/dev/null || true # it may be gone already
    exec 9>&-
    status=0
    wait $pid || status=$?
    [ "$status" = 143 ]
    [ ! -e answers.tsv ]
    [ -z "$(find . -name '*answers*')" ]
}

make_data() {
    mkdir -p data/val/ants data/val/bees
    cp photos/a.jpg photos/b.png data/val/ants/
    cp photos/c "$fixtures/cmyk.jpg" "$fixtures/grey.png" data/val/bees/
}

evaluate() {
    "$FREEZETUNE" eval --model "$model" "$@"
}

@test "eval counts what predict answers" {
    make_data
    run_split evaluate
    [ "$status" = 0 ]
    [ -z "$err" ]
    [ "$(head -1 stdout.txt)" = "data/val: 5 photos" ]
    right=0
    for class in ants bees; do
        right=$((right + $(predict --top-k 1 --format tsv data/val/$class | cut -f4 | grep -cx $class || true)))
    done
    grep -q "^accuracy $(awk "BEGIN { printf \"%.1f\", $right / 5 * 100 }") % (95 % interval [0-9.]* to [0-9.]* %)  loss [0-9.]*  macro-F1 " stdout.txt
    grep -qE '^bees +3 ' stdout.txt
    grep -q '^worst mistakes' stdout.txt
    # The same from the folder of class folders itself, and with other threads.
    evaluate --data data/val --threads 3 | cmp - stdout.txt
}

@test "eval --json agrees with itself" {
    make_data
    evaluate --json >out.json
    command -v python3 >/dev/null || skip "no python3 to read it with"
    python3 -c '
import json
d = json.load(open("out.json"))
c = d["confusion"]
assert sum(map(sum, c)) == d["photos"] == 5
assert d["accuracy"] == sum(c[i][i] for i in range(3)) / 5
assert [k["class"] for k in d["classes"]] == ["ants", "bees", "cats"]
assert [k["photos"] for k in d["classes"]] == [2, 3, 0]
assert len(d["worst"]) == 5 - sum(c[i][i] for i in range(3))
assert d["unreadable"] == 0'
}

@test "eval --assert-accuracy is a gate" {
    make_data
    run_split evaluate --assert-accuracy 0
    [ "$status" = 0 ]
    mv data/val/bees/* data/val/ants/
    rmdir data/val/bees
    class=$(predict --top-k 1 --format tsv data/val/ants | cut -f4 | tail -1)
    [ "$class" != ants ] || mv data/val/ants data/val/bees
    run_split evaluate --assert-accuracy 1
    [ "$status" = 1 ]
    [[ $err =~ ^freezetune\ eval:\ accuracy\ 0\.[0-9]{4}\ is\ below\ the\ 1\.0000 ]]
    [ "$(wc -l <stderr.txt)" = 1 ]
    fails 64 '--assert-accuracy 90: must be from 0 to 1' evaluate --assert-accuracy 90
}

@test "eval names and counts unreadable photos; --strict stops at the first" {
    make_data
    echo "no photo" >data/val/ants/bad.jpg
    run_split evaluate
    [ "$status" = 65 ]
    [ "$(head -1 stdout.txt)" = "data/val: 5 photos, 1 more could not be read" ]
    grep -q '^worst mistakes' stdout.txt
    [[ $err == "freezetune: warning: data/val/ants/bad.jpg: "* ]]
    [ "$(tail -1 stderr.txt)" = "freezetune eval: 1 of 6 photos could not be read; the others are measured" ]
    fails 65 'eval: 1 of 6 photos could not be read; ' evaluate --quiet --json
    grep -q '"unreadable": 1,$' stdout.txt
    grep -q '"photos": 5,$' stdout.txt
    run_split evaluate --strict
    [ "$status" = 65 ]
    [ -z "$out" ]
    find data -type f ! -name bad.jpg -delete
    run_split evaluate --quiet
    [ "$status" = 65 ]
    [[ $err == *"none of the 1 photos could be read" ]]
}

@test "eval --assert-accuracy has no answer while a photo cannot be read: 65, be the others good or bad" {
    make_data
    echo "no photo" >data/val/ants/bad.jpg
    for wanted in 0 1; do
        fails 65 "1 of 6 photos could not be read, so --assert-accuracy $wanted cannot be decided; the accuracy of the others is 0\.[0-9]{4}" \
            evaluate --quiet --assert-accuracy $wanted
        grep -q '^accuracy ' stdout.txt
    done
    rm data/val/ants/bad.jpg
    evaluate --assert-accuracy 0 >/dev/null
    run_split evaluate --assert-accuracy 1
    [ "$status" = 1 ]
}

@test "eval finds the photos under the names that splits have, and names the folder that was meant" {
    make_data
    evaluate >plain.txt
    mkdir -p other/Training/ants other/Training/bees
    cp photos/a.jpg other/Training/ants
    cp -r data/val other/Testing
    run_split evaluate --data other
    [ "$status" = 0 ]
    [ "$err" = "photos: Testing/ is measured" ]
    cmp <(tail -n +2 stdout.txt) <(tail -n +2 plain.txt)
    cp -r data/val other/valid
    run_split evaluate --data other
    [ "$err" = "photos: valid/ is measured, not Testing/: --data other/Testing measures that" ]
    mkdir up
    mv other up
    fails 65 'did you mean --data up/other.$' evaluate --data up
    fails 65 'did you mean --data up/other.$' evaluate --data up/other/valid/ants
    rm -r up/other/valid up/other/Testing
    fails 65 'has Training/ but no val/ or test/' evaluate --data up/other
}

@test "eval refuses classes that the model does not know" {
    make_data
    mv data/val/bees data/val/wasps
    fails 65 'wasps' evaluate
    fails 66 'none' evaluate --data none
    fails 64 '--model is needed' "$FREEZETUNE" eval
    fails 64 'one argument too many' evaluate data
}

@test "--tta flip gives the mean of the probabilities of a photo and of its mirror image, in predict and in eval" {
    command -v python3 >/dev/null || skip "no python3 to mirror photos with"
    python3 - <<'PYTHON'
import os, random, struct
random.seed(1)
for number in range(6):
    rows = [[random.randbytes(3) for x in range(32)] for y in range(32)]
    for folder, step in ("val", 1), ("mirrored", -1):
        place = f"{folder}/{('ants', 'bees', 'cats')[number % 3]}"
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/{number}.bmp", "wb") as file:
            file.write(struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + 3072, 0, 0, 54, 40, 32, 32, 1, 24, 0, 3072, 0, 0, 0, 0))
            for row in rows:
                file.write(b"".join(row[::step]))
PYTHON
    answers() {
        predict --resize 32 --crop 32 --format jsonl --batch-size 4 "$@"
    }
    answers val >val.jsonl
    answers mirrored >mirrored.jsonl
    answers --tta flip --logits flip.safetensors val >flip.jsonl
    answers --tta flip mirrored | sed 's/mirrored/val/' | cmp - flip.jsonl
    answers --tta none val | cmp - val.jsonl
    "$FREEZETUNE" eval --model "$model" --resize 32 --crop 32 --data val --tta flip --json >eval.json
    python3 - <<'PYTHON'
import json, math, struct
def read(name):
    return [{t["class"]: t["probability"] for t in json.loads(line)["top"]} for line in open(name)]
plain, mirrored, flip = read("val.jsonl"), read("mirrored.jsonl"), read("flip.jsonl")
assert len(flip) == 6
for p, m, f in zip(plain, mirrored, flip):
    assert abs(p["ants"] - m["ants"]) > 1e-6, "the mirror image changes nothing"
    for name in f:
        assert abs(f[name] - (p[name] + m[name]) / 2) < 1e-6, (name, p, m, f)
loss = -sum(math.log(f[("ants", "bees", "cats")[i // 2]]) for i, f in enumerate(flip)) / 6
found = json.load(open("eval.json"))
assert abs(found["loss"] - loss) < 1e-5, (found["loss"], loss)
data = open("flip.safetensors", "rb").read()
logits = struct.unpack("<18f", data[-72:])
for i, f in enumerate(flip):
    for k, name in enumerate(("ants", "bees", "cats")):
        assert abs(logits[3 * i + k] - math.log(f[name])) < 1e-5
PYTHON
}

@test "an output that is not finite is no answer: 65, the photo is named, and there is no row" {
    # Finite numbers that overflow inside the network.
    "$BUILD/tests/tools/fill_weights" "$model" over.safetensors bn1.weight 3e38
    for format in table tsv csv jsonl; do
        for option in "--tta none" "--tta flip" "--batch-size 1"; do
            # shellcheck disable=SC2086 # two words
            fails 65 'photos/a.jpg: no answer: .*not finite.*over.safetensors' \
                "$FREEZETUNE" predict --model over.safetensors --format $format $option --logits l.safetensors photos
            absent photos
        done
    done
    [ ! -e l.safetensors ]
    fails 65 'photos/a.jpg: no answer' \
        "$FREEZETUNE" predict --model over.safetensors --format csv --out rows.csv photos
    [ ! -e rows.csv ]
    mkdir -p val/ants val/bees val/cats
    cp photos/a.jpg val/ants
    cp photos/b.png val/bees
    cp photos/c val/cats/c.bmp
    for option in "" --json "--tta flip"; do
        # shellcheck disable=SC2086
        fails 65 'val/ants/a.jpg: no answer' "$FREEZETUNE" eval --model over.safetensors --data val $option
        [ -z "$out" ]
    done
    # The last layer alone.
    "$BUILD/tests/tools/fill_weights" "$model" head.safetensors fc.bias -3.4e38
    "$BUILD/tests/tools/fill_weights" head.safetensors head2.safetensors fc.weight -3e38
    fails 65 'no answer' "$FREEZETUNE" predict --model head2.safetensors --format tsv photos
    "$BUILD/tests/tools/fill_weights" over.safetensors still.safetensors bn1.running_var 1e-30
    fails 65 "fold.onnx: cannot be written: tensor '.*weight' overflows" \
        "$FREEZETUNE" convert --fold-bn still.safetensors fold.onnx
    [ ! -e fold.onnx ]
}

@test "training from weights that overflow says so before the first step" {
    "$BUILD/tests/tools/fill_weights" "$model" over.safetensors bn1.weight 3e38
    "$BUILD/tests/tools/make_photos" data 3 2 1 32 1
    for freeze in 0 6; do
        run_split "$FREEZETUNE" train --quiet --data data --weights over.safetensors --arch resnet18 --image-size 32 \
            --batch-size 6 --freeze-until $freeze --epochs 1 --bn-trained eval --out run$freeze
        [ "$status" = 65 ]
        grep -q 'class./.*: the output of the network is not finite before the first step' stderr.txt
        [ ! -e run$freeze/best.safetensors ]
    done
}
