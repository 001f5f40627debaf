"""What a photo costs as the batch and the image grow: time and memory stay in proportion to the pixels.

  python3 scripts/bench/cost.py [--freeze 6] [--threads 1] [--repeat 5] [--batches 1 2 ...] [--sizes 64 96 ...]

For each batch size at 224 pixels, then for each image size at batch 16: the forward pass and the training step in
milliseconds a photo, nanoseconds a pixel, the peak memory of `freezetune bench` in MB, what `freezetune inspect` says
before it (the plan, the weights, the optimizer, the program), and the part of it that grows with the batch, in bytes a
pixel. Needs nothing but Python.
"""
import argparse
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def ask(options, *words):
    command = [str(word) for word in (options.program, *words)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def row(options, batch, size):
    what = ("--freeze-until", options.freeze, "--batch-size", batch, "--image-size", size, "--threads", options.threads)
    found = ask(options, "bench", *what, "--repeat", options.repeat, "--format", "json")
    said = ask(options, "inspect", "--arch", "resnet50", *what, "--json")["memory_bytes"]
    pixels = size * size
    fixed = (said["weights"] + said["optimizer"] + said["program"]) / 1e6
    print(f"| {batch} | {size} | {found['forward_ms']:.1f} | {found['forward_ms'] * 1e6 / pixels:.0f} | "
          f"{found['step_ms']:.1f} | {found['step_ms'] * 1e6 / pixels:.0f} | {found['peak_rss_mb']:.0f} | "
          f"{said['total'] / 1e6:.0f} | {(found['peak_rss_mb'] - fixed) * 1e6 / batch / pixels:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "freezetune")
    parser.add_argument("--freeze", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--sizes", type=int, nargs="*", default=[64, 96, 128, 160, 192, 224, 288, 352, 448])
    options = parser.parse_args()
    print(f"freeze {options.freeze}, {options.threads} thread(s), median of {options.repeat}\n")
    print("| batch | pixels | forward, ms a photo | ns a pixel | step, ms a photo | ns a pixel | peak MB | said MB | "
          "bytes a pixel |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    for batch in options.batches:
        row(options, batch, 224)
    for size in options.sizes:
        row(options, 16, size)


if __name__ == "__main__":
    main()
