#!/usr/bin/env bats
# predict --cam and --features: what the network looked at, and what its last layer reads.

load common
load shared

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 64 ants bees cats
    "$BUILD/tests/tools/make_photos" "$BATS_FILE_TMPDIR/made" 2 4 0 90 1
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/m.safetensors
    made=$BATS_FILE_TMPDIR/made
}

predict() {
    "$FREEZETUNE" predict --quiet --model "$model" "$@"
}

# identity FILE SIDE: in each line of jsonl the mean of each map plus the bias is the logit, to 1e-5.
identity() {
    python3 - "$@" <<'END'
import json, sys
worst, lines = 0, 0
for line in open(sys.argv[1]):
    row = json.loads(line)
    cam = row["cam"]
    assert cam["height"] == cam["width"] == int(sys.argv[2]), cam["height"]
    assert cam["maps"][0]["index"] == row["top"][0]["index"] and len(cam["maps"]) in (1, 2)
    for shown in cam["maps"]:
        assert len(shown["values"]) == cam["height"] * cam["width"]
        mean = sum(shown["values"]) / len(shown["values"])
        off = abs(mean + shown["bias"] - shown["logit"]) / max(1, abs(shown["logit"]))
        assert off <= 1e-5, off
        worst = max(worst, off)
    lines += 1
print(lines, "photos, worst", worst)
END
}

@test "predict --cam writes a picture for each answer and the numbers of its maps; the answers stay" {
    predict --format jsonl --cam maps "$made" >maps.jsonl
    predict --format jsonl "$made" >plain.jsonl
    [ "$(find maps -name '0*.jpg' | wc -l)" = "$(wc -l <plain.jsonl)" ]
    [ "$(find . -name '*.part*' | wc -l)" = 0 ]
    [ "$(head -c 2 "$(find maps -name '0001_*')" | od -An -tx1)" = " ff d8" ]
    sed 's/, "cam": .*/}/' maps.jsonl | cmp - plain.jsonl
    command -v python3 >/dev/null || skip "no python3 to read it with"
    identity maps.jsonl 2
    python3 -c '
import json, os
assert sorted(json.loads(line)["cam"]["file"] for line in open("maps.jsonl")) == sorted(os.listdir("maps"))'
}

@test "predict --cam gives the same bytes with any number of threads, in both precisions" {
    for precision in f32 bf16; do
        for threads in 1 2 3; do
            predict --precision $precision --threads $threads --batch-size 3 --format jsonl --cam $threads "$made" >$threads.jsonl
            cmp 1.jsonl $threads.jsonl
            diff -r 1 $threads
        done
        command -v python3 >/dev/null && identity 1.jsonl 2
        rm -r 1 2 3
    done
}

@test "predict --cam shows the true class beside the answer where a folder names it" {
    top=$(predict --format tsv --top-k 1 "$made/class0" | sed -n 2p | cut -f4)
    mkdir -p "photos/$top" photos/other
    for class in ants bees cats; do
        [ "$class" = "$top" ] || other=$class
    done
    mkdir "photos/$other"
    photo=$(find "$made/class0" -type f | sort | head -1)
    cp "$photo" "photos/$top/same.png"
    cp "$photo" "photos/$other/wrong.png"
    cp "$photo" photos/other/unknown.png
    predict --format jsonl --cam maps photos >out.jsonl
    ls maps >names.txt
    grep -x "000._same_$top.jpg" names.txt
    grep -x "000._wrong_${top}_true_$other.jpg" names.txt
    grep -x "000._unknown_$top.jpg" names.txt
    grep -F "wrong" out.jsonl | grep -F "\"class\": \"$other\", \"logit\""
    [ "$(wc -c <"$(echo maps/*wrong*)")" -gt "$(wc -c <"$(echo maps/*same*)")" ]
}

@test "predict --cam names files safely, does what can be read and exits 65" {
    mkdir photos
    photo=$(find "$made/class0" -type f | head -1)
    cp "$photo" "photos/ -rf ..png"
    cp "$photo" $'photos/new\nline\xff.png'
    cp "$photo" 'photos/"><svg onload=x>.png'
    cp "$photo" photos/a.jpg
    cp "$photo" photos/a.png
    echo no photo >photos/broken.jpg
    run_split predict --format jsonl --cam maps photos
    [ "$status" = 65 ]
    [ "$(find maps -type f | wc -l)" = 5 ]
    [ "$(wc -l <stdout.txt)" = 5 ]
    LC_ALL=C find maps -type f -name '*[!a-zA-Z0-9._/-]*' | (! grep .)
}

@test "predict --cam refuses a place that is not free, and what it cannot show" {
    mkdir full
    touch full/file
    fails 73 'full: is not empty' predict --cam full "$made"
    fails 73 'file: is not a folder' predict --cam full/file "$made"
    fails 64 '--cam cannot be combined with --tta flip' predict --cam maps --tta flip "$made"
    fails 64 '--features cannot be combined with --tta flip' predict --features f.npy --tta flip "$made"
    fails 64 '--cam x: is also the file of --out' predict --cam x --out x "$made"
    fails 64 'f.txt: unknown format: end the name in .safetensors or .npy' predict --features f.txt "$made"
    fails 64 'is one of the inputs' predict --features "$model" "$made"
    [ ! -e maps ]
    [ ! -e x ]
}

@test "predict --features writes what the last layer reads, as safetensors and for NumPy, with the names" {
    echo no photo >broken.jpg
    run_split predict --features f.safetensors --logits l.safetensors "$made" broken.jpg
    [ "$status" = 65 ]
    run_split predict --features f.npy "$made" broken.jpg
    [ "$status" = 65 ]
    command -v python3 >/dev/null || skip "no python3 to read it with"
    python3 - "$model" <<'END'
import array, ast, json, struct, sys

def safetensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + size]), data[8 + size :]

header, data = safetensors("f.safetensors")
rows, columns = header["features"]["shape"]
assert columns == 512 and header["features"]["dtype"] == "F32"
npy = open("f.npy", "rb").read()
length = struct.unpack("<H", npy[8:10])[0]
assert npy[:8] == b"\x93NUMPY\x01\x00" and (10 + length) % 64 == 0 and npy[9 + length : 10 + length] == b"\n"
about = ast.literal_eval(npy[10 : 10 + length].decode())
assert about == {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}, about
assert npy[10 + length :] == data
names = json.loads(header["__metadata__"]["files"])
assert names == json.load(open("f.npy.files.json")) and len(names) == rows and "broken.jpg" not in names
# The last layer makes the logits of them.
head, weights = safetensors(sys.argv[1])
def tensor(head, data, name):
    start, end = head[name]["data_offsets"]
    return array.array("f", data[start:end])
weight, bias = tensor(head, weights, "fc.weight"), tensor(head, weights, "fc.bias")
logits = tensor(*safetensors("l.safetensors"), "logits")
features = array.array("f", data)
for i in range(rows):
    for k in range(3):
        want = bias[k] + sum(weight[k * columns + c] * features[i * columns + c] for c in range(columns))
        assert abs(want - logits[3 * i + k]) <= 1e-5 * max(1, abs(want)), (want, logits[3 * i + k])
END
}

@test "mean plus bias is the logit on forty real photos" {
    need_shared_weights
    need_shared data/hymenoptera
    command -v python3 >/dev/null || skip "no python3 to read it with"
    find "$shared/data/hymenoptera/val" -type f | sort | awk 'NR % 3 == 1' | head -40 >list.txt
    [ "$(wc -l <list.txt)" = 40 ]
    model=$weights
    predict --format jsonl --cam maps - <list.txt >out.jsonl
    identity out.jsonl 7
}
