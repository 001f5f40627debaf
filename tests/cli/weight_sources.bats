#!/usr/bin/env bats
# From what people have in hand to a prediction: files by any name, folders, checkpoints.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    local fixtures=$BATS_TEST_DIRNAME/../fixtures
    "$BUILD/tests/tools/make_model" m.safetensors 32 ants bees cats
    "$FREEZETUNE" predict --model m.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" >expected
    grep -q ants expected
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    fixtures=$BATS_TEST_DIRNAME/../fixtures
    photos="$fixtures/photos/grey.jpg $fixtures/photos/bits.bmp"
    cp "$BATS_FILE_TMPDIR"/{m.safetensors,expected} .
}

# same MODEL: predicts what the model file predicts.
same() {
    # shellcheck disable=SC2086 # two photos
    run_split "$FREEZETUNE" predict --model "$1" --format jsonl $photos
    [ "$status" = 0 ]
    [ -z "$err" ]
    cmp stdout.txt expected
}

@test "the name of a file says nothing" {
    "$FREEZETUNE" convert --format pth m.safetensors "a file"
    same "a file"
    cp m.safetensors weights.pth
    same weights.pth
    mv weights.pth weights.onnx
    same weights.onnx
}

@test "a folder stands for the weights in it: of a run, of Hugging Face" {
    mkdir run hf old
    cp m.safetensors run/best.safetensors
    cp m.safetensors run/last.safetensors
    same run
    same run/
    for folder in hf old; do
        printf '{"model_type": "resnet", "id2label": {"0": "ants", "1": "bees", "2": "cats"}}' >$folder/config.json
        printf '{"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}}' \
            >$folder/preprocessor_config.json
    done
    "$FREEZETUNE" convert --names hf m.safetensors hf/model.safetensors
    same hf
    "$FREEZETUNE" convert --names hf --format pth m.safetensors old/pytorch_model.bin
    same old
    run_split "$FREEZETUNE" diff run hf
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" inspect hf
    [ "$status" = 0 ]
    [[ $out == *"resnet18"* ]]
}

# unnamed FILE: predictions without the names of the classes.
unnamed() {
    sed -E 's/"class": ?"[^"]*"//g' "$1"
}

@test "a folder of timm: photos are prepared as its config.json says; any other config.json says nothing" {
    # The same tensors without metadata; what the model file says of itself is that the photos become 37, then 32 pixels.
    mkdir timm
    without_metadata m.safetensors timm/model.safetensors
    printf '{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 32, 32], "crop_pct": 0.86, %s}}' \
        '"interpolation": "bilinear"' >timm/config.json
    # shellcheck disable=SC2086 # two photos
    "$FREEZETUNE" predict --model timm --format jsonl $photos >found
    [ "$(unnamed found)" = "$(unnamed expected)" ]
    for other in '{"epochs": 10}' 'no JSON' '{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 64, 64]}}'; do
        printf '%s' "$other" >timm/config.json
        # shellcheck disable=SC2086 # two photos
        "$FREEZETUNE" predict --model timm --format jsonl $photos >found
        [ "$(unnamed found)" != "$(unnamed expected)" ]
    done
    printf '{"architecture": "resnetblur18", "pretrained_cfg": {}}' >timm/config.json
    # shellcheck disable=SC2086 # two photos
    fails 65 'timm/config\.json: architecture: not one of' "$FREEZETUNE" predict --model timm $photos
    # The older form has everything at the root; its labels are the classes.
    printf '{"architecture": "resnet18.a1", "input_size": [3, 32, 32], "crop_pct": 0.86, "interpolation": "bilinear", %s}' \
        '"labels": ["ants", "bees", "cats"]' >timm/config.json
    same timm
    printf '{"architecture": "resnetaa18", "input_size": [3, 32, 32]}' >timm/config.json
    # shellcheck disable=SC2086 # two photos
    fails 65 'another network: resnetaa18' "$FREEZETUNE" predict --model timm $photos
    printf '{"architecture": "resnet18", "model_args": {"act_layer": "silu"}, "pretrained_cfg": {}}' >timm/config.json
    # shellcheck disable=SC2086 # two photos
    fails 65 'timm/config\.json: model_args: act_layer: silu differs from the default' "$FREEZETUNE" predict --model timm $photos
}

