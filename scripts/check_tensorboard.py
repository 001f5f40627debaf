"""Reads the events of a run of `train --tensorboard` with TensorBoard's own reader and compares them with metrics.csv.

  make && python3 -m venv VENV && VENV/bin/pip install tensorboard
  VENV/bin/python scripts/check_tensorboard.py RUN

Each curve must have the steps of metrics.csv, each once, and the float next to its number. With --torn the same is asked
of copies whose end is missing, byte by byte through the last record, which must give the points before it. A line per
check; exit code 1 when one failed.
"""
import argparse
import csv
import pathlib
import shutil
import sys
import tempfile

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import checks
from checks import check

CURVES = {"loss/train": "train_loss", "loss/val": "val_loss", "accuracy/train": "train_accuracy",
          "accuracy/val": "val_accuracy", "accuracy/val_top5": "val_top5", "macro_f1/val": "val_macro_f1",
          "seconds/epoch": "seconds", "lr/schedule": "lr"}
NAME = "events.out.tfevents.freezetune"


def read(folder):
    """{tag: [(step, value)]}"""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
            for tag in accumulator.Tags()["scalars"]}


def check_torn(run, whole):
    data = (run / NAME).read_bytes()
    last = max(step for step, _ in whole["loss/val"])
    size = (len(data) - 40) // last
    kept = {tag: [point for point in points if point[0] < last] for tag, points in whole.items()}
    with tempfile.TemporaryDirectory() as folder:
        good = 0
        for cut in range(1, size, 7):
            copy = pathlib.Path(folder) / str(cut)
            copy.mkdir()
            (copy / NAME).write_bytes(data[:-cut])
            good += read(copy) == {tag: points for tag, points in kept.items() if points}
            shutil.rmtree(copy)
        check(good == len(range(1, size, 7)), f"{good} copies with a torn end have the points before it")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--torn", action="store_true")
    options = parser.parse_args()
    rows = list(csv.DictReader(open(options.run / "metrics.csv")))
    found = read(options.run)
    for tag, column in CURVES.items():
        expected = [(int(row["epoch"]), float(numpy.float32(row[column]))) for row in rows]
        check(found.get(tag) == expected, f"{tag}: {len(expected)} points equal to those of metrics.csv")
    rates = sorted(tag for tag in found if tag.startswith("lr/") and tag not in CURVES)
    check(sorted(found) == sorted([*CURVES, *rates]) and "lr/fc" in rates, "rates: " + ", ".join(rates))
    if options.torn:
        check_torn(options.run, found)
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())
