#!/usr/bin/env bats
# predict on real photos with real weights, against PyTorch's answers. Needs the reference data, which is not part of the
# project: $FREEZETUNE_SHARED, by default ../shared beside the repository.

setup_file() {
    shared=${FREEZETUNE_SHARED:-$BATS_TEST_DIRNAME/../../../shared}
    export shared
    [ -x "$shared/unpack" ] || return 0
    "$shared/unpack" "$BATS_FILE_TMPDIR" >/dev/null
}

setup() {
    [ -x "$shared/unpack" ] || skip "no reference data: set FREEZETUNE_SHARED"
    command -v python3 >/dev/null || skip "no python3 to compare with"
    cd "$BATS_TEST_TMPDIR"
}

@test "ImageNet weights: 40 of 40 as PyTorch, logits within 1e-4, the same on one thread and two" {
    for threads in 1 2; do
        "$FREEZETUNE" predict --model "$BATS_FILE_TMPDIR/resnet50-a.safetensors" "$shared/data/imagenet40" --top-k 5 \
            --format jsonl --logits logits.safetensors --threads $threads >out$threads.jsonl 2>err.txt
        cat err.txt
        [ "$(grep -cv '^ignored: ' err.txt)" = 0 ]
    done
    cmp out1.jsonl out2.jsonl
    python3 - "$shared/data/imagenet40" <<'PYTHON'
import json, os, struct, sys

def logits(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8:8 + n])["logits"]
    rows, columns = entry["shape"]
    values = struct.unpack("<%df" % (rows * columns), data[8 + n:])
    return [values[i * columns:(i + 1) * columns] for i in range(rows)]

folder = sys.argv[1]
reference = json.load(open(os.path.join(folder, "reference.json")))
ours = [json.loads(line) for line in open("out1.jsonl")]
turbo = "turbo" in os.popen(os.environ["FREEZETUNE"] + " --version").read()
assert [os.path.basename(r["file"]) for r in ours] == [r["file"] for r in reference]
right = sum(a["top"][0]["index"] == b["top5"][0] for a, b in zip(ours, reference))
worst = 0
for a, b in zip(logits("logits.safetensors"), logits(os.path.join(folder, "reference_logits.safetensors"))):
    difference = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, b))
    assert difference == difference
    worst = max(worst, difference)
print("top-1 as PyTorch: %d of %d; logits differ by at most %.2e of the largest" % (right, len(reference), worst))
assert len(ours) == 40
assert right == 40 if turbo else right >= 39
assert worst <= 1e-4 or not turbo
assert ours[0]["top"][0]["class"] == "goldfish"
PYTHON
}
