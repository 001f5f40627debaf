"""Compares freezetune with PyTorch live, with real weights: logits, loss, every gradient, running statistics, ten SGD
steps and ten Adam steps, for every freeze point and both kinds of BatchNorm.

  make build/release/tests/tools/parity_dump
  $(sh scripts/venv.sh) scripts/parity/compare_live.py resnet50.safetensors [--photos FOLDER] [--image-size 224]

A row per run: `ours` is the distance from PyTorch in float32 (norm of the difference over norm) in the worst tensor,
`update` that of what the steps added to all trained parameters together. --truth double adds two distances from
PyTorch in float64: ours, and PyTorch's own float32.

--gates ours, the default, gives PyTorch our choices of ReLU and max pooling at every step (gates.py says why). `differ`
counts those that PyTorch would not have made, `farthest` is the one farthest from 0 in deviations of its layer: beyond
--near in the first batch, or ten times that in later ones, where the weights are a rounding apart, it is a fault.
--gates free leaves PyTorch its own. Then inputs within rounding of 0 fall on both sides and no float32 program is near
another: with --truth double three times PyTorch's own distance is allowed, without it --limit holds as it is.

Exit code 1 when a run is beyond its limit. Results: docs/benchmarks/parity.md, reasons: docs/decisions/relu-choices.md.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file, save_file

from gates import Gates
from pytorch_side import Case, Optimizer, distance, random_photos, resnet50, run, worst

# Adam's steps have the size of its rate however small the gradient is: where a gradient is 0 but for rounding, their
# signs are arbitrary (docs/decisions/relu-choices.md). So its rate is small, and the sum of its steps has a wider limit.
# SGD's first steps are so short that the float32 of the weights shows (2.6e-4 after one step, 7.1e-5 after ten).
OPTIMIZERS = {"sgd": Optimizer("sgd", lr=1e-3, momentum=0.9, weight_decay=1e-4), "adam": Optimizer("adam", lr=1e-5)}
UPDATE_LIMITS = {"sgd": 1e-3, "adam": 1e-2}


def cases(options):
    """Every pair of BatchNorm kinds, but those that change nothing: nothing is frozen at 0, none is trained at 8, 9."""
    staged = {"unfreeze": tuple(options.unfreeze), "lr_decay_by_child": options.lr_decay_by_child,
              "head_lr_mult": options.head_lr_mult}
    lowest = min((n for _, n in options.unfreeze), default=9)
    for n in options.points:
        for frozen in ("eval", "batch") if n > 0 else ("eval",):
            for trained in ("batch", "eval") if min(n, lowest) < 8 else ("batch",):
                yield Case(n, frozen, trained, **staged)


def read_photos(folder, count, size):
    """Pillow's resize of the short side to 8/7 of the size and the centre of it, as torchvision's Resize and CenterCrop."""
    from PIL import Image
    from torchvision.transforms import functional as F

    pixels = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if len(pixels) == count:
            break
        try:
            photo = Image.open(path).convert("RGB")
        except OSError:
            continue
        pixels.append(F.pil_to_tensor(F.center_crop(F.resize(photo, size * 8 // 7), size)).permute(1, 2, 0))
    if not pixels:
        sys.exit(f"compare_live.py: {folder} holds no photo")
    return torch.stack([pixels[i % len(pixels)] for i in range(count)])


def ours(options, case, optimizer, folder):
    command = [options.program, options.weights, folder / "batches.safetensors", folder / "found.safetensors",
               "--freeze-until", case.freeze_until, "--bn-frozen", case.bn_frozen, "--bn-trained", case.bn_trained,
               "--threads", options.threads]
    if optimizer:
        command += ["--optimizer", optimizer.kind, "--lr", optimizer.lr, "--weight-decay", optimizer.weight_decay]
        command += ["--momentum", optimizer.momentum] if optimizer.kind == "sgd" else []
        for step, until in case.unfreeze:
            command += ["--unfreeze-at", f"{step}:{until}"]
        command += ["--lr-decay-by-child", case.lr_decay_by_child, "--head-lr-mult", case.head_lr_mult]
    command += ["--conv", options.conv]
    command += ["--gates", folder / "gates"] if options.gates == "ours" else []
    subprocess.run([str(word) for word in command], check=True)
    return load_file(folder / "found.safetensors")


def update(found, state):
    """What the steps added to the trained parameters, as one vector."""
    parts = [(value.double() - state[name[6:]].double()).flatten() for name, value in found.items()
             if name.startswith("after/") and not name.endswith(("running_mean", "running_var"))]
    return torch.cat(parts)


def compare(options, state, case, optimizer, pixels, labels, folder):
    """One row: its text, and whether it is within the limits."""
    def theirs(dtype):
        gates = Gates(folder / "gates") if options.gates == "ours" else None
        return run(resnet50(state), case, pixels, labels, optimizer, dtype, gates), gates

    found = ours(options, case, optimizer, folder)
    single, gates = theirs(torch.float32)
    far, tensor = worst(found, single)
    text, good, allowed = f"{far:9.1e}  {tensor:<36}", True, options.limit
    if options.truth == "double":
        double, _ = theirs(torch.float64)
        (truly, _), (own, _) = worst(found, double), worst(single, double)
        text += f"  {truly:9.1e}  {own:9.1e}"
        if not gates:
            far, allowed = truly, max(options.limit, 3 * own)
        good = truly <= allowed
    good = good and far <= allowed
    if optimizer:
        added = distance(update(found, state), update(single, state))
        if gates:
            good = good and added <= UPDATE_LIMITS[optimizer.kind]
    text += f"  {added:9.1e}" if optimizer else " " * 11
    if gates:
        good = good and gates.first <= options.near and gates.farthest <= 10 * options.near
        text += f"  {gates.differing:>5} of {gates.choices:<10}  {gates.farthest:8.1e}"
    return text, good


def batches(options, classes):
    generator = torch.Generator().manual_seed(options.seed)
    steps, images, size = max(options.steps, 1), options.batch_size, options.image_size
    if options.photos:
        pixels = read_photos(options.photos, steps * images, size).reshape(steps, images, size, size, 3).contiguous()
    else:
        pixels = random_photos(generator, steps, images, size, size)
    return pixels, torch.randint(classes, (steps, images), generator=generator)


def inputs_parser(description, batch_size, image_size):
    """The arguments of a script that hands parity_dump weights and batches()."""
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=root / "build/release/tests/tools/parity_dump")
    parser.add_argument("--photos", type=pathlib.Path, help="a folder; random pixels without it")
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--image-size", type=int, default=image_size)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def step_and_point(text):
    step, until = text.split(":")
    return int(step), int(until)


def main():
    parser = inputs_parser(__doc__, batch_size=4, image_size=64)
    parser.add_argument("--steps", type=int, default=10, help="0: only the first batch's gradients")
    parser.add_argument("--points", type=int, nargs="+", default=[0, 5, 6, 7, 8, 9])
    parser.add_argument("--unfreeze", type=step_and_point, nargs="+", default=[], metavar="STEP:N",
                        help="with one of --points: from that step on (from 0) children 1..N are frozen")
    parser.add_argument("--lr-decay-by-child", type=float, default=1.0)
    parser.add_argument("--head-lr-mult", type=float, default=1.0)
    parser.add_argument("--truth", choices=["single", "double"], default="single")
    parser.add_argument("--gates", choices=["ours", "free"], default="ours")
    parser.add_argument("--limit", type=float, default=2e-4)
    parser.add_argument("--near", type=float, default=1e-4, help="for inputs of ReLU, in deviations")
    parser.add_argument("--conv", choices=["fast", "exact", "im2col"], default="fast", help="who makes freezetune's convolutions")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    state = load_file(options.weights)
    pixels, labels = batches(options, state["fc.bias"].numel())
    beyond, rows = 0, 0
    print(f"{'run':<30} {'ours':>9}  {'worst tensor':<36}" +
          (f"  {'ours-f64':>9}  {'their-f64':>9}" if options.truth == "double" else "") + f"  {'update':>9}" +
          (f"  {'differ':<19}  farthest" if options.gates == "ours" else ""))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file({"pixels": pixels, "labels": labels}, folder / "batches.safetensors")
        for case in cases(options):
            for kind, optimizer in [("gradients", None)] + (list(OPTIMIZERS.items()) if options.steps else []):
                start = time.time()
                text, good = compare(options, state, case, optimizer, pixels, labels, folder)
                beyond += not good
                rows += 1
                print(f"{case.name() + ' ' + kind:<30} {text}" + ("" if good else "  BEYOND THE LIMIT") +
                      f"  [{time.time() - start:.0f} s]", flush=True)
    print(f"{rows} runs, {beyond} beyond {options.limit:g}")
    sys.exit(1 if beyond or not rows else 0)


if __name__ == "__main__":
    main()
