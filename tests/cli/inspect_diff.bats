#!/usr/bin/env bats
# inspect FILE and diff A B.

load common

# Two tensors of child 1 and one of child 7, in the order of the data: 0x3f800000 is 1, 0x40000000 is 2.
header='{"__metadata__":{"who":"a\nb"},"layer3.10.w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"layer3.9.w":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"conv1.weight":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}}'
ones='\0\0\x80\x3f'
twos='\0\0\0\x40'
count='\5\0\0\0\0\0\0\0'

setup() {
    cd "$BATS_TEST_TMPDIR"
    safetensors a.safetensors "$header" "$ones$ones$ones$count"
}

@test "inspect shows tensors by child and number, and metadata in one line" {
    run_split "$FREEZETUNE" inspect a.safetensors
    [ "$status" = 0 ]
    [ -z "$err" ]
    [ "$(head -1 stdout.txt)" = "a.safetensors: 3 tensors, 4 values, 20 bytes" ]
    [ "$(sed -n 2p stdout.txt)" = "network: none that freezetune knows" ]
    grep -q '^who  *a\\nb$' stdout.txt
    grep -qE '^ +7  layer3 +2 +3$' stdout.txt
    [ "$(awk '/^tensor/ { on = 1; next } on { printf "%s ", $1 }' stdout.txt)" = "conv1.weight layer3.9.w layer3.10.w " ]
}

@test "inspect --json is JSON" {
    run_split "$FREEZETUNE" inspect --json a.safetensors
    [ "$status" = 0 ]
    command -v python3 >/dev/null || skip "no python3 to read it with"
    python3 -c '
import json, sys
d = json.load(sys.stdin)
assert d["metadata"] == {"who": "a\nb"}
assert [(t["name"], t["child"], t["type"], t["shape"]) for t in d["tensors"]] == [
    ("conv1.weight", 1, "I64", [1]), ("layer3.9.w", 7, "F32", []), ("layer3.10.w", 7, "F32", [2])]' <stdout.txt
}

@test "inspect --arch shows what is frozen and what it takes" {
    run_split "$FREEZETUNE" inspect --arch resnet50 --freeze-until layer2 --threads 1
    [ "$status" = 0 ]
    [ -z "$err" ]
    grep -qE '^ +6  layer2 +1,219,584  frozen +eval$' stdout.txt
    grep -qE '^ +7  layer3 +7,098,368  trained +batch$' stdout.txt
    grep -qE '^ +10  fc +2,049,000  trained$' stdout.txt
    # PyTorch counts the same: sum(p.numel() for p in model.parameters() if p.requires_grad).
    grep -qx '25,557,032 parameters: 1,444,928 frozen (children 1-6), 24,112,104 trained' stdout.txt
    grep -qE '^work    16\.9 GFLOP a photo: frozen part 3\.63 GFLOP' stdout.txt
    run_split "$FREEZETUNE" inspect --arch resnet18 --freeze-until 0 --bn-trained eval
    [ "$status" = 0 ]
    grep -qx '11,689,512 parameters: 11,689,512 trained' stdout.txt
    absent 'frozen\|batch$'
}

@test "inspect --arch --precision bf16 has the memory of maps in bfloat16" {
    network() {
        run_split "$FREEZETUNE" inspect --arch resnet50 --freeze-until 6 --threads 1 --json "$@"
        python3 -c 'import json; d = json.load(open("stdout.txt")); print(d["precision"], d["memory_bytes"]["network"])'
    }
    read -r narrow half <<<"$(network --precision bf16)"
    read -r wide whole <<<"$(network)"
    [ "$narrow $wide" = "bf16 f32" ]
    [ "$half" -lt $((whole * 7 / 10)) ]
    [ "$half" -gt $((whole * 4 / 10)) ]
    run_split "$FREEZETUNE" inspect --arch resnet50 --precision bf16 --threads 1
    grep -q 'pixels, 1 thread, maps in bfloat16:$' stdout.txt
    fails 64 '--precision bf16 cannot be combined with --conv im2col' "$FREEZETUNE" inspect --arch resnet50 \
        --precision bf16 --conv im2col
    fails 64 '--precision cannot be combined with a FILE' "$FREEZETUNE" inspect a.safetensors --precision bf16
}

@test "inspect --arch refuses what makes no sense" {
    fails 64 'leaves nothing to train' "$FREEZETUNE" inspect --arch resnet50 --freeze-until 10
    fails 64 'must be 0 to 9' "$FREEZETUNE" inspect --arch resnet50 --freeze-until 11
    fails 64 'not a child of resnet50' "$FREEZETUNE" inspect --arch resnet50 --freeze-until layer9
    fails 64 '--arch resnet51: must be ' "$FREEZETUNE" inspect --arch resnet51
    fails 64 '--image-size 0' "$FREEZETUNE" inspect --arch resnet50 --image-size 0
    fails 64 'name a FILE, or a network' "$FREEZETUNE" inspect
    fails 64 '^freezetune inspect: --freeze-until cannot be combined with a FILE' "$FREEZETUNE" inspect a.safetensors --freeze-until 6
}

