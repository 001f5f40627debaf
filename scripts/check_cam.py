"""Class activation maps and features of `freezetune predict` beside PyTorch and pytorch-grad-cam.

  make && PYTHON scripts/check_cam.py --photos FOLDER [--weights FILE] [--most 40] [--program ./freezetune]

PYTHON is that of scripts/venv.sh with grad-cam installed by pip besides. For each photo:

  - the map that predict --cam gives for its answer is compared with Grad-CAM's and HiRes-CAM's at the last block of layer4,
    7x7 and before anything is scaled or resized, and with Grad-CAM's picture of 224x224 (negative values cut off,
    scaled, resized); each must correlate above 0.99
  - mean plus bias is the logit, to 1e-5
  - what predict --features writes is the output of torchvision's avgpool, to 1e-5 of the largest

Exit code 1 when a check failed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy
import torch
import torchvision
from PIL import Image
from pytorch_grad_cam import GradCAM, HiResCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.torch import load_file
from torchvision import transforms

import checks
from checks import check

PREPARE = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
                              transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])


def predict(program, weights, photos, folder):
    options = ["--cam", folder / "maps", "--features", folder / "f.safetensors", "--format", "jsonl", "--top-k", "1"]
    command = [program, "predict", "--quiet", "--model", weights, "--resize", "256", "--crop", "224", *options, *photos]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line)["cam"] for line in lines], load_file(folder / "f.safetensors")["features"].numpy()


def values(shown):
    return numpy.array(shown["values"]).reshape(7, 7)


def picture(values):
    """As pytorch-grad-cam makes one of a map: without negative values, from 0 to 1, resized."""
    values = numpy.maximum(values, 0)
    values = values - values.min()
    return cv2.resize((values / (1e-7 + values.max())).astype("float32"), (224, 224))


def correlation(a, b):
    return float(numpy.corrcoef(a.ravel(), b.ravel())[0, 1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--program", default="./freezetune")
    args = parser.parse_args()
    photos = sorted(args.photos.rglob("*.jpg"))
    photos = photos[:: max(1, len(photos) // args.most)][: args.most]
    weights = {name: tensor for name, tensor in load_file(args.weights).items() if not name.startswith("optimizer.")}
    net = torchvision.models.resnet50(num_classes=len(weights["fc.bias"])).eval()
    net.load_state_dict(weights)
    with tempfile.TemporaryDirectory() as folder:
        cams, features = predict(args.program, args.weights, photos, pathlib.Path(folder))
    pooled = []
    net.avgpool.register_forward_hook(lambda module, inputs, output: pooled.append(output.detach().numpy().ravel()))
    identity = max(abs(numpy.mean(shown["values"]) + shown["bias"] - shown["logit"]) / max(1, abs(shown["logit"]))
                   for cam in cams for shown in cam["maps"])
    check(identity <= 1e-5, f"mean plus bias is the logit: {len(photos)} photos, off by {identity:.1e} at most")
    for method in (GradCAM, HiResCAM):
        raw, final = [], []
        with method(model=net, target_layers=[net.layer4[-1]]) as reader:
            for photo, cam in zip(photos, cams):
                x = PREPARE(Image.open(photo).convert("RGB"))[None]
                target = [ClassifierOutputTarget(cam["maps"][0]["index"])]
                pooled.clear()
                shown = reader(input_tensor=x, targets=target)[0]
                grads = reader.activations_and_grads
                theirs = reader.get_cam_image(x, net.layer4[-1], target, grads.activations[0].numpy(),
                                              grads.gradients[0].numpy(), False)[0]
                raw.append(correlation(theirs, values(cam["maps"][0])))
                final.append(correlation(shown, picture(values(cam["maps"][0]))))
                if method is GradCAM:
                    number = len(raw) - 1
                    off = abs(features[number] - pooled[0]).max() / abs(pooled[0]).max()
                    worst = max(off, worst) if number else off
        for what, found in (("7x7", raw), ("its picture", final)):
            check(min(found) > 0.99, f"{method.__name__}, {what}: correlation {min(found):.6f} at least")
    check(worst <= 1e-5, f"features beside torchvision's avgpool: off by {worst:.1e} of the largest at most")
    sys.exit(checks.failures > 0)


if __name__ == "__main__":
    main()
