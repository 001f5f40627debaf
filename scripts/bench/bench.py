"""freezetune beside its peers, interleaved: every round runs each of them once, in a process of its own, so that a machine
that slows down slows all. Prints a table for each precision: medians, and the medians of each round's ratio.

  make bench                                  # all of it
  $(sh scripts/venv.sh --bench) scripts/bench/bench.py --rounds 5 --threads 1 2 --freeze 6 9 --peers torch onnxruntime
  python3 scripts/bench/bench.py --peers      # freezetune alone; needs nothing but Python

Forward: batch 16 of 224 pixels, inference. Step at freeze N: forward, loss, backward, SGD with momentum, nothing cached.
Precisions: f32, and bf16 (freezetune --precision bf16, PyTorch's autocast, OpenVINO's hint); a ratio is the time of
freezetune in the same precision over the program's. Where the build does not know --precision, its rows are left out,
and those of the peers in bf16 are beside freezetune in f32. --conv im2col is the textbook's loop over OpenBLAS.

darknet, the other program in C, is asked where it is installed (Debian: apt-get install darknet); it computes one photo
at a time, by one thread.

--results FILE appends a line for each row to a CSV file; make bench names docs/benchmarks/results.csv
(docs/benchmarks/README.md has its columns). A run that is stopped has written the rows of the passes that were over.

Every program sees the environment of this one. As on a machine with AVX2 and no AVX-512: --avx2, which sets
FREEZETUNE_CPU=avx2 OPENBLAS_CORETYPE=Haswell for freezetune, ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 for PyTorch
and leaves out those that cannot be told, and bf16.
"""
import argparse
import csv
import datetime
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from json import loads

import measure
from measure import ROOT, Failed