@test "class names beside the weights are taken if there are as many as outputs" {
    # named FILE: as `same`, with the one remark that says which file named the classes.
    named() {
        # shellcheck disable=SC2086 # two photos
        run_split "$FREEZETUNE" predict --model only/w.safetensors --format jsonl $photos
        [ "$status" = 0 ]
        [ "$err" = "classes: names from $1 beside only/w.safetensors" ]
        cmp stdout.txt expected
    }
    mkdir only
    python3 - <<'END'
import json, struct
data = open("m.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + size])
del header["__metadata__"]["freezetune.classes"]
text = json.dumps(header).encode()
open("only/w.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size :])
END
    printf 'ants\nbees\ncats\n' >only/labels.txt
    named labels.txt
    printf 'x\ny\n' >only/classes.txt
    named labels.txt
    printf '{"class_to_idx": {"cats": 2, "bees": 1, "ants": 0}}' >only/config.json
    rm only/labels.txt
    named config.json
}

@test "what is assumed of photos is said once, and only where nothing says it" {
    mkdir -p hf timm data/{ants,bees}
    "$FREEZETUNE" convert --names hf m.safetensors with.safetensors
    without_metadata m.safetensors plain.safetensors
    without_metadata with.safetensors hf/model.safetensors
    for class in ants bees; do
        for i in 1 2 3 4 5; do cp "$fixtures/photos/grey.jpg" data/$class/$i.jpg; done
    done
    # says_it COUNT COMMAND...
    says_it() {
        local count=$1
        shift
        run_split "$@"
        [ "$(grep -c 'does not say how to prepare them; assumed: ' stderr.txt)" = "$count" ]
    }
    # shellcheck disable=SC2086 # two photos
    says_it 1 "$FREEZETUNE" predict --model plain.safetensors $photos
    [[ $err == *"plain.safetensors does not"*"resize 256, crop 224, bilinear, ImageNet's mean and deviation"* ]]
    # shellcheck disable=SC2086 # two photos
    says_it 0 "$FREEZETUNE" predict --quiet --model plain.safetensors $photos
    # shellcheck disable=SC2086 # two photos
    says_it 0 "$FREEZETUNE" predict --resize 256 --model plain.safetensors $photos
    mkdir -p named/{0,1,2}
    cp "$fixtures/photos/grey.jpg" named/0
    cp "$fixtures/photos/grey.jpg" named/1
    cp "$fixtures/photos/grey.jpg" named/2
    says_it 1 "$FREEZETUNE" eval --model plain.safetensors --data named
    local flags=(--data data --val-split 0.4 --image-size 32 --freeze-until 9 --epochs 1)
    says_it 1 "$FREEZETUNE" train "${flags[@]}" --weights plain.safetensors --out run-plain
    [ "$status" = 0 ]
    says_it 0 "$FREEZETUNE" train "${flags[@]}" --weights m.safetensors --out run-m
    [ "$status" = 0 ]
    cp plain.safetensors timm/model.safetensors
    printf '{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 32, 32]}}' >timm/config.json
    # shellcheck disable=SC2086 # two photos
    says_it 0 "$FREEZETUNE" predict --model timm $photos
    # shellcheck disable=SC2086 # two photos
    says_it 1 "$FREEZETUNE" predict --model hf $photos
    printf '{"size": {"shortest_edge": 32}, "do_center_crop": false}' >hf/preprocessor_config.json
    # shellcheck disable=SC2086 # two photos
    says_it 0 "$FREEZETUNE" predict --model hf $photos
    [ "$(grep -c 'keeps them oblong; here the short side becomes 32 ' stderr.txt)" = 1 ]
}

@test "a processor that squashes is followed by predict, eval, train and convert" {
    mkdir -p hf data/{ants,bees,cats}
    "$FREEZETUNE" convert --names hf m.safetensors with.safetensors
    without_metadata with.safetensors hf/model.safetensors
    printf '{"model_type": "resnet", "id2label": {"0": "ants", "1": "bees", "2": "cats"}}' >hf/config.json
    printf '{"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}, "resample": 3,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}' >hf/preprocessor_config.json
    # Wide photos, which the model of setup sees another part of.
    for class in ants bees cats; do
        for i in 1 2 3 4 5; do cp "$fixtures/photos/s422.jpg" data/$class/$i.jpg; done
    done
    local by_hand=(--resize 32 --crop 32 --interpolation bicubic) photo=$fixtures/photos/s422.jpg
    "$FREEZETUNE" predict --format jsonl --model hf "$photo" >followed
    "$FREEZETUNE" predict --format jsonl --model m.safetensors "${by_hand[@]}" --resize-mode squash "$photo" | cmp - followed
    "$FREEZETUNE" predict --format jsonl --model hf --resize-mode short "$photo" >short
    [ "$(<short)" != "$(<followed)" ]
    # What is written says it, and is read again.
    "$FREEZETUNE" convert hf model.safetensors
    "$FREEZETUNE" inspect model.safetensors | tr -d ' \n' | grep -q '"resize_mode":"squash","center_crop":"floor"'
    "$FREEZETUNE" predict --format jsonl --model model.safetensors "$photo" | cmp - followed
    "$FREEZETUNE" convert hf model.onnx
    grep -qa '"resize_mode": *"squash"' model.onnx
    "$FREEZETUNE" eval --json --model hf --data data >eval-hf
    "$FREEZETUNE" eval --json --model m.safetensors "${by_hand[@]}" --resize-mode squash --data data >eval-hand
    diff <(grep '"loss"' eval-hf) <(grep '"loss"' eval-hand)
    local flags=(--quiet --data data --val-split 0.4 --image-size 32 --freeze-until 9 --epochs 1 --augment none)
    "$FREEZETUNE" train "${flags[@]}" --cache disk --cache-dir cache --weights hf --out run
    "$FREEZETUNE" inspect run | tr -d ' \n' | grep -q '"resize_mode":"squash","center_crop":"floor"'
    # Other pixels: none of the features are shared.
    "$FREEZETUNE" train "${flags[@]}" --cache disk --cache-dir cache --weights hf --resize-mode short --out run-short
    [ "$(find cache -type f -name '*.features' | wc -l)" -ge 2 ]
    run_split "$FREEZETUNE" diff run run-short
    [ "$status" = 1 ]
}

@test "outputs that mean something else are answered as they mean it, or refused" {
    mkdir -p hf data/{ants,bees,cats}
    "$FREEZETUNE" convert --names hf m.safetensors hf/model.safetensors
    # says TYPE: the folder's config.json.
    says() {
        printf '{"model_type": "resnet", "problem_type": "%s", "id2label": {"0": "ants", "1": "bees", "2": "cats"}}' \
            "$1" >hf/config.json
    }
    says multi_label_classification
    # shellcheck disable=SC2086 # two photos
    "$FREEZETUNE" predict --model hf --format jsonl --logits logits.safetensors $photos >found
    python3 - <<'END'
import json, math, struct
data = open("logits.safetensors", "rb").read()
size, = struct.unpack("<Q", data[:8])
entry = json.loads(data[8 : 8 + size])["logits"]
logits = struct.unpack("<6f", data[8 + size + entry["data_offsets"][0] : 8 + size + entry["data_offsets"][1]])
for photo, line in enumerate(open("found")):
    answer = json.loads(line)
    assert answer["multi_label"] is True
    assert len(answer["top"]) == 3
    for top in answer["top"]:
        assert abs(top["probability"] - 1 / (1 + math.exp(-logits[photo * 3 + top["index"]]))) < 1e-6
    assert answer["top"] == sorted(answer["top"], key=lambda top: -top["probability"])
END
    # convert takes it along, whatever the format.
    "$FREEZETUNE" convert hf copy.pth
    # shellcheck disable=SC2086 # two photos
    "$FREEZETUNE" predict --model copy.pth --format jsonl $photos | cmp - found
    for class in ants bees cats; do
        for i in 1 2 3 4 5; do cp "$fixtures/photos/grey.jpg" data/$class/$i.jpg; done
    done
    fails 65 'multi_label_classification.*accuracy cannot be measured' "$FREEZETUNE" eval --model copy.pth --data data
    # shellcheck disable=SC2086 # two photos
    fails 64 '--tta flip cannot' "$FREEZETUNE" predict --model copy.pth --tta flip $photos
    # The same classes, but no head that chooses one of them.
    run_split "$FREEZETUNE" train --data data --val-split 0.4 --weights copy.pth --image-size 32 --freeze-until 9 \
        --epochs 1 --out run
    [ "$status" = 0 ]
    [ "$(grep -c '^head: ' stderr.txt)" = 1 ]
    says regression
    # shellcheck disable=SC2086 # two photos
    fails 65 'regression.*numbers, not classes' "$FREEZETUNE" predict --model hf $photos
    "$BUILD/tests/tools/make_model" one.safetensors 32 score
    # shellcheck disable=SC2086 # two photos
    fails 65 'one\.safetensors: has one output' "$FREEZETUNE" predict --model one.safetensors $photos
    fails 65 'one\.safetensors: has one output' "$FREEZETUNE" eval --model one.safetensors --data data
}

@test "train begins with a folder, and knows it again" {
    mkdir -p run data/a data/b
    cp m.safetensors run/best.safetensors
    for i in 1 2 3 4 5; do
        cp "$fixtures/photos/grey.jpg" data/a/$i.jpg
        cp "$fixtures/photos/bits.bmp" data/b/$i.bmp
    done
    "$FREEZETUNE" train --quiet --data data --val-split 0.4 --weights run --image-size 32 --freeze-until 9 --epochs 1 \
        --out out
    grep -q '"weights": ".*/run"' out/config.json
    "$FREEZETUNE" train --quiet --resume out
    printf 'x' | dd of=run/best.safetensors bs=1 seek=20000 conv=notrunc 2>dd.txt
    fails 65 'is not the file that the run started with' "$FREEZETUNE" train --quiet --resume out
}

@test "what keeps a ResNet from being one of ours is said" {
    command -v python3 >/dev/null || skip "no python3 to make one with"
    python3 - <<'PYTHON'
import json, struct
whole = open("m.safetensors", "rb").read()
size, = struct.unpack("<Q", whole[:8])
header, data = json.loads(whole[8:8 + size]), whole[8 + size:]
tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}

def write(path, tensors):
    text = json.dumps(tensors).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

write("plain.safetensors", tensors)
write("part.safetensors", {"backbone." + name: entry for name, entry in tensors.items()})
write("head.safetensors", {name.replace("fc.", "fc.1."): entry for name, entry in tensors.items()})
mm = {("head." if name.startswith("fc.") else "backbone.") + name: entry for name, entry in tensors.items()}
write("mmpretrain.safetensors", mm)
empty = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}
write("neck.safetensors", mm | {"neck.bn.weight": empty})
write("two.safetensors", {name.replace("fc.weight", "fc.0.weight").replace("fc.bias", "fc.3.bias"): entry
                          for name, entry in tensors.items()})
write("pair.safetensors", {("student." if name.startswith("layer4") else "") + name: entry
                           for name, entry in tensors.items()})
tensors["layer1.0.conv1.weight"]["shape"] = [128, 32, 3, 3]
write("wide.safetensors", tensors)
PYTHON
    mkdir -p data/a data/b
    for i in 1 2 3 4 5; do
        cp "$fixtures/photos/grey.jpg" data/a/$i.jpg
        cp "$fixtures/photos/bits.bmp" data/b/$i.bmp
    done
    # unread FILE PATTERN: by predict and by train, with the same words.
    unread() {
        fails 65 "$1: $2" "$FREEZETUNE" predict --model "$1" "$fixtures/photos/grey.jpg"
        fails 65 "$1: $2" "$FREEZETUNE" train --quiet --data data --val-split 0.4 --weights "$1"
    }
    # A prefix, a last layer behind a Dropout and mmpretrain's head beside its backbone are no matter.
    "$FREEZETUNE" predict --model plain.safetensors "$fixtures/photos/grey.jpg" >expected.txt
    for file in part head mmpretrain; do
        "$FREEZETUNE" predict --model $file.safetensors "$fixtures/photos/grey.jpg" >answer.txt
        cmp expected.txt answer.txt
    done
    fails 65 "neck\.safetensors: a backbone without a last layer" \
        "$FREEZETUNE" predict --model neck.safetensors "$fixtures/photos/grey.jpg"
    fails 65 "two\.safetensors: its last layer cannot be used: 'fc\.0\.weight' is a part of a last layer of several" \
        "$FREEZETUNE" predict --model two.safetensors "$fixtures/photos/grey.jpg"
    "$FREEZETUNE" train --quiet --data data --val-split 0.4 --weights two.safetensors --image-size 32 --freeze-until 9 \
        --epochs 1 --out body
    unread pair.safetensors "the weights of another ResNet than resnet18, "
    unread wide.safetensors "the weights of another ResNet than resnet18, "
    "$FREEZETUNE" inspect wide.safetensors | grep -q 'network: none'
    "$FREEZETUNE" convert wide.safetensors copy.safetensors
    run_split "$FREEZETUNE" inspect --json copy.safetensors
    absent 'freezetune\.arch'
}

