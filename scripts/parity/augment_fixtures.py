#!/usr/bin/env python3
"""Writes tests/fixtures/colours.tsv: what torchvision's ColorJitter, TrivialAugmentWide and RandomErasing make of small
pictures when their draws are ours.

    python3 scripts/parity/augment_fixtures.py tests/fixtures [--all-colours]

Needs Pillow, NumPy, torch and torchvision. Pictures are muted() below, which tests/unit/data/test_colours.c draws too; hashes are
FNV-1a (64 bits). --all-colours also prints the hash of the hue of all 2^24 colours, turned by 0.3.
"""
import math
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from make_photo_fixtures import fnv, pattern

SIDES = (1, 5, 31, 48)
UNSIGNED = ("Identity", "Posterize", "Solarize", "AutoContrast", "Equalize")


def muted(side):
    """Each channel with its own, narrow range of values."""
    c = np.arange(3)
    return (pattern(side, side).astype(int) * (c + 2) // 5 + 20 * c).astype(np.uint8)


def colours(step):
    """Every step-th value of red, green and blue, in one line."""
    values = np.arange(0, 256, step, dtype=np.uint8)
    return np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1).reshape(1, -1, 3)


class Draws:
    """torch.randint, torch.randperm and torch.empty(1).uniform_ give what is in the lists."""

    def __init__(self, whole=(), orders=(), units=()):
        self.whole, self.orders, self.units = iter(whole), iter(orders), iter(units)

    def __enter__(self):
        self.real = torch.randint, torch.randperm, torch.empty
        draws = self

        class Drawn:
            def uniform_(self, low, high):
                low, high = np.float32(low), np.float32(high)
                return torch.tensor(np.float32(next(draws.units) / 2**24) * (high - low) + low).reshape(1)

        torch.randint = lambda *_, **__: torch.tensor([next(self.whole)])
        torch.randperm = lambda _: torch.tensor(next(self.orders))
        torch.empty = lambda *_, **__: Drawn()

    def __exit__(self, *_):
        torch.randint, torch.randperm, torch.empty = self.real


def trivial_rows():
    policy = transforms.TrivialAugmentWide()
    operations = policy._augmentation_space(policy.num_magnitude_bins)
    for number, (name, (_, signed)) in enumerate(operations.items()):
        assert signed == (name not in UNSIGNED)
        for negative in range(2 if signed else 1):
            for side in SIDES:
                all_bins = []
                for strength in range(policy.num_magnitude_bins):
                    with Draws(whole=[number, strength, negative]):
                        all_bins.append(np.array(policy(Image.fromarray(muted(side)))))
                yield "trivial", number, negative, side, fnv(np.stack(all_bins))


def jitter_rows(draw):
    jitter = transforms.ColorJitter(0.4, 0.8, 1.5, 0.5)
    names = ("brightness", "contrast", "saturation", "hue")
    for number in range(24):
        order = draw.sample(range(4), 4)
        units = [draw.getrandbits(24) for _ in range(4)]
        with Draws(orders=[order] * 2, units=units * 2):
            values = jitter.get_params(*(getattr(jitter, name) for name in names))[1:]
            result = np.array(jitter(Image.fromarray(muted(SIDES[number % 4]))))
        yield "jitter", *order, *(float(value).hex() for value in values), SIDES[number % 4], fnv(result)


def hue_rows():
    picture = Image.fromarray(colours(5))
    for turn in (0.0, 0.001, 0.004, -0.004, 0.1, -0.1, 0.25, 1 / 3, -0.37, 0.5, -0.5):
        yield "hue", float(turn).hex(), fnv(np.array(functional.adjust_hue(picture, turn)))


def erase_rows(draw):
    for number in range(60):
        side = draw.choice((1, 2, 7, 32, 224))
        units = [draw.getrandbits(24) for _ in range(22)]
        if number % 10 == 9:  # no try fits: the largest areas, the thinnest boxes
            units[:20] = [2**24 - 1, 2**24 - 1 if number % 20 == 9 else 0] * 10
        real = torch.randint
        places = iter(units[20:])
        with Draws(units=units[:20]):
            torch.randint = lambda low, high, size=None: torch.tensor([int(next(places) / 2**24 * high)])
            top, left, height, width, value = transforms.RandomErasing.get_params(
                torch.zeros(3, side, side), (0.02, 0.33), (0.3, 3.3), [0.0])
        torch.randint = real
        if value.numel() != 1 or height * width == 0:  # the picture itself, or no pixel: nothing is erased
            top = left = height = width = 0
        yield "erase", side, top, left, height, width, *units


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    draw = random.Random(3)
    rows = [
        "# trivial: operation, negative, side, FNV-1a of the pictures of all bins",
        "# jitter: order; brightness, contrast, saturation, hue; side, FNV-1a",
        "# hue: turn, FNV-1a of every fifth colour",
        "# erase: side; top, left, height, width of the box; 22 draws in units of 2^-24",
    ]
    for row in (*trivial_rows(), *jitter_rows(draw), *hue_rows(), *erase_rows(draw)):
        rows.append("\t".join(map(str, row)))
    (Path(sys.argv[1]) / "colours.tsv").write_text("\n".join(rows) + "\n")
    if len(sys.argv) == 3:
        print(fnv(np.array(functional.adjust_hue(Image.fromarray(colours(1).reshape(4096, 4096, 3)), 0.3))))


if __name__ == "__main__":
    main()
