#!/usr/bin/env bats
# convert --format hf|timm IN OUT: folders that transformers and timm open. scripts/check_folders.py opens them with these.

load common

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 32 ants bees cats
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    fixtures=$BATS_TEST_DIRNAME/../fixtures
    photos="$fixtures/photos/grey.jpg $fixtures/photos/bits.bmp"
    cp "$BATS_FILE_TMPDIR/m.safetensors" .
}

# json FILE EXPRESSION: prints what Python makes of the file, which is `j`.
json() {
    python3 -c 'import json, sys; j = json.load(open(sys.argv[1], encoding="utf-8")); print(json.dumps(eval(sys.argv[2])))' "$1" "$2"
}

# edit FILE CODE: changes a safetensors file in place; CODE sees its header `h` and may change it.
edit() {
    python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
path, code = sys.argv[1:]
data = open(path, "rb").read()
size, = struct.unpack("<Q", data[:8])
h, values = json.loads(data[8:8 + size]), data[8 + size:]
exec(code)
# What is left follows one another from 0 on.
parts, at = [], 0
for name, entry in h.items():
    if name != "__metadata__":
        begin, end = entry["data_offsets"]
        parts.append(values[begin:end])
        entry["data_offsets"] = [at, at + end - begin]
        at += end - begin
text = json.dumps(h).encode()
open(path, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(parts))
PYTHON
}

# answers MODEL: predictions for two photos.
answers() {
    # shellcheck disable=SC2086 # two photos
    "$FREEZETUNE" predict --quiet --model "$1" --format jsonl $photos
}

@test "convert --format hf and timm: the files, and the same answers when read back" {
    command -v python3 >/dev/null || skip "no python3 to read JSON with"
    # At 44 pixels the middle of both photos lies on a whole one: Hugging Face's processors round it down.
    "$FREEZETUNE" convert --resize 44 --interpolation bicubic m.safetensors model.safetensors
    answers model.safetensors >expected
    run_split "$FREEZETUNE" convert --format hf model.safetensors hf/
    [ "$status" = 0 ]
    [ -z "$out" ]
    [ "$err" = "hf/: 122 tensors, 44.8 MB" ]
    "$FREEZETUNE" convert --format timm model.safetensors timm
    [ "$(ls -A hf)" = "$(printf '%s\n' config.json model.safetensors preprocessor_config.json)" ]
    [ "$(ls -A timm)" = "$(printf '%s\n' config.json model.safetensors)" ]
    [ "$(stat -c %a hf timm hf/config.json)" = "$(mkdir d; touch f; stat -c %a d d f)" ]

    [ "$(json hf/config.json '[j[k] for k in ("architectures", "model_type", "depths", "hidden_sizes", "layer_type")]')" = \
        '[["ResNetForImageClassification"], "resnet", [2, 2, 2, 2], [64, 128, 256, 512], "basic"]' ]
    [ "$(json hf/config.json 'j["id2label"]')" = '{"0": "ants", "1": "bees", "2": "cats"}' ]
    [ "$(json hf/config.json 'j["label2id"]')" = '{"ants": 0, "bees": 1, "cats": 2}' ]
    [ "$(json hf/preprocessor_config.json '[j[k] for k in ("image_processor_type", "size", "crop_size", "resample")]')" = \
        '["BitImageProcessor", {"shortest_edge": 44}, {"height": 32, "width": 32}, 3]' ]
    [ "$(json hf/preprocessor_config.json 'j["image_mean"] + j["image_std"]')" = '[0.485, 0.456, 0.406, 0.229, 0.224, 0.225]' ]
    [ "$(json timm/config.json '[j[k] for k in ("architecture", "num_classes", "num_features", "label_names")]')" = \
        '["resnet18", 3, 512, ["ants", "bees", "cats"]]' ]
    [ "$(json timm/config.json '[j["pretrained_cfg"][k] for k in ("input_size", "crop_pct", "interpolation", "crop_mode", "std")]')" = \
        '[[3, 32, 32], 0.727, "bicubic", "center", [0.229, 0.224, 0.225]]' ]

    grep -qa 'resnet\.encoder\.stages\.0\.layers\.0\.layer\.0\.convolution\.weight' hf/model.safetensors
    grep -qa '"layer1\.0\.conv1\.weight"' timm/model.safetensors
    for folder in hf timm; do
        answers $folder >found
        cmp expected found
        "$FREEZETUNE" diff --quiet model.safetensors $folder
        run_split "$FREEZETUNE" inspect $folder
        grep -qx 'network: resnet18 with 3 classes' stdout.txt
        # What the files beside the weights say is enough.
        edit $folder/model.safetensors 'del h["__metadata__"]'
        answers $folder >found
        cmp expected found
    done
    # The same input gives the same bytes.
    "$FREEZETUNE" convert --format timm timm again
    "$FREEZETUNE" convert --format timm timm third
    diff -r again third
}