@test "a folder without weights, and an answer over the weights in a folder, are refused" {
    mkdir none run
    fails 66 'none: a folder without weights' "$FREEZETUNE" inspect none
    cp m.safetensors run/best.safetensors
    # shellcheck disable=SC2086 # two photos
    fails 64 'is one of the inputs' "$FREEZETUNE" predict --model run --out run/best.safetensors $photos
    fails 64 'is the input' "$FREEZETUNE" convert run run/best.safetensors
    cmp m.safetensors run/best.safetensors
}

@test "a folder of runs is answered with their names, by each command that takes a model" {
    mkdir -p runs/fold-{1,2,10} runs/empty runs/.hidden photos
    for run in fold-1 fold-2 fold-10 .hidden; do
        "$BUILD/tests/tools/make_model" "runs/$run/best.safetensors" 32 ants bees
    done
    while read -r -a command; do
        fails 66 'runs: holds runs \(fold-1, fold-2, fold-10\): name one of them, runs/NAME$' "$FREEZETUNE" "${command[@]}"
    done <<'END'
eval --model runs --data photos
predict --model runs photos
inspect runs
convert runs out.pth
diff runs runs/fold-1
END
    # Something above it is no run of it.
    cp runs/fold-1/best.safetensors .
    fails 66 'photos: a folder without weights' "$FREEZETUNE" inspect photos
    for run in $(seq 200); do
        mkdir "photos/$run"
        touch "photos/$run/best.safetensors"
    done
    fails 66 'photos: holds runs \(1, 2, 3, \.\.\., 198, 199, 200\): name one' "$FREEZETUNE" inspect photos
}
