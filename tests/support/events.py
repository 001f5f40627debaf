"""Compares the TensorBoard events of a run with its metrics.csv and config.json, by a reader of its own.

  events.py RUN [--killed]

Exit code 1, with a line, when a sum is wrong, a step is missing or there twice, a value is not the float next to that of
metrics.csv, a rate is not that of its child, or a time is not config.json's plus the seconds before it. A
program that was killed (--killed) may leave fewer rows in metrics.csv than there are points, and a part of a record at
the end. Prints the number of points.
"""
import csv
import json
import os
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """The events, whole ones; the second value is the number of bytes behind them."""
    at, found = 0, []
    while len(data) - at >= 12:
        size, check = struct.unpack_from("<QI", data, at)
        assert check == masked(data[at:at + 8]), f"the sum of a length is wrong at {at}"
        if len(data) - at < size + 16:
            break
        event = data[at + 12:at + 12 + size]
        assert struct.unpack_from("<I", data, at + 12 + size)[0] == masked(event), f"the sum of an event is wrong at {at}"
        found.append(event)
        at += size + 16
    return found, len(data) - at


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """(number, value) of a message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
            value = data[at:at + size]
            at += size
        yield tag >> 3, value


def single(number):
    return struct.unpack("<f", struct.pack("<f", float(number)))[0]


def close(a, b):
    return abs(a - b) <= 1e-6 * abs(b)


def points(events):
    """(time, step, {tag: value}) of each event but the first."""
    assert dict(fields(events[0]))[3] == b"brain.Event:2", "the first event names no version"
    for event in events[1:]:
        values = {}
        parts = dict(fields(event))
        for number, value in fields(parts[5]):
            assert number == 1
            entry = dict(fields(value))
            assert entry[1].decode() not in values, "a curve has two values of one step"
            values[entry[1].decode()] = struct.unpack("<f", entry[2])[0]
        yield struct.unpack("<d", parts[1])[0], parts[2], values


def check(run, killed):
    data = open(os.path.join(run, "events.out.tfevents.freezetune"), "rb").read()
    events, rest = records(data)
    rows = list(csv.DictReader(open(os.path.join(run, "metrics.csv"))))
    options = json.load(open(os.path.join(run, "config.json")))["options"]
    started = time = struct.unpack("<d", dict(fields(events[0]))[1])[0]
    assert abs(started - os.stat(os.path.join(run, "config.json")).st_mtime) < 1e-3, "the run began at another time"
    found = list(points(events))
    assert [step for _, step, _ in found] == list(range(1, len(found) + 1)), "steps are missing or there twice"
    assert killed or rest == 0, "a record is not whole"
    assert len(found) >= len(rows) if killed else len(found) == len(rows), "steps are not those of metrics.csv"
    names = {"loss/train": "train_loss", "loss/val": "val_loss", "accuracy/train": "train_accuracy",
             "accuracy/val": "val_accuracy", "accuracy/val_top5": "val_top5", "macro_f1/val": "val_macro_f1",
             "seconds/epoch": "seconds", "lr/schedule": "lr"}
    for (when, step, values), row in zip(found, rows):
        time += float(row["seconds"])
        assert abs(when - time) < 1e-3, f"epoch {step} ended at another time"
        for tag, column in names.items():
            assert values.pop(tag) == single(row[column]), f"{tag} of epoch {step} is not that of metrics.csv"
        assert close(values["lr/fc"], float(row["lr"]) * options["head-lr-mult"]), "the rate of fc"
        until = options["freeze-until"]
        for stage in options["unfreeze-at"]:
            first, point = map(int, stage.split(":"))
            until = min(until, point) if step >= first else until
        trained = [child for child in ("layer1", "layer2", "layer3", "layer4", "fc")
                   if {"layer1": 5, "layer2": 6, "layer3": 7, "layer4": 8, "fc": 10}[child] > until]
        assert sorted(values) == sorted("lr/" + child for child in trained), f"epoch {step} trains {trained}: {values}"
        for behind, child in enumerate(reversed(trained[:-1]), 1):
            assert close(values["lr/" + child], float(row["lr"]) * options["lr-decay-by-child"] ** behind), child
    print(f"{len(found)} points" + (f", then {rest} bytes" if rest else ""))


if __name__ == "__main__":
    try:
        check(sys.argv[1], sys.argv[2:3] == ["--killed"])
    except AssertionError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
