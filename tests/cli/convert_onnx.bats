#!/usr/bin/env bats
# convert --normalise and --softmax: an ONNX file that takes pixels and gives probabilities. What its graph computes is
# for tests/unit/weights/test_onnx_write.c.

load common

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 32 ants bees cats
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/m.safetensors
}

convert() {
    "$FREEZETUNE" convert "$@" 2>/dev/null
}

@test "convert --normalise --softmax writes pixels to probabilities, and without them the file of before" {
    convert "$model" plain.onnx
    convert --normalise "$model" pixels.onnx
    convert --softmax "$model" answers.onnx
    convert --normalise --softmax --fold-bn --opset 17 "$model" both.onnx
    for name in pixels both; do
        grep -aq Transpose $name.onnx
        grep -aq pixels.mean $name.onnx
    done
    for name in answers both; do
        grep -aq Softmax $name.onnx
        grep -aq probabilities $name.onnx
    done
    for name in plain answers; do
        run grep -ac Transpose $name.onnx
        [ "$output" = 0 ]
    done
    for name in plain pixels; do
        run grep -ac Softmax $name.onnx
        [ "$output" = 0 ]
    done
    convert --normalise --softmax --fold-bn --opset 17 "$model" again.onnx
    cmp again.onnx both.onnx
}

# with_text KEY VALUE OUT: the model with one more text.
with_text() {
    python3 - "$model" "$@" <<'END'
import json, struct, sys
source, key, value, out = sys.argv[1:]
data = open(source, "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + size])
header["__metadata__"][key] = value
text = json.dumps(header).encode()
open(out, "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size :])
END
}

@test "convert --softmax divides by the model's temperature, and refuses one that is none" {
    command -v python3 >/dev/null || skip "no python3 to write it with"
    with_text freezetune.temperature 1.75 warm.safetensors
    convert --softmax warm.safetensors warm.onnx
    grep -aq logits.tempered warm.onnx
    LC_ALL=C grep -aqP '\x00\x00\xe0\x3f' warm.onnx
    convert warm.safetensors plain.onnx
    run grep -ac logits.tempered plain.onnx
    [ "$output" = 0 ]
    for wrong in 0 -1 nan inf 1e9 "" "1 "; do
        with_text freezetune.temperature "$wrong" wrong.safetensors
        fails 65 'metadata freezetune.temperature: no number from' "$FREEZETUNE" convert --softmax wrong.safetensors x.onnx
    done
    with_text freezetune.problem_type multi_label_classification many.safetensors
    fails 64 '--softmax cannot be combined with a multi-label model' "$FREEZETUNE" convert --softmax many.safetensors x.onnx
    [ ! -e x.onnx ]
}

@test "convert --normalise and --softmax only apply to ONNX" {
    fails 64 '--normalise only applies to ONNX' "$FREEZETUNE" convert --normalise "$model" x.safetensors
    fails 64 '--softmax only applies to ONNX' "$FREEZETUNE" convert --softmax --format hf "$model" x
    [ ! -e x ]
}
