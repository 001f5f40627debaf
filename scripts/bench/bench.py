"""freezetune beside its peers, interleaved: every round runs each of them once, in a process of its own, so that a machine
that slows down slows all. Prints a table of medians and of the medians of each round's ratio to freezetune.

  make bench                                  # all of it
  $(sh scripts/venv.sh --bench) scripts/bench/bench.py --rounds 5 --threads 1 2 --freeze 6 9 --peers torch onnxruntime

Forward: batch 16 of 224 pixels, inference. Step at freeze N: forward, loss, backward, SGD with momentum. darknet, the other
program in C, is asked where it is installed (Debian: apt-get install darknet); it computes one photo at a time, by one thread.

Every program sees the environment of this one. As on a machine with AVX2 and no AVX-512: --avx2, which sets
FREEZETUNE_CPU=avx2 OPENBLAS_CORETYPE=Haswell for freezetune, ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 for PyTorch
and leaves out those that cannot be told.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FORWARD_ONLY = ("onnxruntime", "openvino", "darknet")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def ours(options, what, threads, freeze):
    command = [options.program, "bench", "--threads", threads, "--batch-size", options.batch_size, "--image-size",
               options.image_size, "--freeze-until", freeze, "--repeat", options.repeat, "--format", "json"]
    command += ["--forward"] if what == "forward" else []
    found = json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout)
    return {"ms": found["forward_ms" if what == "forward" else "step_ms"], "rss_mb": found["peak_rss_mb"],
            "version": "freezetune"}


AVX2 = {"FREEZETUNE_CPU": "avx2", "OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def can_run(options, peer, what, threads):
    if peer == "darknet" and (threads > 1 or not shutil.which("darknet")):
        return False
    if options.avx2 and not peer.startswith("torch"):
        return False
    return what == "forward" or peer not in FORWARD_ONLY


def theirs(options, peer, what, threads, freeze, onnx):
    command = [sys.executable, HERE / "peer.py", peer, what, "--threads", threads, "--batch-size", options.batch_size,
               "--image-size", options.image_size, "--freeze-until", freeze, "--repeat", options.repeat, "--onnx", onnx]
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:  # it may be the peer that breaks, with code that it made itself
        print(f"{peer}, {what}, {threads} thread(s): ended with {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def row(title, threads, peer, rounds):
    """One line of the table; `peer` "" is freezetune. A peer that failed in some round has no figures."""
    if not all(r[peer] for r in rounds):
        return f"| {title} | {threads} | {peer} | failed | | |"
    ms = statistics.median(r[peer]["ms"] for r in rounds)
    rss = statistics.median(r[peer]["rss_mb"] for r in rounds)
    ratio = f"{statistics.median(r['']['ms'] / r[peer]['ms'] for r in rounds):.2f}" if peer else ""
    label = rounds[0][peer]["version"] + (peer[5:].replace("-", " ") if peer.startswith("torch") else "")
    return f"| {title} | {threads} | {label} | {ms:.1f} | {rss:.0f} | {ratio} |"


def make_onnx(options, folder):
    """A ResNet-50 with random weights as ONNX, BatchNorm folded, by freezetune's own convert."""
    import torch
    import torchvision

    torch.save(torchvision.models.resnet50().state_dict(), folder / "random.pth")
    subprocess.run([options.program, "convert", "--fold-bn", "--crop", str(options.image_size), folder / "random.pth",
                    folder / "random.onnx"], check=True)
    return folder / "random.onnx"


def main():
    root = HERE.parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=root / "freezetune")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5, help="passes in a round")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, len(os.sched_getaffinity(0))}))
    parser.add_argument("--freeze", type=int, nargs="*", default=[0, 6, 8, 9])
    parser.add_argument("--peers", nargs="+",
                        default=["torch", "torch-nchw", "torch-compile", "onnxruntime", "openvino", "darknet"])
    parser.add_argument("--avx2", action="store_true", help="freezetune and PyTorch without AVX-512")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    options = parser.parse_args()
    if options.avx2:
        os.environ.update(AVX2)
    if "darknet" in options.peers and not shutil.which("darknet"):
        print("darknet is not installed and is left out (Debian: apt-get install darknet)", file=sys.stderr)
    print(f"{processor()}{', AVX2 alone' if options.avx2 else ''}, batch {options.batch_size}, {options.image_size} px, {options.rounds} rounds of "
          f"{options.repeat} passes; ratio: freezetune's time over the peer's, median of the rounds\n")
    print("| pass | threads | program | ms a photo | peak MB | ratio |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        onnx = make_onnx(options, pathlib.Path(name))
        for what, freeze in [("forward", 0)] + [("step", n) for n in options.freeze]:
            for threads in options.threads:
                peers = [p for p in options.peers if can_run(options, p, what, threads)]
                rounds = []
                for _ in range(options.rounds):
                    rounds.append({"": ours(options, what, threads, freeze)})
                    for peer in peers:
                        rounds[-1][peer] = theirs(options, peer, what, threads, freeze, onnx)
                title = what if what == "forward" else f"step, freeze {freeze}"
                for peer in [""] + peers:
                    print(row(title, threads, peer, rounds), flush=True)


if __name__ == "__main__":
    main()