@test "inspect says what is wrong with a file" {
    fails 66 '^freezetune inspect: nothing\.safetensors: ' "$FREEZETUNE" inspect nothing.safetensors
    head -c 100 a.safetensors >cut.safetensors
    fails 65 '^freezetune inspect: cut\.safetensors: ' "$FREEZETUNE" inspect cut.safetensors
    mkdir folder
    fails 66 '^freezetune inspect: folder: a folder without weights' "$FREEZETUNE" inspect folder
    [ -z "$out" ]
}

@test "diff of equal files is 0, of a file with itself too" {
    cp a.safetensors b.safetensors
    for b in a b; do
        run_split "$FREEZETUNE" diff a.safetensors $b.safetensors
        [ "$status" = 0 ]
        [ "$(tail -1 stdout.txt)" = "identical: 1 conv1, 7 layer3" ]
    done
}

@test "diff measures what changed and exits 1" {
    safetensors b.safetensors "$header" "$ones$twos$ones$count"
    run_split "$FREEZETUNE" diff --tensors a.safetensors b.safetensors
    [ "$status" = 1 ]
    [ -z "$err" ]
    # ||a - b|| / ||a|| is 1 / sqrt(3) over the child, 1 / sqrt(2) over the tensor.
    grep -qE '^ +7 +layer3 +2 +1 +3 +1 +1 +0\.577 +changed$' stdout.txt
    grep -qE '^layer3\.10\.w +\[2\] +\[2\] +1 +1 +0\.707 +changed$' stdout.txt
    absent '^layer3\.9\.w'
    grep -qx 'identical: 1 conv1' stdout.txt
    grep -qx 'different: 7 layer3' stdout.txt
    run_split "$FREEZETUNE" diff --quiet a.safetensors b.safetensors
    [ "$status" = 1 ]
    [ -z "$out$err" ]
}

@test "diff does not miss NaN, signed zero, integers, types, shapes and missing tensors" {
    safetensors nan.safetensors "$header" "$ones"'\0\0\xc0\x7f'"$ones$count"
    run_split "$FREEZETUNE" diff --tensors a.safetensors nan.safetensors
    [ "$status" = 1 ]
    grep -qE '^layer3\.10\.w .* nan +nan +changed$' stdout.txt

    safetensors plus.safetensors "$header" "$ones$ones"'\0\0\0\0'"$count"
    safetensors minus.safetensors "$header" "$ones$ones"'\0\0\0\x80'"$count"
    run_split "$FREEZETUNE" diff --tensors plus.safetensors minus.safetensors
    [ "$status" = 1 ]
    grep -qE '^layer3\.9\.w .* 1 +0 +0 +changed$' stdout.txt

    safetensors steps.safetensors "$header" "$ones$ones$ones"'\7\0\0\0\0\0\0\0'
    run_split "$FREEZETUNE" diff --tensors a.safetensors steps.safetensors
    [ "$status" = 1 ]
    grep -qE '^conv1\.weight .* 1 +2 ' stdout.txt

    safetensors other.safetensors "${header/\"F32\",\"shape\":\[2\]/\"F64\",\"shape\":[]}" "$ones$ones$ones$count"
    run_split "$FREEZETUNE" diff --tensors a.safetensors other.safetensors
    [ "$status" = 1 ]
    grep -qE '^layer3\.10\.w +\[2\] +\[\] .* other shape$' stdout.txt

    safetensors type.safetensors "${header/\"I64\"/\"U64\"}" "$ones$ones$ones$count"
    run_split "$FREEZETUNE" diff --tensors a.safetensors type.safetensors
    [ "$status" = 1 ]
    grep -qE '^conv1\.weight .* other type: I64, U64$' stdout.txt

    safetensors less.safetensors '{"layer3.9.w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' "$ones"
    run_split "$FREEZETUNE" diff --tensors a.safetensors less.safetensors
    [ "$status" = 1 ]
    [ "$(grep -c 'only in A$' stdout.txt)" = 4 ]
    run_split "$FREEZETUNE" diff --tensors less.safetensors a.safetensors
    [ "$status" = 1 ]
    [ "$(grep -c 'only in B$' stdout.txt)" = 4 ]
}

