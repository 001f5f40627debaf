"""What a folder of runs holds, but for the time that it took: content.py FOLDER

A line with the name of each file, then its text, or the SHA-256 of what is no text; of TensorBoard's events what events.py says.
"""
import hashlib
import os
import re
import sys

import events


def lines_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read().splitlines()


def say(path):
    if path.endswith((".safetensors", ".bin")):
        with open(path, "rb") as file:
            print(hashlib.sha256(file.read()).hexdigest())
    elif "tfevents" in path:
        events.check(os.path.dirname(path), False)
    elif path.endswith("metrics.csv"):  # without the seconds of an epoch
        for line in lines_of(path):
            cells = line.split(",")
            print(",".join(cells[:11] + cells[12:]))
    elif path.endswith("sweep.csv"):
        for line in lines_of(path):
            print(re.sub(r"^((?:[^,]*,){13})[^,]*", r"\1", line))
    elif path.endswith("folds.csv"):
        for line in lines_of(path):
            print(re.sub(r",[^,]*$", "", line))
    else:
        for line in lines_of(path):
            print(re.sub(r'"seconds.*', "", line))


sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
os.chdir(sys.argv[1])
for name in sorted(os.path.join(folder, file) for folder, _, files in os.walk(".") for file in files):
    print(f"{name}:")
    try:
        say(name)
    except AssertionError as error:
        print(f"{name}: {error}")
