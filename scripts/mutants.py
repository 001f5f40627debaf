"""Changes the code on purpose and looks whether a test turns red: make mutants, before a release.

  python3 scripts/mutants.py [--list FILE] [--only TEXT] [--from N] [--jobs N] [--grace SECONDS]
                             [--results FILE] [--check]

The list (docs/mutants.tsv) has a change a line, in columns parted by tabs: the file; the text in it that is replaced, which
must occur there exactly once; what replaces it; the tests that cover it, parted by "; " and the cheapest first; and for a
change that no test can see, the reason. In texts \\n stands for the end of a line, \\t for a tab and
\\\\ for a backslash. A test is a program of
tests/unit (test_frozen) or a file of tests/cli (train.bats), where "train.bats: frozen children" runs the tests whose names
match.

For each change, in a copy of the tree below $TMPDIR: build what a test needs, run the test, go on to the next test while they
pass. The change is killed when a test fails, hangs or cannot be linked; it has survived when all pass; and one that the
compiler refuses says nothing and is counted apart. First all tests of the list run without any change and must pass.

--check only looks whether the list fits the code. --only runs the changes whose line holds a text, --from those from a line
on. --results writes a table of all changes. --grace: a test hangs when it takes so many seconds more than five times as long
as without a change. Exit code 1 when a change without a reason survived or one with a reason was
killed, 64 for a wrong option, 65 when the list does not fit the code or a test fails without a change.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = "build/mutants"
LONGEST_BUILD = 600
CODE_SUFFIXES = {".c", ".h"}


class ListError(Exception):
    """The list does not fit the code."""


class Mutant:
    """A line of the list."""

    def __init__(self, number, cells):
        self.number = number
        self.file, self.old, self.new = cells[0], unescape(cells[1]), unescape(cells[2])
        self.tests = [test.strip() for test in cells[3].split(";")]
        self.reason = cells[4].strip() if len(cells) > 4 else ""
        self.shown = f"{cells[1]} -> {cells[2] or '(nothing)'}"

    def line(self, text):
        return text[: text.index(self.old)].count("\n") + 1


def unescape(text):
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text)


def read_list(path):
    mutants = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) not in (4, 5) or not all(cells[i] for i in (0, 1, 3)):
            raise ListError(f"{path}:{number}: expected four or five columns parted by tabs, found {len(cells)}")
        mutants.append(Mutant(number, cells))
    if not mutants:
        raise ListError(f"{path}: holds no change")
    return mutants


def test_parts(test):
    """The file of a test and the pattern of its names."""
    name, _, names = test.partition(":")
    return name.strip(), names.strip()


def check_list(mutants, path):
    """Every text occurs once, every test is there, no line is listed twice."""
    wrong, seen = [], {}
    for mutant in mutants:
        where = f"{path}:{mutant.number}"
        source = ROOT / mutant.file
        if not source.is_file():
            wrong.append(f"{where}: {mutant.file} is not there")
            continue
        count = source.read_text(encoding="utf-8").count(mutant.old)
        if count != 1:
            wrong.append(f"{where}: occurs {count} times in {mutant.file}, expected once: {mutant.old!r}")
        if mutant.old == mutant.new:
            wrong.append(f"{where}: changes nothing")
        key = (mutant.file, mutant.old, mutant.new)
        if key in seen:
            wrong.append(f"{where}: is the change of line {seen[key]} again")
        seen[key] = mutant.number
        for test in mutant.tests:
            name, names = test_parts(test)
            there = test_source(ROOT, name)
            if there is None:
                wrong.append(f"{where}: {name if name.endswith('.bats') else name + '.c'} is not there")
            elif names and not any(re.search(names, title) for title in titles(there)):
                wrong.append(f"{where}: no test of {name} matches '{names}'")
    if wrong:
        raise ListError("\n".join(wrong))


def test_source(tree, name):
    """The file of a test, or None."""
    found = [tree / "tests/cli" / name] if name.endswith(".bats") else list(tree.glob(f"tests/unit/*/{name}.c"))
    return found[0] if found and found[0].is_file() else None


def titles(bats):
    return re.findall(r'^@test "(.*)" \{$', bats.read_text(encoding="utf-8"), re.MULTILINE)


# ---- the copy --------------------------------------------------------------------------------------------------------


def copy_tree(target):
    """What git knows or would add, as it is in the tree now."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, check=False)
    if listed.returncode != 0:
        raise ListError("this needs a git checkout of freezetune")
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def run(command, cwd, limit, environment):
    """The exit code and all output; None for a command that had to be killed, with all that it had started."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   env=environment, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try: # also what a test left behind
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        output.seek(0)
        return code, output.read().decode(errors="replace")


class Bench:
    """The copy, how it is built, and how its tests are run."""

    def __init__(self, tree, jobs, grace):
        self.tree, self.jobs, self.grace = tree, jobs, grace
        self.limits = {}  # seconds that a test may take
        self.environment = dict(os.environ, VARIANT="mutants", BUILD=str(tree / BUILD), LC_ALL="C",
                                FREEZETUNE=str(tree / BUILD / "freezetune"), CMOCKA_MESSAGE_OUTPUT="TAP",
                                CCACHE_BASEDIR=str(tree), CCACHE_NOHASHDIR="1")
        for name in ("CI", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "FREEZETUNE_SHARED"):
            self.environment.pop(name, None)

    def make(self, targets):
        return run(["make", f"-j{self.jobs}", *targets], self.tree, LONGEST_BUILD, self.environment)

    def targets(self, test):
        """What has to be built again for a test. The tools that tests/cli calls stay as they are without a change: what
        they look at is looked at by the good code."""
        name, _ = test_parts(test)
        if not name.endswith(".bats"):
            return [f"{BUILD}/{self.program(name)}"]
        narrow = "\nnarrow\n" in (self.tree / "tests/cli" / name).read_text(encoding="utf-8")
        return [f"{BUILD}/freezetune"] + ([f"{BUILD}/tests/narrow/freezetune"] if narrow else [])

    def program(self, name):
        return test_source(self.tree, name).relative_to(self.tree).with_suffix("")

    def tool_targets(self):
        return [f"{BUILD}/tests/tools/{tool.stem}" for tool in (self.tree / "tests/tools").glob("*.c")]

    def test(self, test):
        name, names = test_parts(test)
        command = ["sh", "tests/support/run_test.sh"]
        if name.endswith(".bats"):
            command += [f"tests/cli/{name}"] + (["-f", names] if names else [])
        else:
            command += [f"{BUILD}/{self.program(name)}"]
        return run(command, self.tree, self.limits.get(test, LONGEST_BUILD), self.environment)

    def prepare(self, tests):
        """Builds everything and runs every test once, which says how long each takes."""
        targets = sorted({target for test in tests for target in self.targets(test)})
        code, output = self.make(targets + (self.tool_targets() if f"{BUILD}/freezetune" in targets else []))
        if code != 0:
            raise ListError(f"the build without a change fails:\n{output[-3000:]}")
        for i, test in enumerate(tests, 1):
            print(f"without a change, test {i} of {len(tests)}: {test}", flush=True)
            begin = time.monotonic()
            code, output = self.test(test)
            if code != 0:
                raise ListError(f"{test} fails without a change:\n{output[-3000:]}")
            if "# SKIP" in output or "# skip" in output:
                print(f"{test}: a part of it is skipped here", flush=True)
            self.limits[test] = self.grace + 5 * (time.monotonic() - begin)


# ---- the changes -----------------------------------------------------------------------------------------------------


def compiles(output):
    """Was it the linker that make ended with? Then all files were compiled."""
    return re.search(r"error: ld returned|undefined reference", output) is not None


def judge(bench, mutant):
    """("killed", by which test), ("survived", "") or ("not compiled", "")."""
    for test in mutant.tests:
        code, output = bench.make(bench.targets(test))
        if code != 0:
            return ("killed", "the linker") if compiles(output) else ("not compiled", "")
        code, _ = bench.test(test)
        if code is None:
            return "killed", f"{test} (hangs)"
        if code != 0:
            return "killed", test
    return "survived", ""


def write_source(path, text, newest):
    """With a time of change that differs from the last one, so that make sees it."""
    path.write_text(text, encoding="utf-8")
    now = max(time.time(), newest + 0.01)
    os.utime(path, (now, now))
    return now


def apply_all(bench, mutants):
    """Yields each change with its line, what became of it, by which test and after how many seconds."""
    dirty, newest = None, 0.0
    good = {mutant.file: (bench.tree / mutant.file).read_text(encoding="utf-8") for mutant in mutants}
    for mutant in mutants:
        begin = time.monotonic()
        if dirty and dirty != mutant.file:  # its change stays until another file is changed: one build less
            newest = write_source(bench.tree / dirty, good[dirty], newest)
        text = good[mutant.file]
        newest = write_source(bench.tree / mutant.file, text.replace(mutant.old, mutant.new), newest)
        dirty = mutant.file
        end, test = judge(bench, mutant)
        yield mutant, mutant.line(text), end, test, time.monotonic() - begin


def report(rows, seconds):
    counts = {end: sum(row[2] == end for row in rows) for end in ("killed", "survived", "not compiled")}
    print(f"{len(rows)} changes in {seconds / 60:.0f} minutes: {counts['killed']} killed, {counts['survived']} survived, "
          f"{counts['not compiled']} not compiled")
    good = True
    for mutant, line, end, test, _ in rows:
        place = f"{mutant.file}:{line}: {mutant.shown}"
        if end == "survived" and mutant.reason:
            print(f"survived as expected: {place}: {mutant.reason}")
        elif end == "survived":
            print(f"SURVIVED: {place}")
            good = False
        elif end == "killed" and mutant.reason:
            print(f"KILLED by {test}, but the list gives a reason why no test sees it: {place}")
            good = False
        elif end == "not compiled":
            print(f"not compiled: {place}")
    return good


def write_results(path, rows):
    with open(path, "w", encoding="utf-8") as out:
        out.write("file\tline\tchange\tend\ttest\tseconds\n")
        for mutant, line, end, test, seconds in rows:
            out.write(f"{mutant.file}\t{line}\t{mutant.shown}\t{end}\t{test}\t{seconds:.1f}\n")


def options():
    parser = argparse.ArgumentParser(description="change the code on purpose and look whether a test turns red")
    parser.add_argument("--list", type=pathlib.Path, default=ROOT / "docs/mutants.tsv", help="read the changes from FILE")
    parser.add_argument("--only", default="", help="run the changes whose line holds TEXT", metavar="TEXT")
    parser.add_argument("--from", type=int, default=0, dest="first", help="run the changes from line N on", metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="build with N processes", metavar="N")
    parser.add_argument("--grace", type=float, default=20, metavar="SECONDS",
                        help="end a test that takes SECONDS more than five times as long as without a change")
    parser.add_argument("--results", help="write a table of all changes to FILE", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="only look whether the list fits the code")
    parser.error = lambda message: (print(f"mutants.py: {message}", file=sys.stderr), sys.exit(64))
    return parser.parse_args()


def chosen(mutants, args):
    wanted = [m for m in mutants if m.number >= args.first and any(args.only in text for text in (m.file, m.old, m.new))]
    if not wanted:
        raise ListError(f"no change of the list holds '{args.only}' from line {args.first} on")
    return wanted


def main():
    args = options()
    mutants = read_list(args.list)
    check_list(mutants, args.list)
    if args.check:
        print(f"{len(mutants)} changes in {len({m.file for m in mutants})} files")
        return 0
    mutants = chosen(mutants, args)
    begin, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="freezetune-mutants-") as folder:
        tree = pathlib.Path(folder) / "tree"
        copy_tree(tree)
        bench = Bench(tree, args.jobs, args.grace)
        bench.prepare(sorted({test for mutant in mutants for test in mutant.tests}))
        print(f"all tests pass without a change, after {time.monotonic() - begin:.0f} s", flush=True)
        for row in apply_all(bench, mutants):
            rows.append(row)
            mutant, line, end, test, seconds = row
            print(f"{len(rows)} of {len(mutants)}: {end:12} {seconds:5.1f} s  {mutant.file}:{line}  {test}", flush=True)
            if args.results:
                write_results(args.results, rows)
    return 0 if report(rows, time.monotonic() - begin) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except ListError as error:
        print(f"mutants.py: {error}", file=sys.stderr)
        sys.exit(65)
    except KeyboardInterrupt:
        sys.exit(130)