@test "diff: the same infinities and NaN on both sides are no distance" {
    infinite='\0\0\x80\x7f'
    safetensors a.safetensors "$header" "$infinite"'\0\0\xc0\x7f'"$ones$count"
    cp a.safetensors b.safetensors
    run_split "$FREEZETUNE" diff --json a.safetensors b.safetensors
    [ "$status" = 0 ]
    [ "$(grep -c '"largest": 0,' stdout.txt)" = 5 ]
    [ "$(grep -c '"relative": 0$' stdout.txt)" = 5 ]
    # What differs beside them is measured as if they were not there; the other infinity is infinitely far away.
    safetensors b.safetensors "$header" "$infinite"'\0\0\xc0\x7f'"$twos$count"
    run_split "$FREEZETUNE" diff a.safetensors b.safetensors
    [ "$status" = 1 ]
    grep -qE '^ +7 +layer3 +2 +1 +3 +1 +1 +1 +changed$' stdout.txt
    safetensors b.safetensors "$header" '\0\0\x80\xff\0\0\xc0\x7f'"$ones$count"
    run_split "$FREEZETUNE" diff a.safetensors b.safetensors
    [ "$status" = 1 ]
    grep -qE '^ +7 +layer3 +2 +1 +3 +1 +inf +' stdout.txt
}

@test "diff measures float tensors across their types" {
    # All are 1, 1 but the first value of F16, which is 1 + 2^-10.
    types() { printf '{"a.w":{"dtype":"%s","shape":[2],"data_offsets":[0,%d]}}' "$1" "$2"; }
    safetensors f16.safetensors "$(types F16 4)" '\x01\x3c\0\x3c'
    safetensors bf16.safetensors "$(types BF16 4)" '\x80\x3f\x80\x3f'
    safetensors f32.safetensors "$(types F32 8)" "$ones$ones"
    safetensors f64.safetensors "$(types F64 16)" '\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x3f'
    run_split "$FREEZETUNE" diff --tensors f32.safetensors f16.safetensors
    [ "$status" = 1 ]
    grep -qE '^ +a +1 +1 +2 +1 +0\.000977 +0\.000691 +other type$' stdout.txt
    grep -qE '^a\.w +\[2\] +\[2\] +1 +0\.000977 +0\.000691 +other type: F32, F16$' stdout.txt
    # All values equal: different all the same, and said.
    for pair in "f32 bf16 F32, BF16" "f64 f32 F64, F32" "bf16 f64 BF16, F64"; do
        read -r a b names <<<"$pair"
        run_split "$FREEZETUNE" diff --tensors "$a.safetensors" "$b.safetensors"
        [ "$status" = 1 ]
        grep -qE "^a\\.w +\\[2\\] +\\[2\\] +0 +other type: $names, equal values\$" stdout.txt
        grep -qx 'different: a' stdout.txt
    done
    run_split "$FREEZETUNE" diff --json f64.safetensors f16.safetensors
    [ "$status" = 1 ]
    for line in '"verdict": "other type"' '"type_a": "F64"' '"type_b": "F16"' '"values": 2' '"changed_values": 1' \
        '"largest": 0.0009765625'; do
        grep -qF "$line" stdout.txt
    done
}

@test "diff: a difference of F64 below what F32 tells apart is measured, in every block" {
    wide='{"a.w":{"dtype":"F64","shape":[1026],"data_offsets":[0,8208]}}'
    one='\0\0\0\0\0\0\xf0\x3f' next='\1\0\0\0\0\0\xf0\x3f'
    many=$(printf '%1025s' '' | sed "s/ /${one//\\/\\\\}/g")
    safetensors a.safetensors "$wide" "$many$one"
    safetensors b.safetensors "$wide" "$many$next"
    run_split "$FREEZETUNE" diff --tensors a.safetensors b.safetensors
    [ "$status" = 1 ]
    # 2^-52, over the root of 1026.
    grep -qE '^a\.w +\[1026\] +\[1026\] +1 +2\.22e-16 +6\.93e-18 +changed$' stdout.txt
}

@test "diff --json is JSON" {
    safetensors b.safetensors "$header" "$ones$twos$ones$count"
    run_split "$FREEZETUNE" diff --json a.safetensors b.safetensors
    [ "$status" = 1 ]
    command -v python3 >/dev/null || skip "no python3 to read it with"
    python3 -c '
import json, sys
d = json.load(sys.stdin)
assert d["identical"] is False
assert [(c["child"], c["identical"]) for c in d["children"]] == [(1, True), (7, False)]
assert [t["verdict"] for t in d["tensors"]] == ["identical", "identical", "changed"]
assert d["tensors"][2]["largest"] == 1 and d["tensors"][2]["shape_b"] == [2]' <stdout.txt
}

@test "diff wants two files" {
    fails 64 '^freezetune diff: too few arguments; usage: ' "$FREEZETUNE" diff a.safetensors
    fails 64 'one argument too many' "$FREEZETUNE" diff a.safetensors a.safetensors a.safetensors
    fails 66 'b\.safetensors' "$FREEZETUNE" diff a.safetensors b.safetensors
}
