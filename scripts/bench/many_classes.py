#!/usr/bin/env python3
"""Memory with many classes: what --dry-run says, and what train and eval take.

  scripts/bench/many_classes.py [--program ./freezetune] [--said-only] [CLASSES ...]

For each number of classes it makes folders with a tiny photo of its own to train on and one to validate, runs one epoch
of a ResNet-18 with a new head and then eval, and prints a row: memory as planned, peak of train, peak of eval (RSS), and
the size of confusion.csv. A row that is more than 10 % off makes the exit code 1. With --said-only nothing is trained."""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

SIDE = 8


def bmp(number):
    """A photo that no other number has."""
    row = struct.pack("<I", number)[:3] * SIDE
    rows = row * SIDE
    head = struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + rows


def make_photos(folder, classes):
    for part, first in (("train", 0), ("val", classes)):
        for k in range(classes):
            place = os.path.join(folder, part, f"class{k:06}")
            os.makedirs(place)
            with open(os.path.join(place, "photo.bmp"), "wb") as out:
                out.write(bmp(first + k))


def peak(command):
    """The most memory that the command has resident, in bytes."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit code {child.returncode}\n{text}")
    return usage.ru_maxrss * 1024


def measure(program, classes, said_only, folder):
    data, run = os.path.join(folder, "photos"), os.path.join(folder, "run")
    make_photos(data, classes)
    train = [program, "train", "--quiet", "--data", data, "--weights", "random", "--arch", "resnet18", "--image-size", "32",
             "--batch-size", "32", "--freeze-until", "9", "--epochs", "1", "--threads", "2", "--cache", "off", "--json",
             "--out", run]
    said = json.loads(subprocess.run(train + ["--dry-run"], check=True, capture_output=True).stdout)["memory"]
    row = f"{classes:8} {said / 1e6:9.1f}"
    if said_only:
        print(row, flush=True)
        return True
    used = peak(train)
    table = os.path.getsize(os.path.join(run, "confusion.csv"))
    evaluated = peak([program, "eval", "--quiet", "--threads", "2", "--model", run, "--json"])
    ratio = used / said
    print(f"{row} {used / 1e6:9.1f} {ratio:6.2f} {evaluated / 1e6:9.1f} {table / 1e6:9.2f}", flush=True)
    return 0.9 < ratio < 1.1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--said-only", action="store_true")
    parser.add_argument("classes", nargs="*", type=int, default=[2, 1000, 5000, 20000])
    options = parser.parse_args()
    print(" classes   said MB  train MB  ratio   eval MB    csv MB" if not options.said_only else " classes   said MB")
    good = True
    for classes in options.classes:
        folder = tempfile.mkdtemp(prefix="freezetune-classes-")
        try:
            good = measure(os.path.abspath(options.program), classes, options.said_only, folder) and good
        finally:
            shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