@test "convert --format hf and timm: float types, counters that the file lacks, classes without names, a body" {
    command -v python3 >/dev/null || skip "no python3 to make weights with"
    cp m.safetensors plain.safetensors
    edit plain.safetensors 'del h["__metadata__"]; h = {k: v for k, v in h.items() if "num_batches" not in k}'
    "$FREEZETUNE" convert --format hf --dtype f16 plain.safetensors hf
    [ "$(json hf/config.json '[j.get(k) for k in ("num_labels", "id2label", "torch_dtype")]')" = '[3, null, "float16"]' ]
    "$FREEZETUNE" inspect --json hf >inspected
    [ "$(grep -c '"type": "F16"' inspected)" = 102 ]
    [ "$(grep -c '"type": "I64"' inspected)" = 20 ]
    "$FREEZETUNE" convert --format timm plain.safetensors timm
    [ "$(json timm/config.json '[j.get("num_classes"), "label_names" in j]')" = '[3, false]' ]
    # What the outputs mean goes over too: each by itself.
    "$FREEZETUNE" convert --resize 44 m.safetensors many.safetensors
    edit many.safetensors 'h["__metadata__"]["freezetune.problem_type"] = "multi_label_classification"'
    "$FREEZETUNE" convert --format hf many.safetensors many
    [ "$(json many/config.json 'j["problem_type"]')" = '"multi_label_classification"' ]
    edit many/model.safetensors 'del h["__metadata__"]'
    answers many.safetensors >expected
    answers many >found
    cmp expected found
    "$FREEZETUNE" convert --names hf plain.safetensors named.safetensors # files stay as they were
    run grep -ca num_batches_tracked named.safetensors
    [ "$output" = 0 ]

    edit plain.safetensors 'h = {k: v for k, v in h.items() if not k.startswith("fc.")}'
    mkdir -p data/a data/b
    for i in 1 2 3 4 5; do
        cp "$fixtures/photos/grey.jpg" data/a/$i.jpg
        cp "$fixtures/photos/bits.bmp" data/b/$i.bmp
    done
    for format in hf timm; do
        "$FREEZETUNE" convert --format $format plain.safetensors body-$format
        "$FREEZETUNE" train --quiet --data data --val-split 0.4 --weights body-$format --image-size 32 --freeze-until 9 \
            --epochs 1 --cache off --out run-$format
    done
    cmp run-hf/best.safetensors run-timm/best.safetensors
    [ "$(json body-hf/config.json 'j["architectures"]')" = '["ResNetModel"]' ]
    [ "$(json body-timm/config.json 'j["num_classes"]')" = 0 ]
}

@test "convert --format hf and timm: what is no whole network is refused, and nothing is left" {
    command -v python3 >/dev/null || skip "no python3 to make weights with"
    cp m.safetensors part.safetensors
    edit part.safetensors 'del h["layer4.1.bn2.running_var"]'
    "$FREEZETUNE" toy --out mlp.safetensors >/dev/null
    for format in hf timm; do
        fails 65 "part\.safetensors: .*layer4\.1\.bn2\.running_var" "$FREEZETUNE" convert --format $format part.safetensors x
        fails 65 "mlp\.safetensors: not a ResNet's weights" "$FREEZETUNE" convert --format $format mlp.safetensors x
        fails 64 "--names cannot be combined with --format $format" "$FREEZETUNE" convert --format $format --names hf m.safetensors x
        fails 64 '--fold-bn only applies to ONNX' "$FREEZETUNE" convert --format $format --fold-bn m.safetensors x
        fails 64 '--opset only applies to ONNX' "$FREEZETUNE" convert --format $format --opset 13 m.safetensors x
    done
    [ "$(ls)" = "$(printf '%s\n' m.safetensors mlp.safetensors part.safetensors stderr.txt stdout.txt)" ]
}

