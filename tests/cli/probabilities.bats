#!/usr/bin/env bats
# RUN/probabilities_val.csv: the probability of every class for every validated photo.

load common

options=(--freeze-until 6 --epochs 4 --lr 0.02 --schedule constant)

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 3 12 4 40 1
    # Two photos in the wrong class: the surer the network becomes, the worse it judges them. So the best epoch is not
    # the last one, which a test asks for, however a processor rounds.
    mv photos/val/class0/00.png photo.png
    mv photos/val/class1/00.png photos/val/class0
    mv photo.png photos/val/class1/00.png
    small_weights 1 12
    train_with "${options[@]}" --out run >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    command -v python3 >/dev/null || skip "no python3 to compare with"
    run=$BATS_FILE_TMPDIR/run
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

train_with() {
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos" --weights "$BATS_FILE_TMPDIR/weights.safetensors" \
        --image-size 32 --batch-size 8 "$@"
}

@test "rows are those of predictions_val.csv, numbers the softmax of the network's outputs" {
    run_split "$FREEZETUNE" predict --quiet --model "$run" --logits logits.safetensors "$BATS_FILE_TMPDIR/photos/val"
    [ "$status" = 0 ]
    python3 - "$run" logits.safetensors <<'END'
import csv, json, math, struct, sys
run, logits = sys.argv[1:]
rows = list(csv.reader(open(run + "/probabilities_val.csv")))
told = list(csv.DictReader(open(run + "/predictions_val.csv")))
assert rows[0] == ["file", "class", "class0", "class1", "class2"], rows[0]
assert len(rows) == 13 and [r[:2] for r in rows[1:]] == [[p["file"], p["class"]] for p in told]
with open(logits, "rb") as stream:
    header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    values = struct.unpack("<36f", stream.read())
files = json.loads(header["__metadata__"]["files"])
assert len(files) == 12
for row, answer in zip(rows[1:], told):
    p = [float(x) for x in row[2:]]
    assert all(x == "%.9g" % float(x) for x in row[2:]), row
    i = next(i for i, f in enumerate(files) if f.endswith(row[0]))
    z = values[3 * i:3 * i + 3]
    sums = sum(math.exp(x) for x in z)
    # The same network in batches of another size: rounding of float32 alone.
    assert all(abs(a - math.exp(b) / sums) < 1e-5 for a, b in zip(p, z)), (row, z)
    assert abs(max(p) - float(answer["probability"])) < 1e-5 and rows[0][2 + p.index(max(p))] == answer["predicted"]
END
}

@test "the table is that of the best epoch: the mean of its losses is the loss of that epoch" {
    python3 - "$run" <<'END'
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/probabilities_val.csv")))
epochs = list(csv.DictReader(open(sys.argv[1] + "/metrics.csv")))
best = [e for e in epochs if e["best"] == "1"][-1]
assert len(epochs) == 4 and best is not epochs[-1], "the best epoch is the last one"
loss = sum(-math.log(float(r[r["class"]])) for r in rows) / len(rows)
assert abs(loss - float(best["val_loss"])) < 1e-6, (loss, best)
END
}

@test "any number of threads and a resumed run give the same bytes, and nothing unfinished stays" {
    train_with "${options[@]}" --threads 1 --out one >/dev/null
    train_with "${options[@]}" --threads 3 --out three >/dev/null
    # Killed as soon as a model is there, before its table, or in a later epoch.
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos" --weights "$BATS_FILE_TMPDIR/weights.safetensors" \
        --image-size 32 --batch-size 8 "${options[@]}" --threads 1 --out resumed >/dev/null 2>&1 &
    pid=$!
    for _ in $(seq 1200); do
        [ ! -e resumed/best.safetensors ] || break
        sleep 0.01
    done
    kill -KILL $pid 2>/dev/null || :
    wait $pid || :
    "$FREEZETUNE" train --quiet --resume resumed >/dev/null
    for other in one three resumed; do
        cmp "$run/probabilities_val.csv" $other/probabilities_val.csv
        [ -z "$(find $other -name '*.part')" ]
    done
}

@test "a head that trains from a cache: the table is written with the model that waits" {
    train_with --freeze-until 9 --epochs 12 --lr 0.5 --augment none --cache ram --out head >/dev/null
    train_with --freeze-until 9 --epochs 12 --lr 0.5 --augment none --cache off --save-every 0 --out pixels >/dev/null
    cmp head/probabilities_val.csv pixels/probabilities_val.csv
    python3 - head <<'END'
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/probabilities_val.csv")))
best = [e for e in csv.DictReader(open(sys.argv[1] + "/metrics.csv")) if e["best"] == "1"][-1]
loss = sum(-math.log(float(r[r["class"]])) for r in rows) / len(rows)
assert abs(loss - float(best["val_loss"])) < 1e-6, (loss, best)
END
}

@test "each fold and each run of a sweep has its table" {
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos/train" --weights "$BATS_FILE_TMPDIR/weights.safetensors" \
        --image-size 32 --batch-size 8 --freeze-until 9 --epochs 1 --folds 2 --out folds >/dev/null
    [ "$(cat folds/fold-*/probabilities_val.csv | grep -c ^class)" = 36 ]
    "$FREEZETUNE" sweep --quiet --data "$BATS_FILE_TMPDIR/photos" --weights "$BATS_FILE_TMPDIR/weights.safetensors" \
        --image-size 32 --batch-size 8 --freeze-until 6,9 --epochs 1 --out sweep >/dev/null
    [ "$(find sweep -name probabilities_val.csv | wc -l)" = 2 ]
}

@test "names of classes and files are cells like all others" {
    cp -r "$BATS_FILE_TMPDIR/photos" photos
    for part in train val; do
        mv photos/$part/class1 "photos/$part/=a,\"b"$'\n'
    done
    "$FREEZETUNE" train --quiet --data photos --weights "$BATS_FILE_TMPDIR/weights.safetensors" --image-size 32 \
        --freeze-until 9 --epochs 1 --new-head --out run >/dev/null
    [ "$(head -n 1 run/probabilities_val.csv)" = $'file,class,"\'=a,""b\\n",class0,class2' ]
    [ "$(wc -l <run/probabilities_val.csv)" = 13 ]
}
