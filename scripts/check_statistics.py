#!/usr/bin/env python3
"""The table behind the limits of core/net/bn_check.c: photos of many kinds with the right network, and files of networks
of other kinds whose tensors have the same names and shapes. Needs torch, timm, safetensors and Pillow (scripts/venv.sh).

    check_statistics.py FREEZETUNE resnet50.safetensors PHOTOS WORK [--only right|scales|variants|sizes]

PHOTOS is a folder of photos of any depth, at least 160 of them. A wrong file is made by changing the network and
estimating its running statistics again on half of the photos, in training mode with random crops: what training such a
network ends with. freezetune takes it for a plain ResNet-50. WORK keeps files and sets for the next call. The exit code
is 1 when a right network got a remark or a wrong one that is told apart (see EXPECTED) got none.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from safetensors.torch import load_file, save_file
from torch import nn
import torch.nn.functional as F

COUNT = 32
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# What is found of a wrong file on natural photos; "agree": cannot be told apart.
EXPECTED = {"stride in conv1": "blocks", "blur pooling": "blocks", "blur pooling and stem": "blocks", "SiLU": "activations",
            "GELU": "activations", "leaky ReLU": "activations", "average pooling in the stem": "stem",
            "no padding of the max pooling": "agree", "padding as TensorFlow": "agree", "output stride 16": "agree",
            "shortcuts by average pooling": "agree"}


# ---- photos ----------------------------------------------------------------------------------------------------------
def all_photos(folder):
    found = []
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            try:
                with Image.open(os.path.join(root, name)) as image:
                    found.append(image.convert("RGB"))
            except OSError:
                continue
    random.Random(1).shuffle(found)
    return found


def noisy(image, sigma, seed):
    pixels = np.asarray(image).astype(float)
    pixels += np.random.RandomState(seed).randn(*pixels.shape) * sigma
    return Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))


def smooth(step, seed, side=320):
    values = np.random.RandomState(seed).randn(side // step, side // step)
    values = (values - values.min()) / np.ptp(values) * 255
    return np.asarray(Image.fromarray(values.astype("uint8")).resize((side, side), Image.BICUBIC)).astype(float)


WORDS = "the of and to network batch photo layer invoice total page amount date signature contract number".split()


def scan(i):
    image, rng = Image.new("RGB", (480, 640), (250, 249, 246)), random.Random(i)
    draw, size, y = ImageDraw.Draw(image), (14, 20, 28)[i % 3], 20
    while y < 620:
        line = " ".join(rng.choice(WORDS) for _ in range(9))[:60]
        draw.text((24, y), line, fill=(20, 20, 25), font=ImageFont.load_default(size))
        y += (size + 6) * (2 if rng.random() < 0.15 else 1)
    return noisy(image, 4, i)


def screen(i):
    rng = random.Random(i)
    dark = rng.random() < 0.4
    image = Image.new("RGB", (640, 400), (30, 30, 30) if dark else (245, 245, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 28), fill=(60, 90, 160))
    for k in range(12):
        draw.text((12, 40 + k * 28), rng.choice(WORDS), fill=(200, 200, 200) if dark else (40, 40, 40))
    for k in range(rng.randint(3, 10)):
        x, y = rng.randint(150, 500), rng.randint(40, 340)
        draw.rectangle((x, y, x + rng.randint(40, 130), y + rng.randint(15, 60)),
                       fill=tuple(rng.randint(0, 255) for _ in range(3)), outline=(128, 128, 128))
    return image


def xray(i):
    y, x = np.mgrid[-1:1:320j, -1:1:320j]
    values = 200 * np.exp(-((x / 0.75) ** 4 + (y / 0.95) ** 4))
    for side in (-0.35, 0.35):
        values -= 110 * np.exp(-(((x - side - 0.03 * (i % 5)) / 0.22) ** 2 + ((y + 0.05) / 0.5) ** 2) * 1.5)
    for k in range(9):
        values += 14 * np.exp(-(((y - (-0.8 + k * 0.2) - 0.25 * x**2) / 0.02) ** 2))
    values += 0.25 * (smooth(20, i) - 128) + np.random.RandomState(i).randn(320, 320) * 5
    return Image.fromarray(np.clip(values, 0, 255).astype("uint8")).convert("RGB")


def histology(i):
    rng, image = np.random.RandomState(i), Image.new("RGB", (320, 320), (232, 190, 216))
    draw = ImageDraw.Draw(image)
    for _ in range(420):
        x, y, r = rng.randint(0, 320), rng.randint(0, 320), rng.randint(3, 8)
        draw.ellipse((x - r, y - 0.8 * r, x + r, y + 0.8 * r), fill=(100 + rng.randint(-25, 25), 60, 140))
    return noisy(image.filter(ImageFilter.GaussianBlur(1)), 6, i)


def texture(i):
    values = smooth(2, i) * 0.5 + smooth(8, i + 50) * 0.5
    tint = np.random.RandomState(i).uniform(0.5, 1.2, 3)
    return Image.fromarray(np.clip(values[..., None] * tint, 0, 255).astype("uint8"))


def aerial(i):
    rng, image = random.Random(i), Image.new("RGB", (320, 320), (90, 110, 70))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.randint(0, 320), rng.randint(0, 320)
        draw.rectangle((x, y, x + rng.randint(8, 60), y + rng.randint(8, 60)),
                       fill=(rng.randint(60, 180), rng.randint(70, 170), rng.randint(50, 140)))
    return noisy(image.filter(ImageFilter.GaussianBlur(1)), 7, i)


def digit(i):
    image = Image.new("L", (28, 28), 0)
    ImageDraw.Draw(image).text((8, 3), str(i % 10), fill=255, font=ImageFont.load_default(20))
    return image.filter(ImageFilter.GaussianBlur(0.5)).convert("RGB")


def product(photo):
    image, small = Image.new("RGB", (400, 400), (255, 255, 255)), photo.copy()
    small.thumbnail((220, 220))
    mask = Image.new("L", small.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0) + small.size, fill=255)
    image.paste(small, ((400 - small.width) // 2, (400 - small.height) // 2), mask)
    return image


def make_sets(photos):
    first, second = photos[:COUNT], photos[COUNT:2 * COUNT]
    made = {"natural photos": first, "natural photos (2)": second,
            "grey": [p.convert("L").convert("RGB") for p in first],
            "32 pixels": [p.resize((32, 32), Image.BILINEAR) for p in first],
            "dark": [ImageEnhance.Brightness(p).enhance(0.25) for p in second],
            "night": [noisy(ImageEnhance.Brightness(p.convert("L").convert("RGB")).enhance(0.12), 6, i)
                      for i, p in enumerate(first)],
            "low contrast": [ImageEnhance.Contrast(p).enhance(0.35) for p in first],
            "high contrast": [ImageEnhance.Contrast(p).enhance(3) for p in second],
            "blurred": [p.filter(ImageFilter.GaussianBlur(4)) for p in second],
            "noisy": [noisy(p, 25, i) for i, p in enumerate(second)],
            "one photo 32 times": [first[0]] * COUNT,
            "products on white": [product(p) for p in first]}
    for name, make in (("scans of text", scan), ("screenshots", screen), ("X-rays", xray), ("histology", histology),
                       ("textures", texture), ("aerial", aerial), ("digits, 28 pixels", digit)):
        made[name] = [make(i) for i in range(COUNT)]
    return made


# ---- networks of other kinds -----------------------------------------------------------------------------------------
class Blur(nn.Module):
    def forward(self, x):
        kernel = torch.tensor([1.0, 2, 1])
        kernel = (kernel[:, None] * kernel / 16).repeat(x.shape[1], 1, 1, 1)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


class TensorFlowPool(nn.Module):
    def forward(self, x):
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)


def halving(net):
    return [stage[0] for stage in (net.layer2, net.layer3, net.layer4)]


def stride_in_conv1(net):
    for block in halving(net):
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)


def blur(net):
    for block in halving(net):
        block.conv2.stride = (1, 1)
        block.act2 = nn.Sequential(block.act2, Blur())


def blur_stem(net):
    blur(net)
    net.maxpool = nn.Sequential(nn.MaxPool2d(3, 1, 1), Blur())


def activation(make):
    def change(net):
        for module in list(net.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.ReLU):
                    setattr(module, name, make())
    return change


def pool(make):
    def change(net):
        net.maxpool = make()
    return change


def output_stride_16(net):
    for i, block in enumerate(net.layer4):
        block.conv2.stride = (1, 1)
        if i:
            block.conv2.dilation = block.conv2.padding = (2, 2)
    net.layer4[0].downsample[0].stride = (1, 1)


def average_shortcuts(net):
    for block in halving(net):
        block.downsample[0].stride = (1, 1)
        block.downsample[0].register_forward_pre_hook(lambda _, inputs: (F.avg_pool2d(inputs[0], 2),))


VARIANTS = {"stride in conv1": stride_in_conv1, "blur pooling": blur, "blur pooling and stem": blur_stem,
            "SiLU": activation(nn.SiLU), "GELU": activation(nn.GELU), "leaky ReLU": activation(lambda: nn.LeakyReLU(0.1)),
            "average pooling in the stem": pool(lambda: nn.AvgPool2d(3, 2, 1)),
            "no padding of the max pooling": pool(lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
            "padding as TensorFlow": pool(TensorFlowPool), "output stride 16": output_stride_16,
            "shortcuts by average pooling": average_shortcuts}
RIGHT = {"estimated again": lambda net: None}


def random_crop(photo, rng):
    w, h = photo.size
    area = rng.uniform(0.25, 1) * w * h
    ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
    cw, ch = min(w, int((area * ratio) ** 0.5)), min(h, int((area / ratio) ** 0.5))
    x, y = rng.randint(0, w - cw), rng.randint(0, h - ch)
    return photo.crop((x, y, x + cw, y + ch)).resize((224, 224), Image.BILINEAR)


def estimate(weights, change, photos, mixup):
    import timm
    net = timm.create_model("resnet50")
    net.load_state_dict(weights)
    change(net)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    rng = random.Random(3)
    pixels = np.stack([np.asarray(random_crop(p, rng)) for p in photos]).transpose(0, 3, 1, 2) / 255.0
    x = torch.tensor((pixels - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]).float()
    if mixup:
        x = mixup * x + (1 - mixup) * x.flip(0)
    net.train()
    with torch.no_grad():
        for i in range(0, len(x), 32):
            net(x[i:i + 32])
    return {k: v.contiguous() for k, v in net.state_dict().items()}


# ---- the table -------------------------------------------------------------------------------------------------------
# mean and std of the training of a file that is then fed with ImageNet's, and what is found of it.
SCALES = {"trained on 0..1": ([0] * 3, [1] * 3, "input"), "trained on 0..255": ([0] * 3, [1 / 255] * 3, "input"),
          "trained on 0..255 less the mean (Caffe)": (MEAN, [1 / 255] * 3, "input"),
          "trained on pixels divided twice by 255": ([0] * 3, [255] * 3, "input"),
          "trained with mean and std 0.5": ([0.5] * 3, [0.5] * 3, None)}


def seen_by(mean, std):
    """The preparation that makes the plain file see what that file sees: its conv1 takes (std z + mean - MEAN) / STD."""
    return ([M - (m - M) * S / s for m, s, M, S in zip(mean, std, MEAN, STD)], [S * S / s for s, S in zip(std, STD)])


class Table:
    def __init__(self, args):
        self.args, self.failed = args, 0
        print("| photos | file, preparation | input | stem | blocks | last | finding |\n|---|---|---|---|---|---|---|", flush=True)

    def row(self, photos, weights, label, expected, size=224, scale=None):
        if scale:
            preprocess = {"resize": 256, "crop": 224, "mean": list(scale[0]), "std": list(scale[1])}
            path = os.path.join(self.args.work, "files", "scaled.safetensors")
            save_file(load_file(weights), path, metadata={"freezetune.preprocess": json.dumps(preprocess)})
            weights = path
        done = subprocess.run([self.args.freezetune, "eval", "--quiet", "--json", "--model", weights, "--data",
                               os.path.join(self.args.work, "sets", photos), "--crop", str(size), "--resize",
                               str(round(size / 0.875))], stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)["running_statistics"]
        wrong = expected is not None and (found["finding"] != expected)
        self.failed += wrong
        print(f"| {photos} | {label} | {found['input']:.2f} | {found['stem']:.2f} | {found['blocks']:.2f} | "
              f"{found['last']:.2f} | {found['finding']}{' (expected: ' + expected + ')' if wrong else ''} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("freezetune", "weights", "photos", "work"):
        parser.add_argument(name)
    parser.add_argument("--only", choices=("right", "scales", "variants", "sizes"))
    args = parser.parse_args()
    photos = all_photos(args.photos)
    sets = make_sets(photos)
    for name, images in sets.items():
        folder = os.path.join(args.work, "sets", name, "daisy")  # one of ImageNet's classes, for eval
        if not os.path.isdir(folder):
            os.makedirs(folder)
            for i, image in enumerate(images):
                image.save(os.path.join(folder, f"{i:02}.png"))
    weights, files = load_file(args.weights), {}
    os.makedirs(os.path.join(args.work, "files"), exist_ok=True)
    plain = files["plain"] = os.path.join(args.work, "files", "plain.safetensors")
    save_file(weights, plain)

    def file_of(name, change, mixup=0):
        path = os.path.join(args.work, "files", name.replace(" ", "-") + ".safetensors")
        if not os.path.exists(path):
            save_file(estimate(weights, change, photos[2 * COUNT:2 * COUNT + 64], mixup), path)
        return path

    table = Table(args)
    if args.only in (None, "right"):
        for name in sets:
            table.row(name, plain, "right", "agree")
        for name in ("natural photos", "scans of text", "X-rays"):
            table.row(name, file_of("estimated again", RIGHT["estimated again"]), "right, estimated again", "agree")
            table.row(name, file_of("mixup", RIGHT["estimated again"], 0.7), "right, trained with mixup", "agree")
    if args.only in (None, "scales"):
        for label, (mean, std, expected) in SCALES.items():
            for name in ("natural photos", "grey", "scans of text"):
                table.row(name, plain, label, expected, scale=seen_by(mean, std))
    if args.only in (None, "sizes"):
        for name in ("natural photos", "scans of text"):
            for size in (64, 96, 128, 160, 288):
                table.row(name, plain, f"right, {size} pixels", "agree", size=size)
    if args.only in (None, "variants"):
        bgr = dict(weights)
        bgr["conv1.weight"] = weights["conv1.weight"].flip(1).contiguous()
        save_file(bgr, os.path.join(args.work, "files", "bgr.safetensors"))
        for name in ("natural photos", "natural photos (2)", "X-rays"):
            table.row(name, os.path.join(args.work, "files", "bgr.safetensors"), "BGR", "agree")
        for label, change in VARIANTS.items():
            for name in ("natural photos", "natural photos (2)", "X-rays"):
                # Photos of other kinds may hide a wrong network: only natural ones must show it.
                table.row(name, file_of(label, change), label, EXPECTED[label] if name.startswith("natural") else None)
    sys.exit(table.failed > 0)


if __name__ == "__main__":
    main()