HERE = pathlib.Path(__file__).resolve().parent
AVX2 = {"FREEZETUNE_CPU": "avx2", "OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
PEERS = {"torch": "PyTorch", "torch-nchw": "PyTorch nchw", "torch-compile": "PyTorch compile",
         "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "darknet": "darknet"}
FORWARD_ONLY = ("onnxruntime", "openvino", "darknet")
IN_BF16 = ("torch", "torch-compile", "openvino")  # at their best: NCHW is slower; ONNX Runtime has no bf16 on a CPU
COLUMNS = ("commit", "date", "machine", "what", "batch", "pixels", "threads", "program", "precision", "ms", "peak_mb",
           "ratio", "rounds")


class Ours:
    """freezetune with one of its engines, in one precision."""

    def __init__(self, options, precision, engine="fast"):
        self.options, self.precision, self.engine = options, precision, engine

    def run(self, what, freeze, threads, _):
        o = self.options
        return measure.freezetune(o.program, what, freeze, threads, self.precision, self.engine, batch_size=o.batch_size,
                                  image_size=o.image_size, repeat=o.repeat)

    def can(self, what, threads):
        return True

    def __str__(self):
        return "freezetune" + ("" if self.engine == "fast" else f" --conv {self.engine}")


class Peer:
    """Another program, in one precision; peer.py runs it."""

    def __init__(self, options, precision, name):
        self.options, self.precision, self.name = options, precision, name

    def run(self, what, freeze, threads, onnx):
        o = self.options
        command = [sys.executable, HERE / "peer.py", self.name, what, "--precision", self.precision, "--threads", threads,
                   "--batch-size", o.batch_size, "--image-size", o.image_size, "--freeze-until", freeze, "--repeat",
                   o.repeat, *(["--onnx", onnx] if onnx else [])]
        try:
            said = measure.call(command, env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
            return loads(said.splitlines()[-1])
        except (Failed, ValueError, IndexError) as error:  # it may be the peer that breaks, with code that it made itself
            print(f"{self}, {self.precision}, {what}, {threads} thread(s): {error}", file=sys.stderr)
            return None

    def can(self, what, threads):
        return (what == "forward" or self.name not in FORWARD_ONLY) and (self.name != "darknet" or threads == 1)

    def __str__(self):
        return PEERS[self.name]


def contenders(options):
    """Everybody that is to be measured, ours first in each precision; says on stderr who is left out, and why."""
    abilities, out = measure.Abilities(options.program), []

    def left_out(text):
        print(f"bench.py: left out: {text}", file=sys.stderr)

    for precision in options.precisions:
        if options.avx2 and precision == "bf16":
            left_out("bf16: there is none without AVX-512")
            continue
        if abilities.precision(precision):
            out.append(Ours(options, precision))
        else:
            left_out(f"freezetune in {precision}: this build does not know --precision; ratios are to its f32")
        if precision == "f32" and options.im2col:
            if abilities.engine("im2col"):
                out.append(Ours(options, precision, "im2col"))
            else:
                left_out("freezetune --conv im2col: this build does not know it")
        for name in options.peers:
            if name == "darknet" and not shutil.which("darknet"):
                if precision == "f32":
                    left_out("darknet: not installed (Debian: apt-get install darknet)")
            elif (precision == "f32" or name in IN_BF16) and (not options.avx2 or name.startswith("torch")):
                out.append(Peer(options, precision, name))
    return out


def yardstick(everybody, one):
    """Ours that `one` is measured against: in its precision, else in f32."""
    fast = [c for c in everybody if isinstance(c, Ours) and c.engine == "fast"]
    return next((c for c in fast if c.precision == one.precision), next((c for c in fast if c.precision == "f32"), None))


def figures(one, ours, rounds):
    """What a row says of one contender; None where it failed in some round. `like`: its ratio is to the same precision."""
    found = [r[one] for r in rounds]
    if not all(found):
        return None
    row = {"program": found[0]["version"], "ms": statistics.median(f["ms"] for f in found),
           "peak_mb": statistics.median(f["rss_mb"] for f in found), "ratio": None,
           "like": ours is not None and ours.precision == one.precision}
    if one is not ours and ours:
        row["ratio"] = statistics.median(r[ours]["ms"] / r[one]["ms"] for r in rounds)
    return row


def append(path, rows):
    """Adds rows to the CSV file; a new one gets its heading."""
    new = not path.exists() or path.stat().st_size == 0
    if not new:
        with path.open(newline="") as file:
            if next(csv.reader(file), None) != list(COLUMNS):
                raise Failed(f"{path}: its columns are not those of this script; move it away")
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def make_onnx(options, folder):
    """A ResNet-50 with random weights as ONNX, BatchNorm folded, by freezetune's own convert; None where nobody reads it."""
    if not {"onnxruntime", "openvino"} & set(options.peers) or options.avx2:
        return None
    import torch
    import torchvision

    torch.save(torchvision.models.resnet50().state_dict(), folder / "random.pth")
    subprocess.run([options.program, "convert", "--fold-bn", "--crop", str(options.image_size), folder / "random.pth",
                    folder / "random.onnx"], check=True, stdout=subprocess.DEVNULL)
    return folder / "random.onnx"


def measure_pass(options, everybody, what, freeze, threads, onnx):
    """The rounds of one pass: [{contender: figures or None}]."""
    taking_part = [c for c in everybody if c.can(what, threads)]
    rounds = []
    for _ in range(options.rounds):
        rounds.append({one: one.run(what, freeze, threads, onnx) for one in taking_part})
    return rounds


def print_tables(options, everybody, done):
    """`done`: [(title, threads, {contender: figures or None})]"""
    for precision in options.precisions:
        mine = [c for c in everybody if c.precision == precision]
        if not mine:
            continue
        print(f"\n## {precision}\n\n| pass | threads | program | ms a photo | peak MB | ratio |\n|---|---|---|---|---|---|")
        for title, threads, rows in done:
            for one in (c for c in mine if c in rows):
                f = rows[one]
                if not f:
                    print(f"| {title} | {threads} | {one} | failed | | |")
                    continue
                ratio = f"{f['ratio']:.2f}" if f["ratio"] else ""
                print(f"| {title} | {threads} | {f['program']} | {f['ms']:.1f} | {f['peak_mb']:.0f} | {ratio} |")
    sys.stdout.flush()


def result_rows(options, common, what, threads, rows):
    for one, f in rows.items():
        if f:
            yield common | {"what": what, "batch": options.batch_size, "pixels": options.image_size, "threads": threads,
                            "program": f["program"], "precision": one.precision, "ms": f"{f['ms']:.2f}",
                            "peak_mb": f"{f['peak_mb']:.0f}", "ratio": f"{f['ratio']:.3f}" if f["ratio"] and f["like"] else "",
                            "rounds": options.rounds}


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="a build of freezetune; that of this tree without")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--repeat", type=positive, default=5, help="passes in a round")
    parser.add_argument("--threads", type=positive, nargs="+", default=sorted({1, len(os.sched_getaffinity(0))}))
    parser.add_argument("--freeze", type=int, nargs="*", default=[6, 0, 9])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--precisions", nargs="+", choices=["f32", "bf16"], default=["f32", "bf16"])
    parser.add_argument("--no-im2col", dest="im2col", action="store_false", help="leave freezetune --conv im2col out")
    parser.add_argument("--avx2", action="store_true", help="freezetune and PyTorch without AVX-512")
    parser.add_argument("--batch-size", type=positive, default=16)
    parser.add_argument("--image-size", type=positive, default=224)
    parser.add_argument("--results", help="append the rows to this CSV file; not with --program, whose commit nobody knows")
    options = parser.parse_args()
    if options.results and options.program:
        print("bench.py: --results cannot be combined with --program: the commit of that build is not known", file=sys.stderr)
        sys.exit(measure.USAGE)
    options.program = options.program or str(ROOT / "freezetune")
    return options


def run(options):
    if options.avx2:
        os.environ.update(AVX2)
    everybody = contenders(options)
    machine = measure.processor(options.avx2)
    if options.results:
        results = pathlib.Path(options.results)
        common = {"commit": measure.commit_of(options.program),
                  "date": datetime.date.today().isoformat(), "machine": machine}
        append(results, [])
    print(f"{machine}, batch {options.batch_size}, {options.image_size} px, {options.rounds} rounds of {options.repeat} "
          "passes; ratio: freezetune's time over the program's, median of the rounds", flush=True)
    done = []
    with tempfile.TemporaryDirectory() as name:
        onnx = make_onnx(options, pathlib.Path(name))
        for what, freeze, title in measure.passes(options.freeze):
            for threads in options.threads:
                print(f"{title}, {threads} thread(s) ...", file=sys.stderr, flush=True)
                rounds = measure_pass(options, everybody, what, freeze, threads, onnx)
                rows = {one: figures(one, yardstick(everybody, one), rounds) for one in rounds[0]}
                done.append((title, threads, rows))
                if options.results:  # now: a run that is stopped keeps what it has
                    append(results, result_rows(options, common, title, threads, rows))
    print_tables(options, everybody, done)


def main():
    try:
        run(parse())
    except Failed as error:
        print(f"bench.py: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
