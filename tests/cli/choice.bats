#!/usr/bin/env bats
# Files that hold more than a network, several networks or only a body: --key, --prefix, and what is said of the rest.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    "$BUILD/tests/tools/make_model" plain.safetensors 32 ants bees cats
    mkdir -p photos/train/ants photos/train/bees photos/val/ants photos/val/bees
    local photo=$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg
    for class in ants bees; do
        cp "$photo" "photos/train/$class/1.jpg"
        cp "$photo" "photos/train/$class/2.jpg"
        cp "$photo" "photos/val/$class/3.jpg"
    done
    # As DINO has it: two towers, each with a head of its own.
    mix dino.safetensors "student.backbone.~plain.safetensors:fc" "teacher.backbone.=plain.safetensors:fc" \
        "teacher.head.mlp.0.weight[4,512]"
    mix body.safetensors "=plain.safetensors:fc"
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    photo=$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg
}

mix() {
    "$BUILD/tests/tools/mix_weights" "$@"
}

# The answers of the plain network for the photo, and of FILE with options.
same_answers() {
    local as=(--classes "ants,bees,cats" --resize 36 --crop 32)
    "$FREEZETUNE" predict --format tsv --model "$@" "${as[@]}" "$photo" 2>stderr.txt | cut -f 4- >found.txt
    "$FREEZETUNE" predict --format tsv --model unnamed.safetensors "${as[@]}" "$photo" 2>plain.txt | cut -f 4- >wanted.txt
    [ -s wanted.txt ] && cmp found.txt wanted.txt
}

@test "of several networks one is chosen by --prefix, and the others are named" {
    fails 65 "several ResNets: choose one with --prefix: 'student\.backbone\.', 'teacher\.backbone\.'" \
        "$FREEZETUNE" convert dino.safetensors out.safetensors
    fails 65 "no ResNet under --prefix 'tutor\.'" "$FREEZETUNE" inspect --prefix tutor. dino.safetensors
    run_split "$FREEZETUNE" convert --prefix teacher.backbone. dino.safetensors out.safetensors
    [ "$status" = 0 ]
    grep -qxF "weights: took 'teacher.backbone.' of the file's 2 networks; --prefix chooses another: 'student.backbone.'" stderr.txt
    grep -q "part.* left out: .*'teacher.head.mlp.0.weight'" stderr.txt
    run_split "$FREEZETUNE" diff out.safetensors body.safetensors
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" diff --prefix student.backbone. --prefix-b teacher.backbone. dino.safetensors dino.safetensors
    [ "$status" = 1 ]
    run_split "$FREEZETUNE" inspect --prefix student.backbone. dino.safetensors
    [[ $out == *"network: resnet18 without a last layer"*"prefix: student.backbone."*"teacher.backbone.: another network (--prefix takes it)"* ]]
}

@test "predict --quiet says nothing of the networks that were not taken" {
    mix two.safetensors "a.=plain.safetensors" "b.=plain.safetensors"
    run_split "$FREEZETUNE" predict --model two.safetensors --prefix a. "$photo"
    [ "$status" = 0 ]
    [[ $err == *"took 'a.' of the file's 2 networks"* ]]
    run_split "$FREEZETUNE" predict --quiet --model two.safetensors --prefix a. "$photo"
    [ "$status" = 0 ]
    [ -z "$err" ]
}

@test "--key and --prefix need a file to choose in" {
    fails 64 '\-\-key chooses within a FILE' "$FREEZETUNE" inspect --key x --arch resnet50
    fails 64 'not --weights random' "$FREEZETUNE" train --weights random --prefix x --data photos --dry-run
}

@test "--key takes a state dict of a checkpoint" {
    local two=$BATS_TEST_DIRNAME/../fixtures/pth/two_keys.pth
    fails 65 "several networks: choose one with --key: 'net', 'teacher'" "$FREEZETUNE" inspect "$two"
    fails 65 "no state dict under --key 'x'; there are 'net', 'teacher'" "$FREEZETUNE" inspect --key x "$two"
    run_split "$FREEZETUNE" inspect --key teacher "$two"
    [[ $out == *"key: teacher"*"net: another network (--key takes it)"* ]]
    run_split "$FREEZETUNE" diff --key net --key-b teacher "$two" "$two"
    [ "$status" = 1 ]
    run_split "$FREEZETUNE" diff --key net --key-b net "$two" "$two"
    [ "$status" = 0 ]
}

@test "train takes a body and says that the head is re-initialised, --resume opens the same network" {
    run_split "$FREEZETUNE" train --weights dino.safetensors --prefix teacher.backbone. --data photos --image-size 32 \
        --epochs 2 --freeze-until 8 --out run --keep-last
    [ "$status" = 0 ]
    grep -qxF "head: fc is re-initialised for 2 classes (the file has none)" stderr.txt
    grep -q "took 'teacher.backbone.' of the file's 2 networks" stderr.txt
    grep -q '"prefix": "teacher.backbone."' run/config.json
    [[ $out == *"bit-identical" ]]
    run_split "$FREEZETUNE" train --resume run
    [ "$status" = 0 ]
    grep -q "took 'teacher.backbone.'" stderr.txt
    fails 64 '\-\-prefix cannot be changed when a run is resumed' "$FREEZETUNE" train --resume run --prefix student.backbone.
}

