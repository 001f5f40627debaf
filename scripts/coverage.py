"""Prints which share of the code the tests have run, a row for each folder: make coverage.

  python3 scripts/coverage.py BUILD [--functions PERCENT]

BUILD is the folder of a build with gcc's --coverage whose programs have run. gcov, which comes with gcc, is asked for each
object; lines and branches that are compiled several times are counted once. Code of tests/ and scripts/ is left out, and
so is what was compiled without counters. --functions names the functions that never ran in each folder where fewer than
PERCENT of the lines did.

Exit codes: 0 done, 64 usage, 66 nothing in BUILD was compiled with --coverage, 71 gcov failed.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

ROOMS = ("cli/", "core/", "models/", "weights/")
AT_ONCE = 50  # objects for one gcov


class GcovError(Exception):
    """gcov ended with an error; what it said."""


class Folder:
    """The counts of one folder: how often each line, branch and function of its files ran."""

    def __init__(self):
        self.files = set()
        self.lines = collections.Counter()
        self.branches = collections.Counter()
        self.functions = collections.Counter()

    def add(self, file):
        name = file["file"]
        self.files.add(name)
        for line in file["lines"]:
            self.lines[name, line["line_number"]] += line["count"]
            for i, branch in enumerate(line["branches"]):
                self.branches[name, line["line_number"], i] += branch["count"]
        for function in file["functions"]:
            self.functions[name, function["start_line"], function["name"]] += function["execution_count"]


def gcov(objects):
    """What gcov says of each object: a list of files with their lines."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *objects],
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise GcovError(done.stderr.decode(errors="replace").strip())
    return [file for line in done.stdout.splitlines() if line for file in json.loads(line)["files"]]


def read(build):
    folders = collections.defaultdict(Folder)
    objects = sorted(str(path) for path in build.rglob("*.gcno"))
    for i in range(0, len(objects), AT_ONCE):
        for file in gcov(objects[i:i + AT_ONCE]):
            if file["file"].startswith(ROOMS):
                folders[str(pathlib.PurePath(file["file"]).parent)].add(file)
    return folders


def row(name, files, lines, branches):
    """A row of the table; lines and branches are the number there is and the number that ran."""
    cells = [name, files]
    for there, ran in (lines, branches):
        cells += [there, ran, f"{100 * ran / max(1, there):.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def counted(counts):
    return len(counts), sum(count > 0 for count in counts.values())


def table(folders):
    print("| folder | files | lines | run | % | branches | taken | % |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    total_files, total_lines, total_branches = 0, [0, 0], [0, 0]
    for name, folder in sorted(folders.items()):
        lines, branches = counted(folder.lines), counted(folder.branches)
        print(row(name, len(folder.files), lines, branches))
        total_files += len(folder.files)
        total_lines = [a + b for a, b in zip(total_lines, lines)]
        total_branches = [a + b for a, b in zip(total_branches, branches)]
    print(row("all", total_files, total_lines, total_branches))


def never_ran(folders, percent):
    for name, folder in sorted(folders.items()):
        there, ran = counted(folder.lines)
        if 100 * ran >= percent * there:
            continue
        print(f"\n{name}: functions that never ran")
        for (file, line, function), count in sorted(folder.functions.items()):
            if count == 0:
                print(f"  {file}:{line}: {function}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--functions", type=float, metavar="PERCENT")
    try:
        args = parser.parse_args()
    except SystemExit as end:
        return 64 if end.code else 0
    try:
        folders = read(args.build)
    except GcovError as error:
        print(f"coverage.py: gcov failed: {error}", file=sys.stderr)
        return 71
    if not folders:
        print(f"coverage.py: {args.build}: nothing here was compiled with --coverage; run make coverage", file=sys.stderr)
        return 66
    table(folders)
    if args.functions:
        never_ran(folders, args.functions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
