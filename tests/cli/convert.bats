#!/usr/bin/env bats
# convert IN OUT.

load common

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/model.safetensors" 64 ants bees
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$BATS_FILE_TMPDIR/model.safetensors" .
}

# Any safetensors file: no network that we know.
other() {
    safetensors other.safetensors '{"__metadata__":{"who":"me"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}' \
        '\0\0\x80\x3f\0\0\0\x40\5\0\0\0\0\0\0\0'
}

@test "convert: safetensors to safetensors keeps every bit and what the model says" {
    run_split "$FREEZETUNE" convert model.safetensors copy.safetensors
    [ "$status" = 0 ]
    [ -z "$out" ]
    [ "$err" = "copy.safetensors: 122 tensors, 44.7 MB" ]
    cmp model.safetensors copy.safetensors
}

@test "convert: --dtype rounds float tensors and leaves counts" {
    "$FREEZETUNE" convert --dtype bf16 model.safetensors small.safetensors
    "$FREEZETUNE" inspect --json small.safetensors >small.json
    [ "$(grep -c '"type": "BF16"' small.json)" = 102 ]
    [ "$(grep -c '"type": "I64"' small.json)" = 20 ]
    # Back to float32 the file holds what it held: rounding what is rounded already changes nothing.
    "$FREEZETUNE" convert --dtype f32 small.safetensors wide.safetensors
    "$FREEZETUNE" convert --dtype bf16 wide.safetensors again.safetensors
    cmp small.safetensors again.safetensors
    run_split "$FREEZETUNE" diff --quiet model.safetensors wide.safetensors
    [ "$status" = 1 ]
}

@test "convert: a value too large for --dtype is named, and nothing is written" {
    safetensors big.safetensors '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' '\0\0\x80\x3f\0\0\x80\x47'
    fails 65 "big\.safetensors: tensor 'w': 65536 at value 1 is too large for F16" \
        "$FREEZETUNE" convert --dtype f16 big.safetensors small.safetensors
    [ ! -e small.safetensors ]
    "$FREEZETUNE" convert --dtype bf16 big.safetensors small.safetensors
}

