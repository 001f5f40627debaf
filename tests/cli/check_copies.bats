#!/usr/bin/env bats
# check: the same picture in other bytes, by a network's features; the list of --apply; wrong labels of --labels-from.

load common

# draw.py FOLDER: photos of waves, and copies of them in other ways.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    python3 - photos <<'END'
import math, os, random, struct, sys
def save(name, rows):
    height, width = len(rows), len(rows[0])
    pad = bytes(-(width * 3) % 4)
    data = b"".join(b"".join(bytes([v, v, v]) for v in row) + pad for row in reversed(rows))
    head = b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 0, 0, 0, 0)
    path = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(head + data)
def photo(seed):
    draw = random.Random(seed)
    waves = [(draw.gauss(0, 0.12), draw.gauss(0, 0.12), draw.uniform(0, 6.3), draw.uniform(5, 20)) for _ in range(10)]
    return [[min(255, max(0, round(128 + sum(h * math.cos(a * x + b * y + p) for a, b, p, h in waves))))
             for x in range(96)] for y in range(80)]
made = [photo(seed) for seed in range(6)]
for i, rows in enumerate(made):
    save(f"train/class{i % 2}/{i}.bmp", rows)
save("val/class0/other.bmp", photo(77))
save("val/class1/other.bmp", photo(78))
save("val/class0/turned.bmp", [list(row) for row in zip(*made[0][::-1])])
save("val/class1/brighter.bmp", [[min(255, v + v // 4) for v in row] for row in made[1]])
save("train/class0/cut.bmp", [row[3:92] for row in made[3][4:77]])
save("train/class1/mirrored.bmp", [row[::-1] for row in made[5]])
END
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 0 \
        --epochs 1 --cache off --out base >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos weights=$BATS_FILE_TMPDIR/base/best.safetensors
    unset FREEZETUNE_WEIGHTS
    export XDG_CACHE_HOME=$PWD/cache XDG_DATA_HOME=$PWD/none
}

check() {
    "$FREEZETUNE" check "$@" --weights "$weights" --image-size 32
}

# The rows whose problem begins with a word, without suggestion: file, problem, other file.
near_rows() {
    awk -F'\t' -v word="$1" 'index($2, word) == 1 { print $5 "/" $1 "|" $2 "|" $8 "/" $7 }' "$2" | sort
}

@test "copies in other bytes are found across lists, classes and within a class" {
    run_split check "$photos" --tsv found.tsv
    [ "$status" = 1 ]
    near_rows near found.tsv >rows.txt
    sort >wanted.txt <<'END'
val/class0/turned.bmp|near leak|train/class0/0.bmp
val/class1/brighter.bmp|near leak|train/class1/1.bmp
train/class1/3.bmp|near label conflict|train/class0/cut.bmp
train/class1/mirrored.bmp|near repeat|train/class1/5.bmp
END
    diff wanted.txt rows.txt
    check "$photos" --tsv one.tsv --threads 1 --cache-dir other >/dev/null || [ $? = 1 ]
    cmp one.tsv found.tsv
}

@test "a threshold of 1 and --near off find none; no weights: said, and the rest is done" {
    check "$photos" --near 1 --tsv found.tsv >/dev/null || [ $? = 1 ]
    [ "$(near_rows near found.tsv | grep -c cut)" = 0 ]
    rm -r cache
    run_split check "$photos" --near off --tsv found.tsv
    [ -z "$(near_rows near found.tsv)" ]
    [ ! -e cache ]
    run_split "$FREEZETUNE" check "$photos" --tsv found.tsv
    [ "$status" = 1 ]
    grep -qF 'not compared with each other, but for equal files: there are no pretrained weights' stderr.txt
    [ -z "$(near_rows near found.tsv)" ]
    fails 66 'none.safetensors' "$FREEZETUNE" check "$photos" --weights none.safetensors
    fails 64 '--near' "$FREEZETUNE" check "$photos" --near 2
}

@test "train finds the features that check has computed" {
    check "$photos" >/dev/null || [ $? = 1 ]
    [ "$("$FREEZETUNE" cache list --format tsv | wc -l)" = 2 ]
    "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --freeze-until 9 --augment none --epochs 1 \
        --out run >/dev/null 2>&1
    [ "$("$FREEZETUNE" cache list --format tsv | wc -l)" = 2 ]
    grep -o '"features":{[^}]*}' run/log.jsonl >features.txt || true
    if grep -E '"(computed|pixels)":[1-9]' features.txt; then return 1; fi
}

@test "--apply lists all but the second of two copies, with exit code 0, and moves nothing" {
    find "$photos" -type f | sort >before.txt
    run_split check "$photos" --apply list.csv
    [ "$status" = 0 ]
    grep -qF 'list.csv: lists 8 of 12 photos; left out: 1 near label conflict, 2 near leak, 1 near repeat; corrected: 0' stderr.txt
    find "$photos" -type f | sort | cmp - before.txt
    python3 - "$photos" <<'END'
import csv, os, sys
rows = list(csv.reader(open("list.csv", newline="")))
assert rows[0] == ["file", "label", "split"], rows[0]
names = {tuple(row[0].split("/")[-3:]) for row in rows[1:]}
assert all(os.path.isabs(row[0]) and os.path.samefile(row[0], os.path.join(sys.argv[1], *row[0].split("/")[-3:])) for row in rows[1:])
assert all(tuple(row[0].split("/")[-3:-1]) == (row[2], row[1]) for row in rows[1:])
assert ("val", "class0", "turned.bmp") not in names and ("train", "class0", "0.bmp") in names
assert ("train", "class1", "3.bmp") not in names and ("train", "class0", "cut.bmp") in names
END
}

# A folder whose class1 has two photos of class0, and what two folds said of it: 0.9 for what a photo shows, and 0.8 for
# what is not enough to be sure.
flipped_run() {
    "$BUILD/tests/tools/make_photos" made 2 24 0 32 1
    mkdir -p data/class0 data/class1 run/fold-1 run/fold-2
    for class in 0 1; do
        for photo in made/"class$class"/*; do
            cp "$photo" "data/class$class/$class-${photo##*/}"
        done
    done
    mv data/class0/0-00.png data/class0/0-01.bmp data/class1/
    for fold in 1 2; do
        echo file,class,class0,class1 >run/fold-$fold/probabilities_val.csv
    done
    for photo in data/class?/*; do
        name=${photo#data/}
        case ${name##*/} in
        0-02*) p=0.2,0.8 ;;
        0-*) p=0.9,0.1 ;;
        *) p=0.1,0.9 ;;
        esac
        echo "$name,${name%%/*},$p" >>"run/fold-2/probabilities_val.csv"
    done
    tail -n 10 run/fold-2/probabilities_val.csv >>run/fold-1/probabilities_val.csv
    head -n -10 run/fold-2/probabilities_val.csv >rest.csv
    mv rest.csv run/fold-2/probabilities_val.csv
}

