#!/usr/bin/env bats
# scripts/parity/: what the comparisons with PyTorch stand on. All but the first need the Python of scripts/venv.sh.

load common

setup() {
    scripts=$(cd "$BATS_TEST_DIRNAME/../../scripts/parity" && pwd)
    fixtures=$(cd "$BATS_TEST_DIRNAME/../fixtures/parity" && pwd)
    dump=$BUILD/tests/tools/parity_dump
    cd "$BATS_TEST_TMPDIR"
}

needs_pytorch() {
    python=$HOME/.cache/freezetune/venv/bin/python # not by XDG_CACHE_HOME, which is the test's own
    "$python" -c 'import torch, torchvision, safetensors' 2>/dev/null || skip "no PyTorch (sh scripts/venv.sh installs it)"
    export PYTHONPATH=$scripts PYTHONDONTWRITEBYTECODE=1
}

@test "parity_dump: the precision that the engine has gives the same bytes as without the option, another is refused" {
    "$dump" "$fixtures/small_weights.safetensors" "$fixtures/small_batches.safetensors" without.safetensors
    "$dump" "$fixtures/small_weights.safetensors" "$fixtures/small_batches.safetensors" with.safetensors --precision f32
    cmp without.safetensors with.safetensors
    for wrong in f64 F32 ''; do
        fails 64 '--precision: unknown, or its value is wrong' "$dump" "$fixtures/small_weights.safetensors" \
            "$fixtures/small_batches.safetensors" none.safetensors --precision "$wrong"
    done
    [ ! -e none.safetensors ]
}

@test "Recorder: PyTorch's own choices, given back to it, change nothing but rounding; one that is wrong is seen" {
    needs_pytorch
    "$python" - <<'PYTHON'
import torch
from safetensors.torch import load_file, save_file
from gates import Gates, Recorder
from pytorch_side import Case, SmallResNet, random_photos, run, worst

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(1)
pixels, labels = random_photos(generator, 1, 2, 48, 40), torch.tensor([[0, 2]])

def model():
    torch.manual_seed(2)
    return SmallResNet(4, (1, 1, 1, 1), 3)

for until, layers in ((0, 14), (6, 6)):
    case = Case(until)
    plain = run(model(), case, pixels, labels)
    assert worst(run(model(), case, pixels, labels, gates=Recorder("own")), plain)[0] == 0
    kept = load_file("own.0")
    assert len(kept) == layers, (until, sorted(kept))
    gates = Gates("own")
    held = run(model(), case, pixels, labels, gates=gates)
    # Another order of sums in the gradients: 7.4e-6 was measured.
    assert worst(held, plain)[0] < 1e-4 and gates.differing == 0 and gates.choices > 0
    name = sorted(kept)[-1]
    kept[name] = 1 - kept[name]
    save_file(kept, "wrong.0")
    gates = Gates("wrong")
    assert worst(run(model(), case, pixels, labels, gates=gates), plain)[0] > 0.01
    assert gates.differing > 0 and gates.farthest > 0.1
PYTHON
}

@test "autocast: bfloat16 is farther from float64 than float32 is, and held choices bring it nearer" {
    needs_pytorch
    "$python" - <<'PYTHON'
import torch
from gates import Gates, Recorder
from pytorch_side import Case, SmallResNet, random_photos, run
from precision_accuracy import distances

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(1)
pixels, labels = random_photos(generator, 1, 4, 64, 64), torch.tensor([[0, 2, 1, 0]])

def ran(**more):
    torch.manual_seed(2)
    return run(SmallResNet(8, (1, 1, 1, 1), 3), Case(0), pixels, labels, **more)

single, rounded = ran(), ran(autocast=True, gates=Recorder("own"))
free, held = ran(dtype=torch.float64), ran(dtype=torch.float64, gates=Gates("own"))
far = {name: distances(found, truth) for name, found, truth in
       (("f32", single, free), ("bf16", rounded, free), ("held", rounded, held))}
assert far["f32"]["logits"] < 1e-5 < 1e-4 < far["bf16"]["logits"] < 0.1, far
mean = {name: sum(values.values()) / len(values) for name, values in far.items()}
assert mean["f32"] < 0.01 * mean["held"] and mean["held"] < mean["bf16"], mean
PYTHON
}

@test "precision_accuracy: what cannot be asked" {
    needs_pytorch
    # In one process: PyTorch takes seconds to load.
    "$python" - <<'PYTHON'
import contextlib, io, sys
import precision_accuracy

def asked(*words):
    out, sys.argv = io.StringIO(), ["precision_accuracy.py", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            precision_accuracy.main()
        except SystemExit as end:
            return end.code or 0, out.getvalue()
    raise AssertionError(f"{words} went on")

code, text = asked("--help")
assert code == 0 and "--precision" in text, text
for wrong in (("--precision", "f64"), ("--conv", "magic"), ("--points",)):
    assert asked("none.safetensors", *wrong) == (2, ""), wrong
PYTHON
}
