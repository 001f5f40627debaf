#!/usr/bin/env bats
# bench: that every figure is there and is a number. How large it is, is the machine's affair.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    small=(bench --arch resnet18 --image-size 32 --batch-size 2 --repeat 2 --threads 1 --classes 10)
}

@test "json: medians that are numbers above zero, and what they were measured on" {
    run_split "$FREEZETUNE" "${small[@]}" --format json --freeze-until 5
    [ "$status" = 0 ]
    for key in forward_ms step_ms prefix_ms suffix_ms backward_ms optimizer_ms resize_ms augment_ms peak_gflops \
        peak_gflops_one_thread peak_rss_mb forward_gflops step_gflops; do
        value=$(sed -n "s/^  \"$key\": \([0-9.e+-]*\),*$/\1/p" stdout.txt)
        awk -v v="$value" 'BEGIN { exit !(v + 0 > 0) }'
    done
    [[ $out == *'"freeze_until": 5'* && $out == *'"repeat": 2'* ]]
}

@test "a step is at least as long as its parts" {
    run_split "$FREEZETUNE" "${small[@]}" --format csv --repeat 1
    [ "$status" = 0 ]
    awk -F, '{ v[$1] = $2 } END { sum = v["prefix_ms"] + v["suffix_ms"] + v["backward_ms"] + v["optimizer_ms"]
               exit !(v["step_ms"] >= 0.99 * sum && sum > 0) }' stdout.txt
}

@test "--profile lists every product of the network, --forward leaves the step out" {
    run_split "$FREEZETUNE" "${small[@]}" --profile --forward
    [ "$status" = 0 ]
    absent "training step"
    absent "backward"
    for name in conv1 layer1.0.conv1 layer2.0.downsample.0 layer4.1.conv2 fc; do
        grep -q "^$name .*forward" stdout.txt
    done
    run_split "$FREEZETUNE" "${small[@]}" --profile --freeze-until 7
    grep -q "^layer4.1.conv2 .*backward weight" stdout.txt
    absent "^layer3.0.conv1 .*backward"
}

@test "--profile in JSON: every step of the network under a name of its own" {
    run_split "$FREEZETUNE" "${small[@]}" --profile --format json --freeze-until 0
    [ "$status" = 0 ]
    python3 - <<'PYTHON'
import json
operators = json.load(open("stdout.txt"))["profile"]["operators"]
rows = [(o["operator"], o["pass"]) for o in operators]
assert len(set(rows)) == len(rows) == 82, len(rows)  # 31 forward, 30 and 21 back
assert ("layer2.1 add", "backward data") in rows and ("layer4.0.downsample.0", "backward weight") in rows
assert all(o["calls"] > 0 and o["photos"] > 0 and o["seconds"] >= 0 for o in operators)
assert all(o["gflops"] > 0 for o in operators if o["kernel"])
PYTHON
}

@test "what does not go together is refused" {
    fails 64 'leaves nothing to train' "$FREEZETUNE" bench --freeze-until 10
    fails 66 'nowhere.jpg' "$FREEZETUNE" "${small[@]}" --photo /nowhere.jpg
}