@test "--labels-from finds flipped labels, --wrong-labels corrects them; other folders are said" {
    flipped_run
    run_split "$FREEZETUNE" check data --near off --labels-from run --tsv found.tsv
    [ "$status" = 1 ]
    cut -f 1,2,5,6,9 found.tsv | grep ' label' | tr '\t' '|' | sort >rows.txt
    for photo in data/class1/0-*; do
        echo "class1/${photo##*/}|wrong label|train|class1|class0"
    done >wanted.txt
    echo "class0/0-02.png|doubtful label|train|class0|class1" >>wanted.txt
    sort wanted.txt | diff - rows.txt
    grep -qF $'class1/0-00.png\twrong label\t0.1\t' found.tsv
    grep -qF $'class0/0-02.png\tdoubtful label\t0.2\t' found.tsv
    wrong=2
    run_split "$FREEZETUNE" check data --near off --labels-from run --apply list.csv --wrong-labels correct
    [ "$status" = 0 ]
    grep -qF "left out: none; corrected: $wrong" stderr.txt
    [ "$(head -1 list.csv)" = file,label ]
    [ "$(grep -c '/class1/0-.*,class0$' list.csv)" = "$wrong" ]
    "$FREEZETUNE" check data --near off --labels-from run --apply list.csv --quiet >/dev/null
    [ "$(grep -c /class1/0- list.csv)" = 0 ]
    "$FREEZETUNE" check data --near off --labels-from run --apply list.csv --wrong-labels keep --quiet >/dev/null
    [ "$(grep -c '/class1/0-.*,class1$' list.csv)" = "$wrong" ]
    # A photo that has been put right is not judged again, one that is gone is said.
    set -- data/class1/0-*
    mv "$1" data/class0/
    rm "$2"
    run_split "$FREEZETUNE" check data --near off --labels-from run --tsv found.tsv
    grep -qF 'run: 2 photos are not in this folder now' stderr.txt
    [ "$(grep -c 'wrong label' found.tsv || true)" = 0 ]
    fails 66 'probabilities_val.csv' "$FREEZETUNE" check data --near off --labels-from data
    fails 65 'no photo of its' "$FREEZETUNE" check "$photos" --near off --labels-from run
    "$FREEZETUNE" check data --near off --labels-from run/fold-1 >/dev/null || [ $? = 1 ]
    "$FREEZETUNE" check "$photos" --near off --labels-from "$BATS_FILE_TMPDIR/base" >/dev/null || [ $? = 1 ]
}

