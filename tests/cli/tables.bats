#!/usr/bin/env bats
# Tables that other programs read, of photos and classes whose names do what they can: one line a row, nothing that a
# spreadsheet runs, and the name can be recovered.

load common

# U+202E, U+FEFF, U+2028 as bytes: bash in the C locale has no \u
rtl=$'\xe2\x80\xae' bom=$'\xef\xbb\xbf' line_end=$'\xe2\x80\xa8'

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    "$BUILD/tests/tools/make_photos" plain 2 4 3 40 1
    local odd='=cmd|calc' other="-e${rtl}x"
    for part in train val; do
        mv plain/$part/class0 "plain/$part/$odd"
        mv plain/$part/class1 "plain/$part/$other"
    done
    local photo
    photo=$(printf '%s\n' "plain/val/$odd"/* | head -1)
    cp "$photo" "plain/val/$odd/$(printf 'a\033[31m\\,"b\nc').bmp"
    "$FREEZETUNE" train --quiet --data plain --weights random --arch resnet18 --image-size 32 --freeze-until 8 \
        --epochs 1 --batch-size 4 --lr 0.01 --cache off --out run >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    run=$BATS_FILE_TMPDIR/run photos=$BATS_FILE_TMPDIR/plain
}

# harmless FILE SEPARATOR: every line has as many cells, none begins with what a spreadsheet runs (but numbers), no byte
# is one that a terminal obeys, and lines end in a newline alone.
harmless() {
    command -v python3 >/dev/null || skip "no python3 to read tables with"
    python3 - "$1" "$2" <<'PYTHON'
import csv, re, sys
data = open(sys.argv[1], "rb").read()
assert data.endswith(b"\n") and not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data), "control bytes"
text = data.decode()
assert not re.search("[\u0080-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text), "marks of direction"
quoting = csv.QUOTE_NONE if sys.argv[2] == "\t" else csv.QUOTE_MINIMAL
rows = list(csv.reader(text.splitlines(), delimiter=sys.argv[2], quoting=quoting, strict=True))
assert len(rows) == text.count("\n") and len({len(row) for row in rows}) == 1, rows
for row in rows:
    for cell in row:
        assert not re.match(r"[=+@\t\r-]", cell) or re.fullmatch(r"-?[0-9.e+-]+", cell), cell
PYTHON
}

@test "no table of a run, and no output, holds what a spreadsheet or a terminal obeys" {
    for file in confusion predictions_val metrics; do
        harmless "$run/$file.csv" ,
    done
    for file in duplicates bad_images; do
        harmless "$run/$file.tsv" $'\t'
    done
    run_split "$FREEZETUNE" predict --model "$run/best.safetensors" --format csv "$photos/val"
    [ "$status" = 0 ]
    harmless stdout.txt ,
    grep -q "'=cmd|calc" stdout.txt
    cp "$photos"/val/=*/a* ./+sum.bmp
    "$FREEZETUNE" predict --model "$run/best.safetensors" --format tsv --out answers.tsv +sum.bmp
    harmless answers.tsv $'\t'
    [ "$(sed -n 2p answers.tsv | cut -f1)" = "'+sum.bmp" ]
    grep -q '^..=cmd|calc/a\\x1b\[31m\\\\,""b\\nc.bmp' "$run/predictions_val.csv"
}

