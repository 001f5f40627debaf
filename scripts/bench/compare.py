"""This tree's build beside that of another commit, interleaved: what a change does to the time of a pass.

  make bench-compare REV=HEAD~3                                   # a branch, a tag, a hash; HEAD: what is not committed yet
  make bench-compare REV=v0.1 COMPARE='--rounds 15 --freeze 6 --threads 1 2 --precision bf16'
  python3 scripts/bench/compare.py REV [options]                  # needs nothing but Python, git and what make needs

Checks the commit out into a worktree in a temporary folder (--folder, else $TMPDIR or /tmp), builds it there with the
variables that make was given (CC=clang ...), and removes both again, also when it is interrupted. Every round runs both
programs once, in processes of their own, and the other one first in every second round. Prints for each pass the median of
both and of this/other, with quartiles: a change whose quartiles lie on both sides of 1 has not been seen. A precision that
one of the two does not know is left out, said on stderr.

Exit codes: 0 done, 1 the build or a run failed, 64 usage, 66 no such commit; 128 and the signal's number when interrupted.
"""
import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import measure
from measure import ROOT, Failed

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(number, _):
    """The first signal ends the run by way of every `finally`; what cleans up there is not to be interrupted."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def make_variables():
    """The variables on the command line of the make that runs this, NAME=VALUE."""
    _, _, behind = (" " + os.environ.get("MAKEFLAGS", "")).partition(" -- ")
    given = [word for word in shlex.split(behind) if "=" in word]
    return [word for word in given if word.partition("=")[0] not in ("REV", "COMPARE")]


def run_group(command, log, environment):
    """A command with all that it starts in a group of its own, which does not outlive this function."""
    child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    try:
        return child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def build(tree, jobs):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    command = [environment.get("MAKE", "make"), "-C", str(tree), f"-j{jobs}", *make_variables(), "freezetune"]
    with (tree.parent / "build.log").open("w+") as log:
        code = run_group(command, log, environment)
        log.seek(0)
        said = log.read().strip().splitlines()
    if code != 0:
        raise Failed("\n".join([*said[-5:], f"compare.py: {shlex.join(command)}: exit code {code}"]))
    return tree / "freezetune"


def add_worktree(tree, commit):
    """All of it or nothing: git keeps a worktree that was interrupted half-way locked for ever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        measure.git("worktree", "add", "--detach", "--quiet", tree, commit, start_new_session=True)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextlib.contextmanager
def other_build(commit, folder, jobs):
    """The program of another commit; nothing is left of it behind the `with`."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="freezetune-compare-", dir=folder))
    tree = place / "tree"
    try:
        print(f"building {commit} ...", file=sys.stderr, flush=True)
        add_worktree(tree, commit)
        yield build(tree, jobs)
    finally:
        with contextlib.suppress(Failed):
            measure.git("worktree", "remove", "--force", tree)
        shutil.rmtree(place, ignore_errors=True)


def precisions(options, programs):
    """Those that were asked for and that both builds know."""
    out = []
    for name in options.precision:
        lacking = [title for title, program in programs.items() if not measure.Abilities(program).precision(name)]
        if lacking:
            print(f"compare.py: left out: {name}: {' and '.join(lacking)} cannot", file=sys.stderr)
        else:
            out.append(name)
    return out


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def compare(options, programs, what, freeze, threads, precision):
    """[(ms of this, ms of the other)], a pair for each round."""
    pairs = []
    for number in range(options.rounds):
        order = list(programs.items())
        if number % 2:
            order.reverse()
        ms = {title: measure.freezetune(program, what, freeze, threads, precision, options.conv, batch_size=options.batch_size,
                                        image_size=options.image_size, repeat=options.repeat)["ms"]
              for title, program in order}
        pairs.append(tuple(ms[title] for title in programs))
    return pairs


def row(title, threads, precision, pairs):
    this, other = (statistics.median(side) for side in zip(*pairs))
    ratios = [a / b for a, b in pairs]
    low, high = quartiles(ratios)
    return f"| {title} | {threads} | {precision} | {this:.1f} | {other:.1f} | {statistics.median(ratios):.3f} | {low:.3f} to {high:.3f} |"


def parse():
    def positive(text):
        if int(text) < 1:
            raise ValueError
        return int(text)

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rev", nargs="?", default="", help="the commit to compare with")
    parser.add_argument("--program", default=ROOT / "freezetune", help="the other side: a build of this tree")
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--repeat", type=positive, default=3, help="passes in a round")
    parser.add_argument("--threads", type=positive, nargs="+", default=[1])
    parser.add_argument("--freeze", type=int, nargs="*", default=[6, 0, 9])
    parser.add_argument("--precision", nargs="+", choices=["f32", "bf16"], default=["f32", "bf16"])
    parser.add_argument("--conv", choices=["fast", "exact", "im2col"], default="fast")
    parser.add_argument("--batch-size", type=positive, default=16)
    parser.add_argument("--image-size", type=positive, default=224)
    parser.add_argument("--jobs", type=positive, default=len(os.sched_getaffinity(0)), help="of the build")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the other commit is built")
    return parser.parse_args()


def find_commit(rev):
    if not rev:
        print("compare.py: compare with what? make bench-compare REV=HEAD~1", file=sys.stderr)
        sys.exit(measure.USAGE)
    try:
        return measure.git("rev-parse", "--verify", "--quiet", "--short", "--end-of-options", rev + "^{commit}")
    except Failed:
        print(f"compare.py: {rev}: no such commit here; git log --oneline lists them", file=sys.stderr)
        sys.exit(measure.NO_INPUT)


def main():
    options = parse()
    commit = find_commit(options.rev)
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        with other_build(commit, options.folder, options.jobs) as other:
            programs = {"this build": options.program, commit: other}
            known = precisions(options, programs)
            print(f"{measure.processor()}, batch {options.batch_size}, {options.image_size} px, {options.rounds} rounds of "
                  f"{options.repeat} passes; ms a photo\n\n| pass | threads | precision | this build | {commit} | ratio | quartiles |\n"
                  "|---|---|---|---|---|---|---|", flush=True)
            for what, freeze, title in measure.passes(options.freeze):
                for threads in options.threads:
                    for precision in known:
                        pairs = compare(options, programs, what, freeze, threads, precision)
                        print(row(title, threads, precision, pairs), flush=True)
    except Failed as error:
        print(error if "compare.py" in str(error) else f"compare.py: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
