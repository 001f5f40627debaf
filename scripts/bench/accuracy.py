"""The accuracy that freezetune reaches, and beside it that of PyTorch with the same recipe and the same seeds.

  python3 scripts/bench/accuracy.py --work build/accuracy --weights resnet50.safetensors --data flowers=photos/flowers \\
      --recipe "defaults=" --recipe "head=--freeze-until 9 --lr 0.01 --augment none" --seeds 0 1 2 --pytorch
  python3 scripts/bench/accuracy.py --work build/accuracy --data flowers=photos/flowers --recipe fast= \\
      --recipe "exact=--conv exact"                                       # what a shortcut costs; needs nothing but Python

A data set is a folder with train/ and val/; a recipe is any options of `freezetune train`. What PyTorch does is read from
the config.json of freezetune's run, from the preprocessing in its model and from its list of bad photos
(accuracy_peer.py, by the python of scripts/venv.sh); a recipe with an option that it does not know is refused by name,
and its columns stay empty; --lr find is the rate that was found. The two sides draw the head, the order and the
augmentation from generators of their own.

Prints a table, a row for each data set and recipe. Accuracies are percent of the validation photos:
  best        of the best epoch: the mean over the seeds (and each seed's, in their order)
  last        of the last epoch: the mean over the seeds
  points      freezetune's mean best less PyTorch's, over the seeds that both have; photos: the same in validation photos
  to first    freezetune's mean best less that of the data set's first recipe, in photos, over the seeds that both have
  seconds     of a run, the whole process, median over the seeds; freezetune begins with an empty cache of features

Each run is remembered in WORK/results.jsonl as soon as it is over: a table that was stopped goes on where it was, and more
seeds run only those. freezetune's runs are known by the program's content, weights, folder, option line, seed and threads;
PyTorch's by what it was told, so that recipes which differ in freezetune's shortcuts alone share one. Folders are not
looked into: after a change of photos, begin a new WORK. Exit code 1 when a run failed; it is tried again next time.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# Where and how freezetune computes, which PyTorch has no counterpart of: the recipe is the same without them. The last
# three may change the result a little; what that costs is one of the things to see.
ENGINE = {"data", "seed", "threads", "cache", "cache-dir", "cache-limit", "save-every", "strict",
          "conv", "decode", "cache-dtype"}


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


class Memory:
    """The runs that are over, by key."""

    def __init__(self, path):
        self.path, self.runs = path, {}
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                run = json.loads(line)
            except json.JSONDecodeError:  # half a line, of a table that was killed
                continue
            self.runs[run["key"]] = run

    def add(self, run):
        self.runs[run["key"]] = run
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n") and self.path.stat().st_size
        with self.path.open("a") as file:
            file.write(("\n" if torn else "") + json.dumps(run) + "\n")
        return run


class Failed(Exception):
    pass


def call(command, title, **more):
    """Runs a command; its stdout, and the seconds it took."""
    print(f"{title} ...", file=sys.stderr, flush=True)
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Failed(f"{title}: exit code {done.returncode}: {' '.join(done.stderr.strip().splitlines()[-2:])}")
    return done.stdout, time.perf_counter() - start


def preprocessing(model):
    """What a model of freezetune says of its photos: resize, crop, interpolation, mean, std."""
    with open(model, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(json.loads(file.read(size))["__metadata__"]["freezetune.preprocess"])


def bad_photos(folder):
    lines = (folder / "bad_images.tsv").read_text().splitlines()[1:] if (folder / "bad_images.tsv").exists() else []
    return sorted("/".join(line.split("\t")[:2]) for line in lines)


def read_run(folder):
    """What is worth keeping of a run: its epochs, and all that PyTorch has to know of it."""
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    result = json.loads((folder / "result.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    options = {name: value for name, value in config["options"].items() if name not in ENGINE}
    told = {name: config[name] for name in ("arch", "new_head", "classes", "steps_per_epoch", "weights_hash")}
    told |= {"options": options, "preprocess": preprocessing(folder / "best.safetensors"), "bad": bad_photos(folder)}
    names = ("train_loss", "val_loss", "val_accuracy")
    return {"epochs": [{name: e[name] for name in names} for e in log if e["event"] == "epoch"],
            "val_photos": result["val_photos"], "told": told}


def ours(options, memory, data, recipe, seed):
    folder, (name, line) = pathlib.Path(data[1]).resolve(), recipe
    key = digest([options.program_hash, str(folder), name, line, seed, options.weights, options.threads])
    if key in memory.runs:
        return memory.runs[key]
    out = options.work / "runs" / key
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    cache = options.work / "cache"
    title, environment = f"freezetune, {data[0]}, {name}, seed {seed}", dict(os.environ, XDG_CACHE_HOME=str(cache))
    command = [options.program, "train", "--data", folder, "--out", out, "--seed", seed, "--threads", options.threads,
               "--quiet", *(["--weights", options.weights] if options.weights else []), *shlex.split(line)]
    try:
        _, seconds = call(command, title, env=environment)
        run = read_run(out)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        for model in out.glob("*.safetensors"):
            model.unlink()
    about = {"program": str(options.program), "data": str(folder), "recipe": name, "line": line, "seed": seed}
    return memory.add({"key": key, **about, "threads": options.threads, "seconds": seconds, **run})


def theirs(options, memory, data, recipe, seed, told):
    folder = str(pathlib.Path(data[1]).resolve())
    told = {"data": folder, "seed": seed, "threads": options.threads, **told}
    key = digest(["PyTorch", told])
    if key in memory.runs:
        return memory.runs[key]
    file = options.work / "told.json"
    file.write_text(json.dumps(told))
    said, seconds = call([options.python, HERE / "accuracy_peer.py", file],
                         f"PyTorch, {data[0]}, {recipe[0]}, seed {seed}",
                         env=dict(os.environ, OMP_NUM_THREADS=str(options.threads)))
    about = {"program": "PyTorch", "data": folder, "recipe": recipe[0], "line": recipe[1], "seed": seed}
    return memory.add({"key": key, **about, "threads": options.threads, "seconds": seconds,
                       **json.loads(said.splitlines()[-1])})


def best(run):
    return max(epoch["val_accuracy"] for epoch in run["epochs"])


def mean_difference(some, others):
    """Of the mean best accuracies of two sides (seed -> run), over the seeds of both; None without any."""
    seeds = some.keys() & others.keys()
    return statistics.mean(best(some[s]) - best(others[s]) for s in seeds) if seeds else None


def side(runs):
    """The cells of one side: best, last, seconds."""
    if not runs:
        return ["", "", ""]
    each = [f"{100 * best(run):.2f}" for run in runs.values()]
    last = statistics.mean(run["epochs"][-1]["val_accuracy"] for run in runs.values())
    return [f"{100 * statistics.mean(best(run) for run in runs.values()):.2f} ({', '.join(each)})", f"{100 * last:.2f}",
            f"{statistics.median(run['seconds'] for run in runs.values()):.0f}"]


def row(options, memory, data, recipe, first, failures):
    """Runs what is missing and prints a row. Returns freezetune's runs by seed."""
    mine, other = {}, {}
    for seed in options.seeds:
        try:
            mine[seed] = ours(options, memory, data, recipe, seed)
            if options.pytorch:
                other[seed] = theirs(options, memory, data, recipe, seed, mine[seed]["told"])
        except Failed as failure:
            print(failure, file=sys.stderr, flush=True)
            failures.append(failure)
    photos = next((run["val_photos"] for run in mine.values()), 0)
    cells = [data[0], recipe[0], *side(mine)]
    if options.pytorch:
        gap = mean_difference(mine, other)
        cells += side(other) + (["", ""] if gap is None else [f"{100 * gap:+.2f}", f"{photos * gap:+.1f}"])
    gap = mean_difference(mine, first) if first else None
    print(f"| {' | '.join(cells)} | {'' if gap is None else f'{photos * gap:+.1f}'} |", flush=True)
    return mine


def named(text):
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=... is wanted")
    return name, value


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder of the runs and of results.jsonl")
    parser.add_argument("--data", type=named, action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--recipe", type=named, action="append", metavar="'NAME=train options'")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "freezetune")
    parser.add_argument("--weights", help="as of freezetune train; its default without")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pytorch", action="store_true", help="the same recipe in PyTorch as well")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the current run ends too
    options.program_hash = hashlib.sha256(options.program.read_bytes()).hexdigest()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.pytorch:
        options.python = subprocess.run(["sh", ROOT / "scripts/venv.sh"], check=True, stdout=subprocess.PIPE,
                                        text=True).stdout.strip()
    memory, failures = Memory(options.work / "results.jsonl"), []
    heads = ["data", "recipe", "freezetune best", "last", "seconds"]
    heads += ["PyTorch best", "last", "seconds", "points", "photos"] if options.pytorch else []
    heads.append("to first")
    print(f"seeds {', '.join(map(str, options.seeds))}, {options.threads} thread(s)\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    for data in options.data:
        first = None
        for recipe in options.recipe or [("defaults", "")]:
            runs = row(options, memory, data, recipe, first, failures)
            first = first if first is not None else runs
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
