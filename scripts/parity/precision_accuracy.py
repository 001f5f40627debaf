"""How far a step of freezetune in a precision is from the truth, beside PyTorch in the same precision, tensor by tensor.

  make build/release/tests/tools/parity_dump
  $(sh scripts/venv.sh) scripts/parity/precision_accuracy.py resnet50.safetensors --photos FOLDER [--precision bf16]

One batch, BatchNorm in train mode where it is trained: logits and every gradient. The truth is PyTorch in float64
with the same weights and pixels. Each side has a truth of its own that makes that side's choices of ReLU and max pooling
(gates.py says why): what is left is rounding, not the inputs that rounding has moved across 0. PyTorch's bf16 is
torch.autocast, its f32 plain; a distance is the norm of the difference over the norm of the truth.

Prints for each freeze point a row for each tensor: both distances and ours over PyTorch's. Behind them: the worst tensor,
the median ratio, and how many choices each side makes that its truth would not have made.

  --summary        leave the rows of tensors out
  --pytorch-only   leave freezetune out: what a precision that it does not have is to be measured against
  --free           one truth for both, which chooses for itself: what a user of either program sees

Exit code 1 when a tensor of freezetune is more than --times (1.5) times as far from its truth as PyTorch's.
docs/benchmarks/parity.md has the table.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from compare_live import batches, inputs_parser
from gates import Gates, Recorder
from pytorch_side import Case, distance, resnet50, run


def ours(options, case, folder):
    """What parity_dump computes; its choices are in folder/ours.0."""
    command = [options.program, options.weights, folder / "batches.safetensors", folder / "found.safetensors",
               "--precision", options.precision, "--conv", options.conv, "--freeze-until", case.freeze_until,
               "--bn-frozen", case.bn_frozen, "--bn-trained", case.bn_trained, "--threads", options.threads, "--gates",
               folder / "ours"]
    done = subprocess.run([str(word) for word in command])
    if done.returncode != 0:
        sys.exit(f"precision_accuracy.py: {options.program} ended with {done.returncode}; what PyTorch has: --pytorch-only")
    return load_file(folder / "found.safetensors")


def distances(found, truth):
    """{tensor: its distance from the truth} of logits and gradients. Not of the loss: how near one number comes is chance."""
    kept = [name for name in truth if name == "logits" or name.startswith("grad/")]
    missing = sorted(set(kept) - found.keys())
    if missing:
        sys.exit(f"precision_accuracy.py: {missing[0]} and {len(missing) - 1} more are missing on one side")
    return {name.removeprefix("grad/"): distance(found[name], truth[name]) for name in kept}


class Side:
    """One program's distances, and the choices that its truth would have made differently."""

    def __init__(self, options, state, case, batch, found, choices):
        gates = None if options.free else Gates(choices)
        self.far = distances(found, run(resnet50(state), case, *batch, dtype=torch.float64, gates=gates))
        self.differing, self.choices = (gates.differing, gates.choices) if gates else (0, 0)


def both(options, state, case, batch, folder):
    """(freezetune's side or None, PyTorch's side)"""
    recorder = Recorder(folder / "theirs")
    found = run(resnet50(state), case, *batch, gates=recorder, autocast=options.precision == "bf16")
    theirs = Side(options, state, case, batch, found, folder / "theirs")
    if options.pytorch_only:
        return None, theirs
    return Side(options, state, case, batch, ours(options, case, folder), folder / "ours"), theirs


def ratio(a, b):
    """a over b; two zeros are alike."""
    return a / b if b > 0 else (1.0 if a == 0 else float("inf"))


def show_pytorch(options, title, theirs):
    if not options.summary:
        for name, far in theirs.far.items():
            print(f"| {title} | {name} | {far:.2e} |")
    name = max(theirs.far, key=theirs.far.get)
    print(f"\nfreeze {title}: worst {theirs.far[name]:.2e}, {name}; median {statistics.median(theirs.far.values()):.2e}; PyTorch's "
          f"choices that its truth would not make: {theirs.differing} of {theirs.choices}\n", flush=True)


def show(options, title, mine, theirs):
    """Prints one freeze point; the number of tensors beyond --times."""
    ratios = {name: ratio(mine.far[name], theirs.far[name]) for name in theirs.far}
    beyond = [name for name in ratios if not ratios[name] <= options.times]
    if not options.summary:
        for name, times in ratios.items():
            mark = " BEYOND" if name in beyond else ""
            print(f"| {title} | {name} | {mine.far[name]:.2e} | {theirs.far[name]:.2e} | {times:.2f}{mark} |")
    worst = max(ratios, key=ratios.get)
    farthest = max(mine.far, key=mine.far.get)
    print(f"\nfreeze {title}: worst {ratios[worst]:.2f} times, {worst}; median {statistics.median(ratios.values()):.2f}; logits "
          f"{ratios['logits']:.2f}; beyond {options.times:g}: {len(beyond)} of {len(ratios)}; farthest from the truth: {farthest}, "
          f"{mine.far[farthest]:.2e} (PyTorch {theirs.far[farthest]:.2e}); choices that its truth would not make: "
          f"{mine.differing} of {mine.choices} (PyTorch {theirs.differing})\n", flush=True)
    return len(beyond)


def main():
    parser = inputs_parser(__doc__, batch_size=8, image_size=224)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="bf16")
    parser.add_argument("--conv", choices=["fast", "exact", "im2col"], default="fast")
    parser.add_argument("--points", type=int, nargs="+", default=[6, 0])
    parser.add_argument("--bn-trained", choices=["batch", "eval"], default="batch")
    parser.add_argument("--times", type=float, default=1.5)
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--pytorch-only", action="store_true")
    parser.add_argument("--free", action="store_true")
    options = parser.parse_args()
    options.steps = 1
    torch.set_num_threads(options.threads)

    state = load_file(options.weights)
    batch = batches(options, state["fc.bias"].numel())
    heading = ["freeze", "tensor", *([] if options.pytorch_only else ["freezetune"]), "PyTorch", *([] if options.pytorch_only else ["ratio"])]
    print(f"{options.precision}, {options.batch_size} photos of {options.image_size} px, PyTorch {torch.__version__.split('+')[0]}, "
          f"{'free choices' if options.free else 'choices held'}")
    if not options.summary:
        print(f"\n| {' | '.join(heading)} |\n|{'---|' * len(heading)}", flush=True)
    beyond = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file(dict(zip(("pixels", "labels"), batch)), folder / "batches.safetensors")
        for point in options.points:
            mine, theirs = both(options, state, Case(point, "eval", options.bn_trained), batch, folder)
            if mine:
                beyond += show(options, point, mine, theirs)
            else:
                show_pytorch(options, point, theirs)
    sys.exit(1 if beyond else 0)


if __name__ == "__main__":
    main()
