"""How far --conv fast (Winograd), exact and im2col (OpenBLAS) are from the truth, and how far PyTorch is: a table.

  make build/release/tests/tools/parity_dump
  $(sh scripts/venv.sh) scripts/parity/conv_accuracy.py resnet50.safetensors [--photos FOLDER] [--points 0 6]

One batch, logits and every gradient. The truth is PyTorch in float64 with the same weights and pixels; a distance is the
norm of the difference over the norm of the truth. For each freeze point a row of each program: the logits'
distance, the worst gradient's and the median gradient's. The last row says how many times as far from the truth --conv
fast is as PyTorch's float32, in these and in the tensor where that is the most.

First with the choices of ReLU and max pooling held: every program is measured against a truth that makes its choices
(gates.py says why), PyTorch's float32 against the one that has those of --conv fast. Then free, where each program and
the truth choose for themselves: what is then seen is the inputs within rounding of 0 that fell on the other side, for
PyTorch as for us.

Exit code 1 when, choices held, --conv fast is more than --times (3) times as far from the truth as PyTorch's float32: in
the logits, or in any gradient, PyTorch's distance there or that of its median gradient being counted, whichever is more
(in a few small tensors it happens to be very near). docs/benchmarks/parity.md has the table.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from compare_live import batches, inputs_parser
from gates import Gates
from pytorch_side import Case, distance, resnet50, run


def ours(options, case, kernels, folder):
    found = folder / f"{kernels}.safetensors"
    command = [options.program, options.weights, folder / "batches.safetensors", found, "--freeze-until",
               case.freeze_until, "--bn-frozen", case.bn_frozen, "--bn-trained", case.bn_trained, "--threads",
               options.threads, "--gates", folder / kernels]
    command += ["--conv", kernels]
    subprocess.run([str(word) for word in command], check=True)
    return load_file(found)


def theirs(options, state, case, pixels, labels, dtype, gates):
    """PyTorch's run; `gates` is the prefix of files of choices, or None."""
    return run(resnet50(state), case, pixels, labels, None, dtype, Gates(gates) if gates else None)


class Figures:
    """How far a program is from the truth."""

    def __init__(self, found, truth):
        self.far = {name: distance(found[name], truth[name]) for name in truth if name.startswith("grad/")}
        self.logits = distance(found["logits"], truth["logits"])
        self.which, self.worst = max(self.far.items(), key=lambda item: item[1])
        self.median = statistics.median(self.far.values())

    def times(self, other):
        """The ratio of the logits, of the worst and the median gradient; and the gradient whose ratio is the largest."""
        ratios = {name: self.far[name] / other.far[name] for name in self.far}
        most = max(ratios, key=ratios.get)
        return self.logits / other.logits, self.worst / other.worst, self.median / other.median, ratios[most], most[5:]

    def within(self, times, other):
        return self.logits <= times * other.logits and all(
            self.far[name] <= times * max(other.far[name], other.median) for name in self.far)


def compare(options, state, case, pixels, labels, folder):
    """{"held": {program: Figures}, "free": ...}"""
    found = {kernels: ours(options, case, kernels, folder) for kernels in ("fast", "exact", "im2col")}
    rows = {"held": {}, "free": {}}
    for kernels in found:
        truth = theirs(options, state, case, pixels, labels, torch.float64, folder / kernels)
        rows["held"][f"--conv {kernels}"] = Figures(found[kernels], truth)
        if kernels == "fast":
            single = theirs(options, state, case, pixels, labels, torch.float32, folder / kernels)
            rows["held"]["PyTorch float32"] = Figures(single, truth)
    truth = theirs(options, state, case, pixels, labels, torch.float64, None)
    single = theirs(options, state, case, pixels, labels, torch.float32, None)
    rows["free"] = {f"--conv {kernels}": Figures(found[kernels], truth) for kernels in found}
    rows["free"]["PyTorch float32"] = Figures(single, truth)
    return rows


def main():
    parser = inputs_parser(__doc__, batch_size=8, image_size=224)
    parser.add_argument("--points", type=int, nargs="+", default=[0, 6])
    parser.add_argument("--bn-trained", choices=["batch", "eval"], nargs="+", default=["batch", "eval"])
    parser.add_argument("--times", type=float, default=3)
    options = parser.parse_args()
    options.steps = 1
    torch.set_num_threads(options.threads)

    state = load_file(options.weights)
    pixels, labels = batches(options, state["fc.bias"].numel())
    beyond = 0
    print(f"{options.batch_size} photos of {options.image_size} px, PyTorch {torch.__version__.split('+')[0]}\n")
    print("| choices | freeze, trained BatchNorm | program | logits | worst gradient | which | median gradient |\n"
          "|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file({"pixels": pixels, "labels": labels}, folder / "batches.safetensors")
        for point in options.points:
            for kind in options.bn_trained:
                rows = compare(options, state, Case(point, "eval", kind), pixels, labels, folder)
                for choices, programs in rows.items():
                    for program, f in programs.items():
                        print(f"| {choices} | {point}, {kind} | {program} | {f.logits:.1e} | {f.worst:.1e} | {f.which[5:]} | "
                              f"{f.median:.1e} |", flush=True)
                fast, single = rows["held"]["--conv fast"], rows["held"]["PyTorch float32"]
                logits, worst, median, most, which = fast.times(single)
                good = fast.within(options.times, single)
                beyond += not good
                print(f"| held | {point}, {kind} | fast over PyTorch | {logits:.2f} | {worst:.2f} | most: {most:.2f}, {which} | "
                      f"{median:.2f} |" + ("" if good else " BEYOND THE LIMIT"), flush=True)
    sys.exit(1 if beyond else 0)


if __name__ == "__main__":
    main()