# labels_of RUN...: rows.txt has file, problem and score of what is said of labels.
labels_of() {
    "$FREEZETUNE" check data --near off --labels-from "$@" --tsv found.tsv >/dev/null || [ $? = 1 ]
    { grep ' label' found.tsv || true; } | cut -f 1-3 | tr '\t' '|' >rows.txt
}

# second_run RUN SED...: the run again, in one fold, with its probabilities changed.
second_run() {
    mkdir -p "$1"
    cat run/fold-1/probabilities_val.csv >all.csv
    tail -n +2 run/fold-2/probabilities_val.csv >>all.csv
    sed "${@:2}" all.csv >"$1/probabilities_val.csv"
}

@test "of several --labels-from the mean is judged" {
    flipped_run
    # Alone it takes 0-05 for class1 and does not see what is wrong with 0-00.
    second_run again -e '/0-05/s/,0.9,0.1$/,0.02,0.98/' -e '/0-00/s/,0.9,0.1$/,0.52,0.48/'
    labels_of again
    cut -d '|' -f 1,2 rows.txt | diff - <(printf 'class0/0-05.bmp|wrong label\nclass1/0-01.bmp|wrong label\nclass0/0-02.png|doubtful label\n')
    labels_of run --labels-from again
    # The means are 0.46 for the label of 0-05, and 0.29 for that of 0-00.
    diff - rows.txt <<'END'
class1/0-01.bmp|wrong label|0.1
class0/0-02.png|doubtful label|0.2
class1/0-00.png|doubtful label|0.29
END
    # A photo that one run alone has is judged by it; a run of other photos, or of other classes, is refused.
    second_run part -n -e 1p -e /0-01/p
    labels_of run
    mv rows.txt one.txt
    labels_of run --labels-from part
    cmp one.txt rows.txt
    second_run other -e 's/^class/none/'
    fails 65 'other: no photo of its 48' "$FREEZETUNE" check data --near off --labels-from run --labels-from other
    second_run named -e '1s/class1/more/;s/,class1,/,more,/'
    fails 65 'named/.*has other classes' "$FREEZETUNE" check data --near off --labels-from run --labels-from named
    mv data/class1/0-0* data/class0/
    run_split "$FREEZETUNE" check data --near off --labels-from run --labels-from again
    grep -qF 'run: 2 photos are not in this folder now' stderr.txt
    grep -qF 'again: 2 photos are not in this folder now' stderr.txt
}

@test "train takes the list of --apply" {
    check "$photos" --apply list.csv --quiet >/dev/null
    "$FREEZETUNE" train --quiet --labels list.csv --weights random --arch resnet18 --image-size 32 --freeze-until 9 \
        --epochs 1 --cache off --out run >/dev/null
    grep -q '"train_photos": 6' run/config.json
    grep -q '"val_photos": 2' run/config.json
}
