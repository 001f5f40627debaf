"""A folder of a million photos: how long a run takes to begin, and its memory.

  python3 scripts/bench/many_files.py [--files 1000000] [--classes 100] [--val 0.1] [--folder /dev/shm] [-- OPTION...]

Makes a tree of hard links to a few hundred small photos, of the same size in bytes, so that the search for equal photos
in train and val cannot tell them by that, runs `freezetune train --dry-run` on it with the options behind --, and prints
seconds of processor (user, system), of wall time, and the peak memory. What a run does before its first step that a dry
run does not is to allocate what the dry run says; it does not depend on the number of files but for 5 bytes each.
"""
import argparse
import os
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIDE, LINKS = 24, 20000  # a file system may allow 65,000 links to a file


def photo(generator):
    """A BMP of noise: all have as many bytes."""
    row = (SIDE * 3 + 3) // 4 * 4
    pixels = generator.randbytes(row * SIDE)
    return (b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) +
            struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels)


def make_tree(folder, files, classes, val):
    generator = random.Random(0)
    for part, count in (("train", round(files * (1 - val))), ("val", round(files * val))):
        for k in range(classes):
            inside = folder / part / f"class{k:03}"
            inside.mkdir(parents=True)
            mine = count // classes + (k < count % classes)
            source = None
            for i in range(mine):
                name = f"{inside}/photo_{i:07}.bmp"
                if i % LINKS == 0:
                    source = name
                    pathlib.Path(name).write_bytes(photo(generator))
                else:
                    os.link(source, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "freezetune")
    parser.add_argument("--files", type=int, default=1000000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--val", type=float, default=0.1)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the tree is made, and removed again")
    parser.add_argument("options", nargs="*", help="of train; --weights random without any")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        make_tree(pathlib.Path(name), options.files, options.classes, options.val)
        command = [str(options.program), "train", "--data", name, "--dry-run", *(options.options or ["--weights", "random"])]
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{options.files:,} files: {used.ru_utime:.1f} s user, {used.ru_stime:.1f} s system, {wall:.1f} s by the clock, "
          f"{used.ru_maxrss * 1024 / 1e6:.0f} MB")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
