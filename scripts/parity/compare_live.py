"""Compares freezetune with PyTorch live, with real weights: logits, loss, every gradient, running statistics, ten SGD
steps and ten Adam steps, for every freeze point and both kinds of BatchNorm.

  make build/release/tests/tools/parity_dump
  $(sh scripts/venv.sh) scripts/parity/compare_live.py resnet50.safetensors [--photos FOLDER] [--image-size 224]

One row per run: the worst tensor and its distance from PyTorch in float64, norm of the difference over norm, and beside
it the same of PyTorch in float32. Exit code 1 when ours is beyond --limit, unless PyTorch's own float32 is no nearer than a
third of that: where rounding moves inputs of a ReLU to the other side of 0, or training multiplies it from step to step,
no float32 program is near (measured: with photos of 96 px at freeze 0, PyTorch in NCHW and in channels_last differ by
2.6e-3 in the gradient of layer1.2.bn3.bias). --truth single compares with PyTorch's float32, which is quicker.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file, save_file

from pytorch_side import Case, Optimizer, random_photos, resnet50, run, worst

OPTIMIZERS = {"sgd": Optimizer("sgd", lr=1e-4, momentum=0.9, weight_decay=1e-4), "adam": Optimizer("adam", lr=1e-5)}


def cases(points):
    """Every pair of BatchNorm kinds, but those that change nothing: nothing is frozen at 0, none is trained at 8, 9."""
    for n in points:
        for frozen in ("eval", "batch") if n > 0 else ("eval",):
            for trained in ("batch", "eval") if n < 8 else ("batch",):
                yield Case(n, frozen, trained)


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
    command += ["--exact"] if options.exact else []
    subprocess.run([str(word) for word in command], check=True)
    return load_file(folder / "found.safetensors")


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=root / "build/release/tests/tools/parity_dump")
    parser.add_argument("--photos", type=pathlib.Path, help="a folder; random pixels without it")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10, help="0: only the first batch's gradients")
    parser.add_argument("--points", type=int, nargs="+", default=[0, 5, 6, 7, 8, 9])
    parser.add_argument("--truth", choices=["single", "double"], default="double")
    parser.add_argument("--limit", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--exact", action="store_true", help="freezetune's plain convolutions")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    state = load_file(options.weights)
    generator = torch.Generator().manual_seed(options.seed)
    steps, images, size = max(options.steps, 1), options.batch_size, options.image_size
    if options.photos:
        pixels = read_photos(options.photos, steps * images, size).reshape(steps, images, size, size, 3).contiguous()
    else:
        pixels = random_photos(generator, steps, images, size, size)
    labels = torch.randint(state["fc.bias"].numel(), (steps, images), generator=generator)
    truth_dtype = torch.float64 if options.truth == "double" else torch.float32

    beyond, rows = 0, 0
    print(f"{'run':<28} {'ours':>9}  {'worst tensor':<36}" + (f"  {'PyTorch':>9}  worst tensor" if options.truth == "double" else ""))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file({"pixels": pixels, "labels": labels}, folder / "batches.safetensors")
        for case in cases(options.points):
            for kind, optimizer in [("gradients", None)] + (list(OPTIMIZERS.items()) if options.steps else []):
                start = time.time()
                wanted = run(resnet50(state), case, pixels, labels, optimizer, truth_dtype)
                distance, tensor = worst(ours(options, case, optimizer, folder), wanted)
                line, allowed = f"{case.name() + ' ' + kind:<28} {distance:9.1e}  {tensor:<36}", options.limit
                if options.truth == "double":
                    own, own_tensor = worst(run(resnet50(state), case, pixels, labels, optimizer), wanted)
                    line += f"  {own:9.1e}  {own_tensor:<36}"
                    allowed = max(allowed, 3 * own)
                bad = not distance <= allowed
                beyond += bad
                rows += 1
                print(line + ("  BEYOND THE LIMIT" if bad else "") + f"  [{time.time() - start:.0f} s]", flush=True)
    print(f"{rows} runs, {beyond} beyond {options.limit:g}")
    sys.exit(1 if beyond or not rows else 0)


if __name__ == "__main__":
    main()
