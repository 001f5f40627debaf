"""Writes a real ResNet's weights in every way that PyTorch has, reads each with freezetune and compares.

  $(sh scripts/venv.sh) scripts/check_pth.py resnet50.safetensors [--arch resnet50] [--program ./freezetune]

The weights go through torchvision's model, so names and order are those of its state_dict(). Each variant
(pth_variants.py) is saved in the zip format and in the legacy one, and by pickle protocols 2 to 5; `freezetune diff`
must find it identical to the safetensors file of the same values that the safetensors package writes. One row per file:
the answer and the time of opening alone. Exit code 1 when one differs or is refused.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
import torchvision
from safetensors.torch import load_file, save_file

from pth_variants import VARIANTS, cast, save

TYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}


def state_dict(options):
    tensors = load_file(options.weights)
    model = getattr(torchvision.models, options.arch)(num_classes=tensors["fc.weight"].shape[0])
    model.load_state_dict(tensors)
    return model.state_dict()


def answer(options, path, expected):
    done = subprocess.run([options.program, "diff", path, expected], capture_output=True, text=True)
    if done.returncode == 0:
        return "identical"
    return f"exit {done.returncode}: " + (done.stderr or done.stdout).strip().splitlines()[-1]


def seconds(options, path):
    """The best of three runs of inspect, which opens the file and reads no values."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([options.program, "inspect", path], capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def check(options, folder, name, content, expected):
    wrong = 0
    for legacy in (False, True):
        for protocol in (2, 3, 4, 5) if name == "tensors" else (2,):
            path = folder / "weights.pth"
            save(content, path, legacy=legacy, protocol=protocol)
            found = answer(options, path, expected)
            wrong += found != "identical"
            kind = ("legacy" if legacy else "zip") + (f", protocol {protocol}" if protocol != 2 else "")
            print(f"{name:14} {kind:19} {seconds(options, path):6.3f} s  {found}", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--program", default="./freezetune")
    options = parser.parse_args()
    state, wrong = state_dict(options), 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, make in VARIANTS.items():
            expected = folder / "expected.safetensors"
            save_file({n: v.clone() for n, v in cast(state, TYPES.get(name, torch.float32)).items()}, expected)
            wrong += check(options, folder, name, make(state), expected)
    print(f"{wrong} wrong" if wrong else "all identical")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