@test "convert --format hf and timm: OUT is new or empty" {
    mkdir full empty target && touch full/file plain
    cp m.safetensors full
    ln -s target link
    for format in hf timm; do
        fails 73 'full: is not empty; name a new folder' "$FREEZETUNE" convert --format $format m.safetensors full
        fails 73 'full/: is not empty' "$FREEZETUNE" convert --format $format full/m.safetensors full/
        fails 73 'plain: is not a folder' "$FREEZETUNE" convert --format $format m.safetensors plain
        fails 73 '/dev/null: is not a folder' "$FREEZETUNE" convert --format $format m.safetensors /dev/null
        fails 73 'no/such/x: the folder cannot be created' "$FREEZETUNE" convert --format $format m.safetensors no/such/x
        fails 73 '/proc/x: the folder cannot be created' "$FREEZETUNE" convert --format $format m.safetensors /proc/x
        fails 64 'm\.safetensors: is the input' "$FREEZETUNE" convert --format $format m.safetensors m.safetensors
        # A file may not grow beyond a megabyte: the disk is full.
        fails 74 '^freezetune convert: x/model\.safetensors: writing failed' \
            bash -c "trap '' XFSZ; ulimit -f 1000; exec '$FREEZETUNE' convert --format $format m.safetensors x"
    done
    (cd empty && fails 73 '\.: is the working folder' "$FREEZETUNE" convert --format hf ../m.safetensors . &&
        rm stdout.txt stderr.txt)
    [ "$(ls full)" = "$(printf '%s\n' file m.safetensors)" ]
    [ "$(ls)" = "$(printf '%s\n' empty full link m.safetensors plain stderr.txt stdout.txt target)" ]
    chmod 750 empty
    "$FREEZETUNE" convert --format hf m.safetensors empty/
    [ "$(stat -c %a empty)" = 750 ]
    "$FREEZETUNE" convert --format timm m.safetensors link
    [ -L link ]
    [ "$(ls target)" = "$(printf '%s\n' config.json model.safetensors)" ]
    cmp m.safetensors target/model.safetensors
}

@test "convert --format hf and timm: a folder in which nothing may be made" {
    [ "$(id -u)" != 0 ] || skip "root may write anywhere"
    mkdir closed
    chmod 555 closed
    fails 73 'closed/x: the folder cannot be created: Permission denied' "$FREEZETUNE" convert --format hf m.safetensors closed/x
    [ -z "$(ls -A closed)" ]
}

@test "convert --format hf: what a killed process left is removed, what a live one writes is not" {
    mkdir out.part.aB3xYz out.part.busyAB other.part.aB3xYz out.part.aB3xYz.old
    echo half >out.part.aB3xYz/model.safetensors
    echo half >out.part.busyAB/model.safetensors
    ln -s other.part.aB3xYz out.part.linkAB
    exec 8<out.part.busyAB
    flock 8
    "$FREEZETUNE" convert --format hf m.safetensors out 8<&-
    exec 8<&-
    [ ! -e out.part.aB3xYz ]
    [ -e out.part.busyAB/model.safetensors ]
    [ -d other.part.aB3xYz ] && [ -L out.part.linkAB ] && [ -d out.part.aB3xYz.old ]
}

@test "convert --format hf: killed at any time, the folder is whole or not there" {
    "$FREEZETUNE" convert --format hf m.safetensors whole
    for delay in 0 0.01 0.03 0.06 0.1 0.2 0.4; do
        rm -rf out out.part.*
        "$FREEZETUNE" convert --format hf m.safetensors out 2>stderr.txt &
        sleep $delay
        kill -KILL $! || true
        wait $! || true
        [ ! -e out ] || diff -r whole out
    done
}
