"""Runs `freezetune train` itself with --unfreeze-at and rates by child, and PyTorch with parameter groups and
add_param_group, over the same photos, and compares the loss of every step and the model at the end.

  $(sh scripts/venv.sh) scripts/parity/compare_unfreezing.py resnet50.safetensors [--arch resnet50] [--optimizer adamw]

Every epoch is one batch of all photos, so their order does not matter, and 20 epochs are 20 steps. The photos are random
blobs, or with --photos those of a folder, written as PNG of the size that the network sees. Both programs choose their
own ReLUs (compare_live.py gives PyTorch ours, and is therefore closer). Exit code 1 beyond --limit.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

from compare_live import read_photos, step_and_point
from pytorch_side import Case, Optimizer, distance, random_photos, run


def write_photos(folder, pixels, labels):
    """train/ and val/ are the same photos."""
    for part in ("train", "val"):
        for i, (photo, label) in enumerate(zip(pixels, labels)):
            path = folder / part / f"class{label}" / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo.numpy()).save(path)


def ours(options, folder, case, optimizer):
    command = [options.program, "train", "--quiet", "--data", folder / "photos", "--weights", folder / "start.safetensors",
               "--out", folder / "run", "--augment", "none", "--image-size", options.image_size,
               "--resize", options.image_size, "--batch-size", options.images, "--epochs", options.steps,
               "--schedule", "constant", "--freeze-until", case.freeze_until, "--bn-frozen", case.bn_frozen,
               "--bn-trained", case.bn_trained, "--optimizer", optimizer.kind, "--lr", optimizer.lr,
               "--weight-decay", optimizer.weight_decay, "--lr-decay-by-child", case.lr_decay_by_child,
               "--head-lr-mult", case.head_lr_mult, "--keep-last"]
    command += ["--momentum", optimizer.momentum] if optimizer.kind == "sgd" else []
    for step, until in case.unfreeze:
        command += ["--unfreeze-at", f"{step + 1}:{until}"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (folder / "run/log.jsonl").read_text().splitlines()]
    losses = torch.tensor([line["loss"] for line in lines if line["event"] == "step"])
    return losses, load_file(folder / "run/last.safetensors")


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--program", type=pathlib.Path, default=root / "freezetune")
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--freeze-until", type=int, default=9)
    parser.add_argument("--unfreeze", type=step_and_point, nargs="+", default=[(7, 7), (14, 6)], metavar="STEP:N",
                        help="from 0")
    parser.add_argument("--bn-frozen", choices=["eval", "batch"], default="eval")
    parser.add_argument("--bn-trained", choices=["eval", "batch"], default="batch")
    parser.add_argument("--optimizer", choices=["sgd", "adam", "adamw"], default="sgd")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--limit", type=float, default=1e-3)
    options = parser.parse_args()

    case = Case(options.freeze_until, options.bn_frozen, options.bn_trained, tuple(options.unfreeze), 0.5, 3.0)
    sgd = options.optimizer == "sgd"
    optimizer = Optimizer(options.optimizer, lr=options.lr or (1e-3 if sgd else 1e-5), momentum=0.9 if sgd else 0.0,
                          weight_decay=1e-4)
    generator = torch.Generator().manual_seed(0)
    size, count = options.image_size, options.images
    pixels = read_photos(options.photos, count, size) if options.photos else \
        random_photos(generator, 1, count, size, size)[0]
    labels = torch.arange(count) % 2
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # A head of two classes, the same for both.
        state = load_file(options.weights)
        bound = state["fc.weight"].shape[1] ** -0.5
        state["fc.weight"] = (2 * torch.rand(2, state["fc.weight"].shape[1], generator=generator) - 1) * bound
        state["fc.bias"] = (2 * torch.rand(2, generator=generator) - 1) * bound
        save_file(state, folder / "start.safetensors")
        write_photos(folder / "photos", pixels, labels)
        losses, found = ours(options, folder, case, optimizer)
    model = torchvision.models.get_model(options.arch, num_classes=2)
    model.load_state_dict(state)
    wanted = run(model, case, pixels.expand(options.steps, -1, -1, -1, -1), labels.expand(options.steps, -1), optimizer)

    far, tensor = distance(losses, wanted["losses"]), "losses"
    added_found, added_wanted = [], []
    for key, value in wanted.items():
        if not key.startswith("after/"):
            continue
        name = key.removeprefix("after/")
        if distance(found[name], value) > far:
            far, tensor = distance(found[name], value), name
        if "running" not in name:
            added_found.append((found[name] - state[name]).flatten())
            added_wanted.append((value - state[name]).flatten())
    added = distance(torch.cat(added_found), torch.cat(added_wanted))
    print(f"{options.arch} {case.name()} {optimizer.kind}: {len(losses)} steps, worst {far:.1e} ({tensor}), "
          f"what the steps added {added:.1e}")
    sys.exit(0 if far <= options.limit and len(losses) == options.steps else 1)


if __name__ == "__main__":
    main()
