#!/usr/bin/env bats
# Weights of other programs at the command line: PyTorch's .pth, Hugging Face's folder, and files that mean harm.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    fixtures=$BATS_TEST_DIRNAME/../fixtures
    expected=$fixtures/pth/expected.safetensors
}

@test "diff and inspect read .pth files like any other" {
    run_split "$FREEZETUNE" diff "$fixtures/pth/tensors_zip.pth" "$expected"
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" diff "$fixtures/pth/checkpoint_legacy.pth" "$expected"
    [ "$status" = 0 ]
    run_split "$FREEZETUNE" diff "$fixtures/pth/f16_zip.pth" "$expected"
    [ "$status" = 1 ]
    run_split "$FREEZETUNE" inspect "$fixtures/pth/module_legacy.pth"
    [ "$status" = 0 ]
    [[ $out == *"4 tensors"* ]]
    [[ $out == *"conv1.weight"*"F32"*"[4,3,3,2]"* ]]
    absent 'module\.'
}

@test "a pickle that would run a program is refused by name, and nothing runs" {
    printf '\x80\x02cos\nsystem\nX\x0a\x00\x00\x00touch here\x85R.' >evil.pth
    for command in inspect "diff $expected" "predict --model evil.pth $fixtures/photos/grey.jpg --model"; do
        # shellcheck disable=SC2086 # words
        fails 65 'evil\.pth: byte 29: the file holds an object of os\.system, not a state dict: nothing was run' "$FREEZETUNE" $command evil.pth
    done
    [ ! -e here ]
}

@test "hostile pickles start no process, open no socket and no file but the operand" {
    command -v python3 >/dev/null || skip "no python3 to make the pickles with"
    run_split python3 "$BATS_TEST_DIRNAME/../../scripts/check_pickles.py" --program "$FREEZETUNE" --every 13
    [ "$status" != 77 ] || skip "no strace that may trace here"
    [ "$status" = 0 ]
    [[ $out == *" kinds, "*" runs, 0 wrong" ]]
}

@test "a damaged .pth file is refused with the entry and the byte" {
    cp "$fixtures/pth/tensors_zip.pth" bad.pth
    printf 'x' | dd of=bad.pth bs=1 seek=70 conv=notrunc 2>dd.txt
    fails 65 "bad\.pth: byte 64: entry 'tensors_zip/data\.pkl': its CRC-32 is" "$FREEZETUNE" inspect bad.pth
    head -c 2000 "$fixtures/pth/tensors_zip.pth" >cut.pth
    fails 65 'cut\.pth: truncated: 2,000 bytes, the directory of the zip file is missing; download it again' "$FREEZETUNE" inspect cut.pth
}

@test "TorchScript, tar and other files are called by their names" {
    for begin in '(dp0\nS"w"\n' '}q\x01U\x01wq\x02K\x01s.' 'L119547037146038801333356L\n.I1001\n.'; do
        # shellcheck disable=SC2059 # escapes are meant
        printf "$begin" >old.pth
        fails 65 'old\.pth: byte 0: this is a pickle of protocol 0 or 1, .*; load it in Python' "$FREEZETUNE" inspect old.pth
    done
    tar cf old.pth -C "$fixtures/photos" grey.jpg
    fails 65 'tar archive' "$FREEZETUNE" inspect old.pth
    command -v python3 >/dev/null || skip "no python3 to make an archive with"
    # torch.jit.save compresses the program, which is then longer than the rest of the file.
    python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile("script.pt", "w") as archive:
    archive.writestr("m/data.pkl", "")
    archive.writestr("m/code/f.py", "pass\n" * 1000, zipfile.ZIP_DEFLATED)
    archive.writestr("m/constants.pkl", "")
with zipfile.ZipFile("packed.pth", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("m/data.pkl", bytes(1000))
PYTHON
    fails 65 'script\.pt: byte 0: this is a TorchScript archive' "$FREEZETUNE" inspect script.pt
    fails 65 "packed\.pth: byte [0-9]+: entry 'm/data\.pkl': it is compressed" "$FREEZETUNE" inspect packed.pth
}

@test "a Hugging Face folder predicts with its own classes and preprocessing" {
    "$BUILD/tests/tools/make_model" made.safetensors 32 ants bees cats
    # At 38 pixels the middle of both photos lies on a whole one: Hugging Face's processors round it down.
    "$FREEZETUNE" convert --resize 38 made.safetensors m.safetensors
    mkdir hf
    "$BUILD/tests/tools/hf_names" m.safetensors hf/model.safetensors
    run_split "$FREEZETUNE" diff m.safetensors hf/model.safetensors
    [ "$status" = 0 ]
    printf '{"model_type": "resnet", "id2label": {"0": "ants", "1": "bees", "2": "cats"}}' >hf/config.json
    printf '{"size": {"shortest_edge": 38}, "crop_size": {"height": 32, "width": 32}}' \
        >hf/preprocessor_config.json
    "$FREEZETUNE" predict --model m.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" >a
    "$FREEZETUNE" predict --model hf/model.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" >b
    grep -q ants b
    cmp a b
    printf '{"feature_extractor_type": "ConvNextFeatureExtractor", "size": 64}' >hf/preprocessor_config.json
    "$FREEZETUNE" predict --model hf/model.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" >c
    run_split cmp a c
    [ "$status" = 1 ]
    printf '{"size": {"shortest_edge": 38}, "crop_size": 32, "resample": 3}' >hf/preprocessor_config.json
    "$FREEZETUNE" predict --model hf/model.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" >d
    run_split cmp a d
    [ "$status" = 1 ]
    "$FREEZETUNE" convert hf/model.safetensors cubic.safetensors
    for model in m.safetensors cubic.safetensors; do
        "$FREEZETUNE" predict --model $model --interpolation bicubic --format jsonl "$fixtures/photos/grey.jpg" \
            "$fixtures/photos/bits.bmp" | cmp - d
    done
    "$FREEZETUNE" predict --model cubic.safetensors --format jsonl "$fixtures/photos/grey.jpg" "$fixtures/photos/bits.bmp" |
        cmp - d
    "$FREEZETUNE" predict --model cubic.safetensors --interpolation bilinear --format jsonl "$fixtures/photos/grey.jpg" \
        "$fixtures/photos/bits.bmp" | cmp - a
    printf '{"downsample_in_bottleneck": true}' >hf/config.json
    fails 65 'hf/config\.json: downsample_in_bottleneck' "$FREEZETUNE" predict --model hf/model.safetensors \
        "$fixtures/photos/grey.jpg"
}

@test "thousands of changed files are refused in one line, or read as they stand" {
    # Short here; with a sanitizer and torch's own objects 300,000 were.
    run_split "$BUILD/tests/tools/mutate_weights" 3000 7 "$fixtures"/pth/*.pth
    [ "$status" = 0 ]
    [[ $out == *" files, 3000 changed copies, 0 wrong answers" ]]
    grep -q ' read$' stdout.txt
}
