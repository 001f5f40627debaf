#!/usr/bin/env bats
# eval --strangers: the areas under the curve, from the logits and features that eval and predict write.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 8 6 40 1
    "$BUILD/tests/tools/make_photos" others 5 4 2 48 2
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 9 \
        --epochs 2 --batch-size 8 --lr 0.01 --augment none --out run >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    command -v python3 >/dev/null || skip "no python3 to compare with"
    photos=$BATS_FILE_TMPDIR/photos/val
    others=$BATS_FILE_TMPDIR/others
    model=$BATS_FILE_TMPDIR/run/best.safetensors
}

evaluate() {
    "$FREEZETUNE" eval --model "$model" --data "$photos" "$@"
}

@test "the areas are those of the logits and features of both groups" {
    run_split evaluate --quiet --json --strangers "$others"
    [ "$status" = 0 ]
    for group in photos others; do
        "$FREEZETUNE" predict --quiet --model "$model" --logits $group.logits --features $group.safetensors "${!group}" >/dev/null
    done
    python3 - stdout.txt <<'END'
import json, math, struct, sys
def tensor(path, name):
    with open(path, "rb") as stream:
        header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
        rows, columns = header[name]["shape"]
        values = struct.unpack("<%df" % (rows * columns), stream.read())
    return [values[i * columns:(i + 1) * columns] for i in range(rows)], json.loads(header["__metadata__"]["files"])
told = json.load(open(sys.argv[1]))["strangers"]
(known, files), (known_features, again) = tensor("photos.logits", "logits"), tensor("photos.safetensors", "features")
strangers, strange_features = tensor("others.logits", "logits")[0], tensor("others.safetensors", "features")[0]
assert files == again and len(known) == 18 and len(strangers) == told["photos"] == 30
classes = [f.split("/")[-2] for f in files]
def distance(x, left_out):
    best = math.inf
    for name in set(classes):
        members = [f for i, f in enumerate(known_features) if classes[i] == name and i != left_out]
        mean = [sum(column) / len(members) for column in zip(*members)]
        best = min(best, math.dist(x, mean))
    return best
def area(high, low):
    return sum((a > b) + 0.5 * (a == b) for a in high for b in low) / len(high) / len(low)
energy = lambda z: math.log(sum(math.exp(x) for x in z))
sure = lambda z: max(math.exp(x - energy(z)) for x in z)
expected = {}
for name, score in (("probability", sure), ("energy", energy)):
    expected[name] = area([score(z) for z in known], [score(z) for z in strangers])
expected["distance"] = area([-distance(x, i) for i, x in enumerate(known_features)], [-distance(x, None) for x in strange_features])
for name, value in expected.items():
    found = told[name]
    # The batches differ, and with them the rounding of float32: two photos may change places.
    assert abs(found["auroc"] - value) < 2.5 / 18 / 30, (name, found, value)
    assert 0 <= found["low"] <= found["auroc"] <= found["high"] <= 1 and found["low"] < found["high"], found
END
}

@test "any number of threads: the same figures; the rest of eval stays" {
    evaluate --quiet --threads 1 --strangers "$others" >one.txt
    evaluate --quiet --threads 3 --strangers "$others" >three.txt
    cmp one.txt three.txt
    evaluate --quiet >without.txt
    cmp without.txt <(sed '/^strangers are told by/,$d' one.txt | sed '$d')
    grep -qE '^18 photos of the classes, 30 strangers' one.txt
}

@test "strangers that cannot be read, and none at all" {
    cp -r "$others" some
    head -c 100 some/train/class0/00.png >some/broken.png
    run_split evaluate --json --strangers some
    [ "$status" = 65 ]
    [[ $err == *"some/broken.png: "* ]]
    grep -q '"unreadable": 1,' stdout.txt
    mkdir empty bad
    echo no photo >bad/a.png
    fails 66 'no photo' evaluate --quiet --strangers empty
    fails 64 '--strangers cannot be combined with --tta flip' evaluate --quiet --strangers "$others" --tta flip
    run_split evaluate --quiet --strangers bad
    [ "$status" = 65 ] || [ "$status" = 66 ]
}
