#!/usr/bin/env bats
# eval --calibrate and --logits, and what predict makes of a temperature and a threshold.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 8 12 40 1
    # Two labels in three are wrong, so that there are mistakes to fit a temperature to.
    mkdir -p swapped/class0 swapped/class1 swapped/class2
    for i in 0 1 2; do
        n=0
        for photo in photos/val/class$i/*; do
            cp "$photo" "swapped/class$(((i + n % 3) % 3))/$i-$(basename "$photo")"
            n=$((n + 1))
        done
    done
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 9 \
        --epochs 2 --batch-size 8 --lr 0.01 --augment none --out run >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    command -v python3 >/dev/null || skip "no python3 to compare with"
    photos=$BATS_FILE_TMPDIR/swapped
    cp "$BATS_FILE_TMPDIR/run/best.safetensors" model.safetensors
}

evaluate() {
    "$FREEZETUNE" eval --model model.safetensors --data "$photos" "$@"
}

predict() {
    "$FREEZETUNE" predict --model model.safetensors "$@" "$photos"
}

metadata() {
    python3 - "$1" <<'END'
import json, struct, sys
with open(sys.argv[1], "rb") as stream:
    print(json.dumps(json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))["__metadata__"]))
END
}

@test "the temperature is the best one for the logits that --logits writes, and the tensors stay" {
    cp model.safetensors before.safetensors
    run_split evaluate --calibrate --json --logits logits.safetensors
    [ "$status" = 0 ]
    [[ $err == *"model.safetensors: keeps temperature "* ]]
    metadata model.safetensors >metadata.json
    python3 - stdout.txt logits.safetensors metadata.json <<'END'
import json, math, struct, sys
told, logits, kept = sys.argv[1:]
told, kept = json.load(open(told)), json.load(open(kept))
with open(logits, "rb") as stream:
    header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    values = struct.unpack("<108f", stream.read())
files = json.loads(header["__metadata__"]["files"])
assert header["logits"]["shape"] == [36, 3] and len(files) == 36
labels = [int(f.split("class")[1][0]) for f in files]
rows = [values[3 * i:3 * i + 3] for i in range(36)]
def nll(t):
    return sum(math.log(sum(math.exp(z / t) for z in row)) - row[k] / t for row, k in zip(rows, labels)) / 36
c = told["calibration"]
t = c["temperature"]
assert c["fitted"] and c["photos"] == 36 and float(kept["freezetune.temperature"]) == t, c
assert abs(nll(1) - c["before"]["nll"]["value"]) < 1e-6 and abs(nll(t) - c["after"]["nll"]["value"]) < 1e-6
assert nll(t) < nll(t * 1.001) and nll(t) < nll(t / 1.001) and t != 1, t
assert told["accuracy_low"] < told["accuracy"] < told["accuracy_high"]
points = json.loads(kept["freezetune.coverage"])
right = [max(range(3), key=row.__getitem__) == k for row, k in zip(rows, labels)]
assert points[-1] == [0, 36, 36 - sum(right)] and len(points) > 10
def sure(row):
    e = [math.exp(z / t) for z in row]
    return max(e) / sum(e)
for threshold, answered, wrong in points:
    found = [ok for row, ok in zip(rows, right) if sure(row) >= threshold]
    assert (len(found), len(found) - sum(found)) == (answered, wrong), (threshold, answered, wrong)
END
    "$FREEZETUNE" diff before.safetensors model.safetensors
}

@test "again, any number of threads and a copy: the same bytes" {
    cp model.safetensors other.safetensors
    evaluate --calibrate --quiet --threads 1 >one.txt
    "$FREEZETUNE" eval --quiet --model other.safetensors --data "$photos" --calibrate --threads 3 >three.txt
    cmp model.safetensors other.safetensors
    cmp <(grep -A4 ^probabilities one.txt) <(grep -A4 ^probabilities three.txt)
    evaluate --calibrate --quiet >/dev/null
    cmp model.safetensors other.safetensors
    [ -z "$(find . -name '*.part')" ]
}

@test "predict answers at the temperature; convert keeps it, as ONNX too" {
    predict --quiet --format jsonl --top-k 3 >before.txt
    evaluate --calibrate --quiet >/dev/null
    run_split predict --format jsonl --top-k 3
    [ "$status" = 0 ]
    [[ $err == *"probabilities are those at temperature "* ]]
    metadata model.safetensors >metadata.json
    python3 - before.txt stdout.txt metadata.json <<'END'
import json, sys
before, after = ([json.loads(line) for line in open(name)] for name in sys.argv[1:3])
t = float(json.load(open(sys.argv[3]))["freezetune.temperature"])
assert len(before) == 36
for a, b in zip(before, after):
    assert "temperature" not in a and b["temperature"] == t and a["file"] == b["file"]
    p = [x["probability"] ** (1 / t) for x in a["top"]]
    assert [x["index"] for x in a["top"]] == [x["index"] for x in b["top"]]
    assert all(abs(x / sum(p) - y["probability"]) < 1e-5 for x, y in zip(p, b["top"])), (a, b)
END
    "$FREEZETUNE" convert --quiet model.safetensors out.safetensors 2>/dev/null || "$FREEZETUNE" convert model.safetensors out.safetensors
    metadata out.safetensors | grep -q freezetune.coverage
    cmp <(predict --quiet) <("$FREEZETUNE" predict --quiet --model out.safetensors "$photos")
    "$FREEZETUNE" convert model.safetensors out.onnx
    grep -aq freezetune.temperature out.onnx
    grep -aq freezetune.coverage out.onnx
}

@test "below the threshold a photo is unknown" {
    evaluate --calibrate --quiet >/dev/null
    predict --quiet --format jsonl --top-k 1 >all.txt
    for option in --threshold=0.4 --coverage=0.5 --coverage=1 --error=0.95; do
        run_split predict --format jsonl --top-k 2 $option
        [ "$status" = 0 ]
        python3 - $option all.txt stdout.txt stderr.txt <<'END'
import json, re, sys
option, value = sys.argv[1].split("=")
everything, some = ([json.loads(line) for line in open(name)] for name in sys.argv[2:4])
remarks = open(sys.argv[4]).read()
threshold = float(value) if option == "--threshold" else some[0].get("threshold", 0)
unknown = 0
for a, b in zip(everything, some):
    top = a["top"][0]
    if top["probability"] >= threshold:
        assert b["top"][0] == top and len(b["top"]) == 2, (a, b)
    else:
        assert b["top"] == [{"index": -1, "class": None, "probability": top["probability"]}], (a, b)
        unknown += 1
if option == "--coverage":
    # The photos are those of the calibration.
    assert len(some) - unknown >= float(value) * 36 and "%d of 36 photos of eval" % (36 - unknown) in remarks, remarks
    assert value == "1" or unknown > 10
if threshold > 0:
    assert "%d of 36 photos are unknown" % unknown in remarks, remarks
END
    done
    run_split predict --quiet --threshold 1 --format tsv
    [ "$(tail -n +2 stdout.txt | cut -f 2-4 | sort -u)" = $'1\t-1\tunknown' ]
}

@test "what cannot be promised or combined is refused" {
    fails 65 'says nothing of its thresholds, which --coverage needs: freezetune eval' predict --quiet --coverage 0.5
    evaluate --calibrate --quiet >/dev/null
    fails 65 'no threshold promises an error of 0.01 .* takes 299 right answers' predict --quiet --error 0.01
    fails 64 'give one of them' predict --quiet --error 0.5 --coverage 0.5
    fails 64 '--error cannot be combined with --tta flip' predict --quiet --error 0.5 --tta flip
    fails 64 '--calibrate cannot be combined with --tta flip' evaluate --quiet --calibrate --tta flip
    fails 64 '--calibrate needs photos that the model was not trained on' "$FREEZETUNE" eval --quiet \
        --model "$BATS_FILE_TMPDIR/run" --split train --calibrate
    "$FREEZETUNE" convert model.safetensors model.pth 2>/dev/null
    sum=$(cksum <model.pth)
    fails 65 'cannot keep a temperature' "$FREEZETUNE" eval --quiet --model model.pth --data "$photos" --calibrate
    [ "$(cksum <model.pth)" = "$sum" ]
}

@test "an entry of the metadata that is no temperature or no table is refused" {
    evaluate --calibrate --quiet >/dev/null
    for entry in temperature=0 temperature=nan 'temperature=1e9' 'coverage=[]' 'coverage=[[0.5,3,1]]' 'coverage=[[0,3,4]]' \
        'coverage=[[0.5,3,1],[0.6,4,1],[0,5,1]]' 'coverage=[[0.5,3,2],[0,4,1]]' 'coverage={}' 'coverage=[[0,1.5,0]]'; do
        python3 - "$entry" <<'END'
import json, struct, sys
key, value = sys.argv[1].split("=")
with open("model.safetensors", "rb") as stream:
    header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    data = stream.read()
header["__metadata__"]["freezetune." + key] = value
text = json.dumps(header).encode()
open("wrong.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
END
        fails 65 "wrong.safetensors: metadata freezetune.${entry%%=*}: .*eval --calibrate" \
            "$FREEZETUNE" predict --quiet --model wrong.safetensors "$photos"
    done
}
