"""Writes tests/fixtures/pth: a tiny state dict, saved by PyTorch in every way of pth_variants.py and in both formats, and
the same values as expected.safetensors.

  $(sh scripts/venv.sh) scripts/make_pth_fixtures.py tests/fixtures/pth

All values are exact in float16 and bfloat16. Written by PyTorch 2.15; the legacy format numbers storages by their
addresses, so its files differ from run to run.
"""
import pathlib
import sys
from collections import OrderedDict

import torch
from safetensors.torch import save_file

from pth_variants import VARIANTS, save


def eighths(*shape):
    count = torch.tensor(shape).prod().item()
    return (torch.arange(count) - count // 2).reshape(shape) / 8


def state_dict():
    return OrderedDict([
        ("conv1.weight", eighths(4, 3, 3, 2)),
        ("bn1.bias", eighths(4)),
        ("bn1.num_batches_tracked", torch.tensor(1234567890123)),
        ("fc.weight", eighths(3, 4)),
    ])


def two_layers(value):
    """Names that a ResNet has, of a network that is none."""
    return OrderedDict([("conv1.weight", torch.full((2, 3, 2, 2), value)),
                        ("layer1.0.conv1.weight", torch.full((2, 2, 1, 1), value))])


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_pth_fixtures.py FOLDER")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state_dict(), folder / "expected.safetensors")
    (folder / "expected.safetensors").chmod(0o644)
    for name, make in VARIANTS.items():
        for legacy in (False, True):
            save(make(state_dict()), folder / f"{name}_{'legacy' if legacy else 'zip'}.pth", legacy=legacy)
    save({"net": two_layers(1.0), "teacher": two_layers(2.0), "epoch": 3}, folder / "two_keys.pth")
    for protocol in (3, 4, 5):
        save(state_dict(), folder / f"protocol{protocol}_zip.pth", protocol=protocol)
        save(state_dict(), folder / f"protocol{protocol}_legacy.pth", legacy=True, protocol=protocol)


if __name__ == "__main__":
    main()