@test "convert: a checkpoint becomes the model alone" {
    command -v python3 >/dev/null || skip "no python3 to make one with"
    # What train leaves in last.safetensors beside the model: a momentum, a count, and the state of the run.
    python3 - <<'PYTHON'
import json, struct
data = open("model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header, values = json.loads(data[8:8 + n]), data[8 + n:]
end = len(values)
header["optimizer.momentum.fc.bias"] = {"dtype": "F32", "shape": [2], "data_offsets": [end, end + 8]}
header["optimizer.step.fc.bias"] = {"dtype": "I64", "shape": [], "data_offsets": [end + 8, end + 16]}
header["__metadata__"]["freezetune.state"] = "{}"
header["__metadata__"]["who"] = "me"
text = json.dumps(header).encode()
open("last.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + values + bytes(16))
PYTHON
    run_split "$FREEZETUNE" convert last.safetensors alone.safetensors
    [ "$status" = 0 ]
    grep -qx 'left out: 2 tensors of the optimizer' stderr.txt
    "$FREEZETUNE" diff --quiet model.safetensors alone.safetensors
    "$FREEZETUNE" inspect --json alone.safetensors >alone.json
    grep -q '"who": "me"' alone.json
    grep -q '"freezetune.classes": ' alone.json
    run grep -c 'freezetune.state' alone.json
    [ "$output" = 0 ]
    "$FREEZETUNE" convert last.safetensors last.onnx
    "$FREEZETUNE" convert model.safetensors model.onnx
    run cmp last.onnx model.onnx
    [ "$status" = 1 ] # "who" is in one of them
}

@test "convert: plain weights learn what they are; --resize and --crop set the preprocessing" {
    "$FREEZETUNE" convert --resize 70 --crop 60 model.safetensors other.safetensors
    "$FREEZETUNE" inspect --json other.safetensors | grep -qF '\"resize\": 70, \"crop\": 60'
    "$FREEZETUNE" inspect --json model.safetensors | grep -qF '\"resize\": 73, \"crop\": 64'
    "$FREEZETUNE" diff --quiet other.safetensors model.safetensors
    run_split "$FREEZETUNE" convert --resize 70 model.safetensors other.onnx
    [[ $err == "other.onnx: 44."*" MB" ]]
    [ "$status" = 0 ]
    grep -qaF '"resize": 70, "crop": 64, "interpolation": "bilinear"' other.onnx
    "$FREEZETUNE" convert --interpolation bicubic model.safetensors cubic.safetensors
    "$FREEZETUNE" convert cubic.safetensors cubic.onnx
    grep -qaF '"resize": 73, "crop": 64, "interpolation": "bicubic"' cubic.onnx
}

@test "convert: classes that nobody has named stay without names" {
    command -v python3 >/dev/null || skip "no python3 to make weights with"
    without_metadata model.safetensors plain.safetensors
    "$FREEZETUNE" convert plain.safetensors copy.pth
    "$FREEZETUNE" convert copy.pth copy.safetensors
    run_split "$FREEZETUNE" inspect --json copy.safetensors
    [[ $out == *freezetune.arch*freezetune.preprocess* ]]
    absent freezetune.classes
    mkdir -p data/ants data/bees
    for i in 1 2 3 4 5; do
        cp "$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg" data/ants/$i.jpg
        cp "$BATS_TEST_DIRNAME/../fixtures/photos/bits.bmp" data/bees/$i.bmp
    done
    for weights in plain.safetensors copy.pth copy.safetensors; do
        "$FREEZETUNE" train --quiet --data data --val-split 0.4 --weights $weights --image-size 32 --freeze-until 9 \
            --epochs 1 --out "run-$weights"
        cmp "run-$weights/best.safetensors" run-plain.safetensors/best.safetensors
    done
}

@test "convert: files that are no network keep their texts and can be written, but not as ONNX" {
    other
    "$FREEZETUNE" convert other.safetensors copy.safetensors
    "$FREEZETUNE" diff --quiet other.safetensors copy.safetensors
    "$FREEZETUNE" inspect --json copy.safetensors | grep -q '"who": "me"'
    "$FREEZETUNE" convert other.safetensors other.pth
    fails 65 "other\.safetensors: not a ResNet's weights" "$FREEZETUNE" convert other.safetensors other.onnx
    for option in --crop=3 --resize=3 --interpolation=bicubic; do
        fails 65 "not a ResNet's weights, so --classes, --resize, .* and --interpolation have no effect" \
            "$FREEZETUNE" convert $option other.safetensors x.pth
    done
    [ ! -e other.onnx ] && [ ! -e x.pth ]
}

@test "convert: a .pth is a pickle and a zip that Python reads, the values as they were" {
    command -v python3 >/dev/null || skip "no python3 to read it with"
    other
    "$FREEZETUNE" convert other.safetensors other.pth
    "$FREEZETUNE" convert other.safetensors again.pt
    cmp other.pth again.pt
    python3 - <<'PYTHON'
import collections, pickle, struct, zipfile

class Storage:
    def __init__(self, name):
        self.name = name

class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: arguments
        assert module == "torch"
        return Storage(name)

    def persistent_load(self, where):
        return where

archive = zipfile.ZipFile("other.pth")
assert archive.testzip() is None
assert archive.read("archive/version") == b"3\n" and archive.read("archive/byteorder") == b"little"
state = Reader(archive.open("archive/data.pkl")).load()
assert list(state) == ["w", "n"] and state.freezetune_metadata == {"format": "pt", "who": "me"}
(kind, storage, key, device, count), offset, shape, stride, grad, hooks = state["w"]
assert (kind, storage.name, device, count, offset, shape, stride, grad) == ("storage", "FloatStorage", "cpu", 2, 0, (2,), (1,), False)
assert struct.unpack("<2f", archive.read("archive/data/" + key)) == (1, 2)
assert state["n"][0][1].name == "LongStorage" and state["n"][2:4] == ((), ())
PYTHON
}

@test "convert: what went over to a .pth comes back the same, what it says of itself too" {
    "$FREEZETUNE" convert model.safetensors model.pth
    "$FREEZETUNE" convert model.pth back.safetensors
    cmp model.safetensors back.safetensors
    run_split "$FREEZETUNE" diff model.safetensors model.pth
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" inspect model.pth
    grep -qx 'network: resnet18 with 2 classes' stdout.txt
    grep -qE '^freezetune\.classes +\["ants", "bees"\]$' stdout.txt
    # ONNX from either is the same file.
    "$FREEZETUNE" convert model.pth a.onnx
    "$FREEZETUNE" convert model.safetensors b.onnx
    cmp a.onnx b.onnx
}

@test "convert: --names hf, and back" {
    for format in safetensors pth; do
        "$FREEZETUNE" convert --names hf model.safetensors hf.$format
        grep -qa 'resnet\.encoder\.stages\.0\.layers\.0\.layer\.0\.convolution\.weight' hf.$format
        run grep -ca 'layer1\.0' hf.$format
        [ "$output" = 0 ]
        "$FREEZETUNE" convert hf.$format back.safetensors
        cmp model.safetensors back.safetensors
    done
    other
    fails 65 "other\.safetensors: tensor 'w' has no name in Hugging Face's ResNet" \
        "$FREEZETUNE" convert --names hf other.safetensors x.pth
    [ ! -e x.pth ]
    fails 64 '--names cannot be combined with ONNX' "$FREEZETUNE" convert --names hf model.safetensors x.onnx
}

@test "convert: ONNX, folded or not, whole and the same each time" {
    for fold in "" --fold-bn; do
        # shellcheck disable=SC2086 # nothing or one word
        "$FREEZETUNE" convert $fold model.safetensors a.onnx
        # shellcheck disable=SC2086
        "$FREEZETUNE" convert --format onnx $fold model.safetensors b
        cmp a.onnx b
    done
    # 20 BatchNorms are gone, their counts too: 11.18 million values in 4 bytes each.
    [ "$(stat -c %s a.onnx)" -gt 44600000 ]
    [ "$(stat -c %s a.onnx)" -lt 44760000 ]
    grep -qaF '["ants", "bees"]' a.onnx
}

# onnx_head FILE: IR version and operator set, from the bytes: fields 1 of ModelProto and 2 of OperatorSetIdProto.
onnx_head() {
    od -An -v -t x1 -N 64 "$1" | tr -d ' \n' | sed -E 's/^08(..)12.*4202(10)(..).*/\1 \3/'
}

@test "convert: ONNX has IR version 7 and operator set 7; --opset chooses a higher one" {
    "$FREEZETUNE" convert model.safetensors a.onnx
    [ "$(onnx_head a.onnx)" = "07 07" ]
    "$FREEZETUNE" convert --fold-bn model.safetensors b.onnx
    [ "$(onnx_head b.onnx)" = "07 07" ]
    for opset in 7 13 28; do
        "$FREEZETUNE" convert --opset $opset model.safetensors b.onnx
        [ "$(onnx_head b.onnx)" = "$(printf '07 %02x' $opset)" ]
        [ "$(cmp -l a.onnx b.onnx | wc -l)" = $((opset > 7)) ]
    done
    for opset in 6 29 0 -1 99999999999999999999 7.5 x ''; do
        fails 64 "^freezetune convert: --opset" "$FREEZETUNE" convert "--opset=$opset" model.safetensors x.onnx
    done
    for name in x.pth x.safetensors; do
        fails 64 '--opset only applies to ONNX' "$FREEZETUNE" convert --opset 13 model.safetensors $name
    done
    [ ! -e x.onnx ] && [ ! -e x.pth ] && [ ! -e x.safetensors ]
}

@test "convert never writes onto its input" {
    cp model.safetensors kept
    ln -s model.safetensors link.safetensors
    ln model.safetensors hard.pth
    for target in model.safetensors ./model.safetensors link.safetensors hard.pth; do
        fails 64 "$target: is the input" "$FREEZETUNE" convert model.safetensors "$target"
    done
    fails 64 'model\.safetensors: is the input' "$FREEZETUNE" convert --format onnx link.safetensors model.safetensors
    cmp model.safetensors kept
}

@test "convert refuses what makes no sense" {
    fails 64 'x\.bin: unknown format: end the name in \.safetensors, \.pth, \.pt or \.onnx, or set --format' \
        "$FREEZETUNE" convert model.safetensors x.bin
    fails 64 'unknown format' "$FREEZETUNE" convert model.safetensors x
    fails 64 '--dtype cannot be combined with ONNX' "$FREEZETUNE" convert --dtype f16 model.safetensors x.onnx
    fails 64 '--fold-bn only applies to ONNX' "$FREEZETUNE" convert --fold-bn model.safetensors x.pth
    fails 64 'unknown option --fold: did you mean --fold-bn\?$' "$FREEZETUNE" convert --fold model.safetensors x.onnx
    fails 64 '--dtype f64: ' "$FREEZETUNE" convert --dtype f64 model.safetensors x.pth
    fails 64 '--crop 0: ' "$FREEZETUNE" convert --crop 0 model.safetensors x.pth
    fails 64 'too few arguments' "$FREEZETUNE" convert model.safetensors
    [ "$(ls)" = "$(printf '%s\n' model.safetensors stderr.txt stdout.txt)" ]
}

@test "convert: inputs that are missing or damaged, outputs that cannot be created" {
    fails 66 'nothing\.safetensors: ' "$FREEZETUNE" convert nothing.safetensors x.pth
    head -c 1000 model.safetensors >cut.safetensors
    fails 65 'cut\.safetensors: ' "$FREEZETUNE" convert cut.safetensors x.pth
    mkdir folder.pth
    for format in safetensors pth onnx; do
        fails 73 'no/such/x: ' "$FREEZETUNE" convert --format $format model.safetensors no/such/x
        fails 73 'folder\.pth: ' "$FREEZETUNE" convert --format $format model.safetensors folder.pth
        fails 74 '/dev/full: writing failed: No space left' "$FREEZETUNE" convert --format $format model.safetensors /dev/full
        # A file may not grow beyond a megabyte: the disk is full.
        echo earlier >x
        fails 74 'x: writing failed' bash -c "trap '' XFSZ; ulimit -f 1000; exec '$FREEZETUNE' convert --format $format model.safetensors x"
        [ "$(cat x)" = earlier ]
    done
    [ "$(ls)" = "$(printf '%s\n' cut.safetensors folder.pth model.safetensors stderr.txt stdout.txt x)" ]
}

@test "what a killed process left of a file is removed by who writes it next" {
    "$BUILD/tests/tools/make_model" m.safetensors 32 ants bees
    for name in a.pth a.onnx a.safetensors other.pth; do
        echo half >"$name.aB3xYz.part"
    done
    for format in pth onnx safetensors; do
        "$FREEZETUNE" convert model.safetensors a.$format >/dev/null
        [ ! -e "a.$format.aB3xYz.part" ]
    done
    [ -e other.pth.aB3xYz.part ]
    echo half >answers.tsv.aB3xYz.part
    "$FREEZETUNE" predict --model model.safetensors --out answers.tsv "$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg"
    [ ! -e answers.tsv.aB3xYz.part ]
}

@test "an output that is a device or a pipe is written through" {
    "$FREEZETUNE" convert model.safetensors m.onnx
    "$FREEZETUNE" convert model.safetensors m.pth
    "$FREEZETUNE" convert --format onnx model.safetensors /dev/stdout | cmp - m.onnx
    "$FREEZETUNE" convert --format pth model.safetensors >(cat >piped.pth)
    "$FREEZETUNE" convert --format pth model.safetensors /dev/null
    [ -c /dev/null ]
    # The file behind /dev/stdout goes on behind what was there; the link is not replaced by a file.
    printf 'before' >both
    "$FREEZETUNE" convert --format onnx model.safetensors /dev/stdout >>both
    [ -L /dev/stdout ]
    cmp <(printf 'before'; cat m.onnx) both
    cmp piped.pth m.pth
    # Half an output goes nowhere, and what a device cannot take is an error.
    fails 74 '/dev/full: writing failed: No space left' "$FREEZETUNE" convert --format pth model.safetensors /dev/full
    mkdir folder
    fails 73 'folder: is not a file that can be written' "$FREEZETUNE" convert --format pth model.safetensors folder
    photo=$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg
    "$FREEZETUNE" predict --quiet --model model.safetensors --format csv "$photo" >expected
    "$FREEZETUNE" predict --quiet --model model.safetensors --format csv --out /dev/stdout "$photo" | cmp - expected
}
