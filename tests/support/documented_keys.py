"""Compares the keys and columns of runs with docs/formats.md, in both directions.

  documented_keys.py FORMATS.md TRAIN_HELP RUN_WITH_EVERYTHING PLAIN_RUN SWEEP FOLDS

Prints each difference; exit code 1 when there is one. RUN_WITH_EVERYTHING has used --lr find, --clip-norm, --keep-last, --ema
and --tensorboard, PLAIN_RUN none of them. TRAIN_HELP is the text of `freezetune train --help`.
"""
import json
import re
import struct
import sys
from pathlib import Path

formats, helped, full, plain, sweep, folds = map(Path, sys.argv[1:7])
sections = dict(part.split("\n", 1) for part in re.split(r"^## ", formats.read_text(), flags=re.M)[1:])
checks = differences = 0


def compare(what, written, found):
    """Counts a check, and says what only one side has."""
    global checks, differences
    checks += 1
    written, found = list(written), list(found)
    if written and written == found:
        return
    differences += 1
    print(f"{what}: only in the document: {sorted(set(written) - set(found))}, only in the file: "
          f"{sorted(set(found) - set(written))}")
    if set(written) == set(found):
        print(f"    in the document {written}\n    in the file     {found}")


def tables(section):
    """The rows of each table, as lists of cells."""
    blocks = re.split(r"\n(?!\|)", sections[section])
    rows = [[[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.split("\n") if line.startswith("|")]
            for block in blocks]
    return [table[2:] for table in rows if len(table) > 2]


def keys(table):
    return [row[0].strip("`") for row in table]


TYPES = {"text": str, "bool": bool, "count": int, "number": (int, float), "object": dict, "object of text": dict,
         "array of text": list}


def flat(value, nested):
    """{"a.b": value}, one level deep for the keys in `nested`."""
    return {name: v for key, inner in value.items()
            for name, v in ([(f"{key}.{k}", v) for k, v in inner.items()] if key in nested else [(key, inner)])}


def typed(what, table, value):
    """The type of each key; a state may be null."""
    for row in table:
        key, kind = row[0].strip("`"), row[1]
        if key in value:
            good = isinstance(value[key], TYPES[kind]) and (kind == "bool" or not isinstance(value[key], bool))
            compare(f"{what}: type of {key}", [kind], [kind if good else type(value[key]).__name__])


def object_like(what, table, value, nested=(), optional=()):
    found = flat(value, nested)
    compare(what, sorted(k for k in keys(table) if k not in optional or k in found), sorted(found))
    typed(what, table, found)


def metadata(path):
    with open(path, "rb") as stream:
        header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    return header.pop("__metadata__"), header


def listed(section, start):
    """The names in backticks of the item of a list that begins with `start`."""
    text = re.search(r"^- " + re.escape(start) + r"(.*?)(?=^- |\n\n)", sections[section], re.M | re.S).group(1)
    return re.findall(r"`([^`]+)`", text)


# config.json; the options are those of --help.
given = listed("config.json", "Recorded only when they are given:")
never = listed("config.json", "Never recorded, because they do not describe the training:")
options = set(re.findall(r"^  --([a-z-]+)", helped.read_text(), re.M))
for run in (full, plain, folds / "fold-1"):
    config = json.loads((run / "config.json").read_text())
    object_like(f"{run.name}/config.json", tables("config.json")[0], config, nested=("duplicates",))
    recorded = set(config["options"])
    compare(f"{run.name}: options", sorted(options - set(never)), sorted(recorded | set(given)))
compare("options given", sorted(given), sorted(k for k in given if k in json.loads((full / "config.json").read_text())["options"]
                                               or k in json.loads((folds / "fold-1" / "config.json").read_text())["options"]))
compare("options not given", ["none"], [k for k in given if k in json.loads((plain / "config.json").read_text())["options"]] or ["none"])
for series, command in ((sweep, "sweep"), (folds, "train")):
    config = json.loads((series / "config.json").read_text())
    text = re.search(r"or of `--folds` has (.*?)\. In a sweep", sections["config.json"], re.S).group(1)
    text = re.sub(r"\(.*?\)", "", text)
    compare(f"{series.name}/config.json", sorted(re.findall(r"`([^`]+)`", text)), sorted(config))
    compare(f"{series.name}: command", [command], [config["command"]])

# log.jsonl
steps, epochs = tables("log.jsonl")
for run in (full, plain):
    for line in (run / "log.jsonl").read_text().splitlines():
        entry = json.loads(line)
        norm = ("gradient_norm",) if run is plain else ()
        object_like(f"{run.name}/log.jsonl", steps if entry["event"] == "step" else epochs, entry, ("features",), norm)
        if run is plain:
            compare("gradient_norm without --clip-norm", ["no"], ["yes" if "gradient_norm" in entry else "no"])

# Tables: columns in their order.
compare("metrics.csv", keys(tables("metrics.csv")[0]), (full / "metrics.csv").read_text().split("\n")[0].split(","))
events = (full / "events.out.tfevents.freezetune").read_bytes()
tags = [tag.decode() for tag in re.findall(rb"[a-z0-9_]+/[a-z0-9_]+", events)]
compare("tags of events", [tag for tag in keys(tables("events.out.tfevents.freezetune")[0]) if tag != "lr/CHILD"],
        [tag for tag in tags if tag != "lr/fc"])
for row in tables("Other tables of a run")[0]:
    name = row[0].strip("`")
    folder = sweep if name == "sweep.csv" else folds if name == "folds.csv" else full
    compare(name, re.findall(r"`([^`]+)`", row[1]), re.split("[,\t]", (folder / name).read_text().split("\n")[0]))

# result.json
for run in (full, plain):
    object_like(f"{run.name}/result.json", tables("result.json")[0], json.loads((run / "result.json").read_text()))

# Model files
rows = tables("best.safetensors and last.safetensors")[0]
for name in ("best", "last"):
    entries, tensors = metadata(full / f"{name}.safetensors")
    compare(f"{name}.safetensors", sorted(row[0].strip("`") for row in rows if row[1] in ("both", name)), sorted(entries))
    compare(f"{name}: types", ["F32", "I64"], sorted({t["dtype"] for t in tensors.values()}))
extra = {name for name in tensors if name.startswith("optimizer.")}
compare("last: averages", ["optimizer.ema.n_averaged"], [name for name in extra if name.endswith("n_averaged")])

# Files of the folders: full has all of a run's.
table = tables("The run folder")[0]
compare("files of a run", sorted(name for row in table for name in re.findall(r"`([^`]+)`", row[0])),
        sorted(path.name for path in full.iterdir()))
text = sections["The run folder"]
for series, pattern in ((sweep, r"A sweep has (.*?), and"), (folds, r"`--folds K` has (.*?) and the run")):
    names = re.findall(r"`([^`]+)`", re.search(pattern, text, re.S).group(1))
    compare(f"files of {series.name}", sorted(names), sorted(path.name for path in series.iterdir() if path.is_file()))

# photos.bin: its first line and its size.
photos = (full / "photos.bin").read_bytes()
config = json.loads((full / "config.json").read_text())
line = f"freezetune photos 1 {config['photos']} {config['train_photos']} {config['val_photos']}\n"
compare("photos.bin", [line, len(line) + 32 * (config["train_photos"] + config["val_photos"]) + 8],
        [photos.split(b"\n")[0].decode() + "\n", len(photos)])

print(f"{checks} checks, {differences} differences")
sys.exit(1 if differences or checks < 50 else 0)