@test "a script finds the file by the documented rule" {
    name=$(printf -- '-a \033\\x41\n\t%s=' "$rtl$bom$line_end")
    cp "$photos"/val/=*/a* "./$name"
    "$FREEZETUNE" predict --model "$run/best.safetensors" --format tsv --top-k 1 -- "$name" >answers.tsv
    [ "$(wc -l <answers.tsv)" = 2 ]
    cell=$(sed -n 2p answers.tsv | cut -f1)
    cell=${cell#"'"}
    printf -v found '%b' "$cell"
    [ "$found" = "$name" ]
    [ -e "./$found" ]
}

@test "class names with a zero byte are refused" {
    "$BUILD/tests/tools/make_model" m.safetensors 32 ants beesXYZ
    sed 's/beesXYZ/b\\\\u0000/' m.safetensors >cut.safetensors # the length of the header stays
    [ "$(wc -c <cut.safetensors)" = "$(wc -c <m.safetensors)" ] || sed 's/beesXYZ/\\\\u0000/' m.safetensors >cut.safetensors
    [ "$(wc -c <cut.safetensors)" = "$(wc -c <m.safetensors)" ]
    fails 65 'cut.safetensors: metadata freezetune.classes: a name contains a NUL character \(\\u0000\)' \
        "$FREEZETUNE" predict --model cut.safetensors "$photos/val"
    "$FREEZETUNE" convert --names hf m.safetensors hf.safetensors
    mkdir hf
    sed 's/freezetune.classes/freezetune.cl_sses/' hf.safetensors >hf/model.safetensors
    printf '{"model_type": "resnet", "id2label": {"0": "ants", "1": "b\\u0000x"}}' >hf/config.json
    fails 65 'hf/config.json: .*NUL character' "$FREEZETUNE" predict --model hf/model.safetensors "$photos/val"
}

# plain FOLDER: weights with torchvision's names that say nothing of classes or photos, as those of others.
plain() {
    mkdir "$1"
    "$BUILD/tests/tools/make_model" m.safetensors 32 ants bees cats
    sed 's/freezetune.classes/freezetune.cl_sses/; s/freezetune.preprocess/freezetune.pr_process/' m.safetensors \
        >"$1/w.safetensors"
}

@test "config.json beside weights with torchvision's names is read, or said not to be" {
    plain w
    absent_error() {
        if grep 'warning: .*config.json' stderr.txt; then return 1; fi
    }
    answer() {
        run_split "$FREEZETUNE" predict --model w/w.safetensors --format jsonl --top-k 3 "$photos/val"
        [ "$status" = 0 ]
    }
    answer
    printf '{"model_type": "resnet", "id2label": {"0": "dogs", "1": "mice", "2": "cows"}}' >w/config.json
    answer
    absent_error
    grep -q '"class": "mice"' stdout.txt
    printf '{"pretrained_cfg": {"input_size": [3, 32, 32]}, "label_names": ["oak", "elm", "fir"]}' >w/config.json
    answer
    absent_error
    grep -q '"class": "elm"' stdout.txt
    # timm's need not name any: it says how photos are prepared.
    printf '{"architecture": "resnet18", "num_classes": 3, "pretrained_cfg": {"input_size": [3, 32, 32]}}' >w/config.json
    answer
    absent_error
    for text in '{"model_type": "vit", "id2label": {"0": "x"}}' '{"classes": ["x", "y"]}' 'no json' \
        '{"id2label": {"0": "dogs", "1": "mice"}}'; do
        printf '%s' "$text" >w/config.json
        answer
        grep -q '^freezetune: warning: w/config.json: has no class names for the outputs of this network; give them with --classes$' stderr.txt
        grep -q '"class": "1"' stdout.txt
    done
    run_split "$FREEZETUNE" predict --model w/w.safetensors --classes a,b,c "$photos/val"
    [ "$status" = 0 ]
    absent_error
}

@test "a config.json that names no classes is said once by a command that opens the weights several times" {
    plain w
    echo '{}' >w/config.json
    once() {
        run_split "$FREEZETUNE" "$@"
        [ "$status" = 0 ]
        [ "$(grep -c 'w/config.json: has no class names' stderr.txt)" = 1 ]
    }
    once convert w/w.safetensors w.onnx
    once sweep --data "$photos" --weights w/w.safetensors --freeze-until 8,9 --image-size 32 --batch-size 4 --epochs 1 --out sweep
    once train --data "$photos" --weights w/w.safetensors --lr find --image-size 32 --batch-size 4 --epochs 1 --out run
}