@test "a body has no answers, convert writes it as a body" {
    fails 65 'a backbone without a last layer' "$FREEZETUNE" convert body.safetensors out.onnx
    [ ! -e out.onnx ]
    fails 65 'a backbone without a last layer' "$FREEZETUNE" predict --model body.safetensors "$photo"
    fails 65 'a backbone without a last layer' "$FREEZETUNE" eval --model body.safetensors --data photos
    run_split "$FREEZETUNE" convert body.safetensors out.pth
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" inspect out.pth
    [[ $out == *"without a last layer"* ]]
    absent 'freezetune\.classes'
}

@test "heads that are one linear layer answer as the plain network does, others are left out" {
    mix unnamed.safetensors "=plain.safetensors"
    mix wrapped.safetensors "model.net.=plain.safetensors"
    same_answers wrapped.safetensors
    [ ! -s stderr.txt ]
    mix queue.safetensors "=plain.safetensors" "queue[4,4]" "layer1.0.total_ops[1]" "total_ops[1]" "criterion.weight[3]"
    same_answers queue.safetensors
    [ "$(cat stderr.txt)" = "weights: 1 part of the file is left out: 'queue'; \`freezetune inspect\` lists it" ]
    mix moco.safetensors "module.encoder_q.=plain.safetensors" "module.encoder_k.~plain.safetensors" "module.queue[4,4]"
    fails 65 "'fc\.(weight|bias)' is the projection of a self-supervised encoder" "$FREEZETUNE" predict --model moco.safetensors "$photo"
    mix neck.safetensors "=plain.safetensors" "bottleneck.weight[512]"
    fails 65 "'fc\.(weight|bias)' is a layer beside others that may stand before it" "$FREEZETUNE" predict --model neck.safetensors "$photo"
}

@test "what makes another network is refused, wherever in the stem or the layers it stands" {
    for name in layer1.0.se.fc1.weight conv1.bias sa.conv1.weight prelu.weight layer5.0.weight attnpool.k relu.weight act1.weight stem.0.weight; do
        mix other.safetensors "=plain.safetensors" "${name}[4]"
        fails 65 "tensor '$name' is not part of resnet18" "$FREEZETUNE" predict --model other.safetensors "$photo"
        fails 65 "tensor '$name' is not part of resnet18" "$FREEZETUNE" train --dry-run --data photos --weights other.safetensors
    done
}

@test "a stem, a pruned and a quantized network are named" {
    while read -r text tensors; do
        # shellcheck disable=SC2086 # words
        mix other.safetensors "=plain.safetensors:conv1" $tensors
        fails 65 "${text//_/ }" "$FREEZETUNE" predict --model other.safetensors "$photo"
    done <<END
takes_1_channel; conv1.weight[64,1,7,7]
takes_13_channels conv1.weight[64,13,7,7]
is_3x3 conv1.weight[64,3,3,3]
a_deep_stem conv1.0.weight[32,3,3,3]
is_pruned conv1.weight_orig[64,3,7,7] conv1.weight_mask[64,3,7,7]
is_quantized conv1.weight[64,3,7,7] layer1.0.conv1.scale[1] layer1.0.conv1.zero_point[1]
weight_norm conv1.weight_g[64,1,1,1] conv1.weight_v[64,3,7,7]
END
}

@test "the proof says that float64 weights were compared as float32" {
    mix wide.safetensors --f64 "=plain.safetensors"
    run_split "$FREEZETUNE" train --weights wide.safetensors --data photos --image-size 32 --epochs 1 --freeze-until 8 --out wide
    [ "$status" = 0 ]
    grep -q 'bit-identical as float32 (the file holds float64)$' stdout.txt
    run_split "$FREEZETUNE" diff wide.safetensors wide/best.safetensors
    [ "$status" = 1 ] # of another type
    run_split "$FREEZETUNE" train --weights plain.safetensors --data photos --image-size 32 --epochs 1 --freeze-until 8 --out narrow
    grep -q 'bit-identical$' stdout.txt
}

@test "files of other programs are named, with what to do" {
    "$FREEZETUNE" convert plain.safetensors own.onnx 2>/dev/null
    "$FREEZETUNE" convert plain.safetensors own.pth 2>/dev/null
    head -c 100000 own.pth >cut.pth
    printf x | cat own.pth - >tail.pth
    printf '<?xml version="1.0"?>\n<net name="r" version="11"><layers/></net>\n' >net.xml
    # {"w": numpy.core.multiarray._reconstruct()} by protocol 2
    printf '\x80\x02}X\x01\x00\x00\x00wcnumpy.core.multiarray\n_reconstruct\n)Rs.' >arrays.pkl
    fails 65 'own\.onnx: byte 0: this is an ONNX file: convert writes it, nothing here reads it' "$FREEZETUNE" inspect own.onnx
    fails 65 'cut\.pth: truncated: 100,000 bytes' "$FREEZETUNE" inspect cut.pth
    fails 65 'tail\.pth: byte [0-9]*: .*something was added' "$FREEZETUNE" inspect tail.pth
    fails 65 "OpenVINO's description of a network" "$FREEZETUNE" inspect net.xml
    fails 65 'a pickle of NumPy arrays, as detectron2 .* and Paddle' "$FREEZETUNE" inspect arrays.pkl
}
