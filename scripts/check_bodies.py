"""Trains with the same body from files as self-supervised methods publish them, and compares with the plain file.

  $(sh scripts/venv.sh) scripts/check_bodies.py --data PHOTOS --weights resnet50.safetensors [--program ./freezetune]
                                                [-- OPTIONS OF TRAIN]

The files (source_files.py: DINO with a teacher and a student, DINO's backbone, MoCo v1 and v2, SwAV, VICReg, Barlow
Twins) hold the body of --weights under the methods' names, beside their heads and queues. Each is trained with
--freeze-until 8 and the options behind `--`; the best accuracy has to be the plain file's, and every tensor of the best
weights the same. Exit code 1 when one is not.
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from safetensors.torch import load_file

from source_files import Files


def train(options, folder, weights, more):
    out = folder / f"run-{len(list(folder.glob('run-*')))}"
    subprocess.run([options.program, "train", "--quiet", "--data", options.data, "--weights", weights, "--freeze-until",
                    "8", "--out", out, "--cache-dir", out.with_suffix(".cache"), *more,
                    *options.train], check=True, stdout=subprocess.DEVNULL)
    result = json.loads((out / "result.json").read_text())
    tensors = load_file(out / "best.safetensors")
    digest = hashlib.sha256(b"".join(n.encode() + tensors[n].numpy().tobytes() for n in sorted(tensors)))
    return result["val_accuracy"], digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", required=True, help="a ResNet-50 with torchvision's names")
    parser.add_argument("train", nargs="*", help="options for train")
    options = parser.parse_args()
    state = load_file(options.weights)
    model = torchvision.models.resnet50(num_classes=len(state["fc.bias"]))
    model.load_state_dict(state)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        expected = train(options, folder, options.weights, [])
        print(f"plain file                 accuracy {expected[0]:.4f}, tensors {expected[1][:12]}", flush=True)
        for kind, content, wanted in Files("resnet50", model).self_supervised():
            if wanted.split()[0] != "body":  # several networks, refused without --key
                continue
            torch.save(content, folder / "body.pth")
            found = train(options, folder, folder / "body.pth", wanted.split()[1:])
            good = found == expected
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {kind:20}  accuracy {found[0]:.4f}, tensors {found[1][:12]}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
