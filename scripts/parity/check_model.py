"""A model that freezetune trained, in torchvision: loads with strict=True and predicts the same.

  $(sh scripts/venv.sh) scripts/parity/check_model.py runs/1/best.safetensors FOLDER [--program build/release/freezetune]

Runs `freezetune predict --logits` on the photos of FOLDER and torchvision's resnet50 on the same files, decoded by Pillow
and preprocessed as the model file says. Exit code 1 when a photo's logits differ by more than --limit of their largest,
or a best class differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.torch import load_file
from torchvision import transforms as T

from pytorch_side import resnet50


def ours(program, model, folder):
    """The photos' paths and logits as freezetune has them."""
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "logits.safetensors"
        command = [program, "predict", "--model", model, "--format", "jsonl", "--logits", out, folder]
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        if done.returncode not in (0, 65):  # 65: some photos could not be read, the others are there
            sys.exit(f"check_model.py: freezetune predict ended with {done.returncode}")
        files = [json.loads(line)["file"] for line in done.stdout.splitlines()]
        return files, load_file(out)["logits"]


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=root / "build/release/freezetune")
    parser.add_argument("--limit", type=float, default=1e-4)
    options = parser.parse_args()

    with safe_open(options.model, "pt") as file:
        metadata = file.metadata() or {}
    look = json.loads(metadata.get("freezetune.preprocess", "{}"))
    model = resnet50(load_file(options.model)).eval()
    preprocess = T.Compose([T.Resize(look.get("resize", 256)), T.CenterCrop(look.get("crop", 224)), T.ToTensor(),
                            T.Normalize(look.get("mean", (0.485, 0.456, 0.406)), look.get("std", (0.229, 0.224, 0.225)))])

    files, found = ours(options.program, options.model, options.folder)
    worst, differ = 0.0, 0
    for path, logits in zip(files, found, strict=True):
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        with torch.inference_mode():
            wanted = model(preprocess(photo)[None])[0]
        worst = max(worst, ((logits - wanted).abs().max() / wanted.abs().max()).item())
        differ += logits.argmax().item() != wanted.argmax().item()
    print(f"strict load: {len(model.state_dict())} tensors; {len(files)} photos, logits differ by at most {worst:.1e} of "
          f"their largest, {differ} other best classes")
    sys.exit(0 if files and worst <= options.limit and differ == 0 else 1)


if __name__ == "__main__":
    main()
