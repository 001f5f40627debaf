"""Lets system calls of `freezetune train` fail, one place at a time, under strace.

  python3 scripts/check_system_errors.py [--program ./freezetune] [--cases 200] [--seed 1] [--jobs 1] [--only CALL]
                                         [--way plain|cached] [--keep FOLDER] [--list] [--verbose]

Needs strace and the test program make_photos (make check builds it). Trains a ResNet-18 with random weights on twelve photos
of 32x32 pixels for two epochs on one thread, in two ways: children 1-5 frozen with augmentation, and children 1-9 frozen with
their features cached on disk. A first run of each is traced; what it calls is put in groups by call and file. A case lets one
call of a group fail (when=N), or all from there on (when=N+), with an error that this call can have. The cases are spread
over the groups, so that the thousands of writes of a model count no more than the one lock.

Every case must
  - end with 0, 66, 71, 73 or 74; 0 means the same best.safetensors, or photos that were said to be unavailable
  - if it fails, say so in one line that names a file or a resource, and how to go on once config.json is there; leave no
    file under construction
  - go on: --resume, or the same command again where it made no config.json, ends with 0 and the same best.safetensors

Prints how often each call ended with which code, the distinct messages, and each case that is not so, with the command that
shows it. Exit code 0, 1 when a case is not as it should be, 77 where strace is missing or may not trace.
"""
import argparse
import collections
import concurrent.futures
import filecmp
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ERRORS = {
    "openat": "EIO ENOMEM EMFILE EINTR EAGAIN ESTALE EACCES ENOSPC EDQUOT",
    "read": "EIO ENOMEM EINTR EAGAIN ESTALE",
    "pread64": "EIO ENOMEM EINTR EAGAIN ESTALE",
    "write": "EIO ENOSPC EDQUOT EINTR EAGAIN ENOMEM ESTALE",
    "pwrite64": "EIO ENOSPC EDQUOT EINTR EAGAIN ENOMEM ESTALE",
    "fsync": "EIO ENOSPC EDQUOT EINTR",
    "rename": "EIO ENOSPC EDQUOT EACCES ESTALE ENOMEM",
    "ftruncate": "EIO ENOSPC EINTR EACCES",
    "fcntl": "EAGAIN EACCES EINTR ENOMEM EIO ENOLCK",
    "mmap": "ENOMEM EAGAIN",
    "getdents64": "EIO ENOMEM ESTALE EINTR",
    "newfstatat": "EIO ENOMEM EACCES ESTALE EINTR",
    "statx": "EIO ENOMEM EACCES ESTALE EINTR",
    "unlink": "EIO EACCES ESTALE ENOMEM",
    "mkdir": "EIO ENOSPC EDQUOT EACCES ENOMEM",
    "clone3": "EAGAIN ENOMEM",
}
CODES = (0, 66, 71, 73, 74)
TIMEOUT = 120  # seconds; a run takes two
COMMON = ["--data", "../photos", "--weights", "random", "--arch", "resnet18", "--image-size", "32", "--epochs", "2",
          "--batch-size", "4", "--threads", "1", "--loader-threads", "1", "--seed", "1"]
WAYS = {
    "plain": ["--freeze-until", "5", "--cache", "off"],
    "cached": ["--freeze-until", "9", "--augment", "none", "--cache", "disk", "--cache-dir", "cache"],
}
TRACED = re.compile(r"^(\d+) +(\w+)\((.*)")


class Call(collections.namedtuple("Call", "name target path main number")):
    """One call of the traced run: `number` counts those of its thread, or, with a path, of its thread on that path."""


def train(options, way, folder):
    return [options.program, "train", *COMMON, *WAYS[way], "--out", "run"], folder / "photos"


def target_of(name, rest, folder):
    """(what to call the file in a group, its path where it is the same in every run)"""
    found = re.match(r'(?:AT_FDCWD<[^>]*>, )?"([^"]*)"', rest) or re.match(r"\d+<([^>]*)>", rest)
    if not found or name in ("mmap", "clone3"):
        size = re.match(r"\w+, (\d+)", rest)
        return ("large" if size and int(size.group(1)) > 1 << 20 else "") if name == "mmap" else "", None
    path = found.group(1)
    shown = path.replace(str(folder) + "/", "").replace(str(folder), ".")
    shown = re.sub(r".*\bphotos/.*\.(png|bmp)$", "PHOTO", shown)
    shown = re.sub(r".*\bphotos/.*", "photos/", shown)
    shown = re.sub(r"[0-9a-f]{32}", "KEY", re.sub(r"\.\w{6}(\.part)?$", r".XXXXXX\1", shown))
    shown = re.sub(r"^/(usr|etc|proc|sys|lib)/.*", "SYSTEM", shown)
    return shown, path if "PHOTO" in shown else None


def trace(options, way, folder):
    """The calls of an undisturbed run, those of the dynamic loader before main left out."""
    command, _ = train(options, way, folder)
    log = folder / "trace"
    subprocess.run(["strace", "-f", "-y", "-o", log, "-e", "trace=munmap," + ",".join(ERRORS), *command], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    calls, counts, began, first = [], collections.Counter(), False, None
    for line in log.read_text(errors="replace").splitlines():
        found = TRACED.match(line)
        if not found:
            continue
        thread, name, rest = found.groups()
        first = first or thread
        began = began or name == "munmap"  # the loader gives back its cache as the last thing
        if name == "munmap":
            continue
        target, path = target_of(name, rest, folder)
        counts[thread, name] += 1
        counts[thread, name, path] += 1
        if began and (path or thread == first):
            number = counts[thread, name, path] if path else counts[thread, name]
            calls.append(Call(name, target, path, thread == first, number))
    return calls


def choose(options, traced, count):
    """(way, call, error, whether it stays) in a fixed order, spread over the groups of each way."""
    chance, chosen = random.Random(options.seed), []
    groups = collections.defaultdict(list)
    for way, calls in traced.items():
        for call in calls:
            if options.only in (None, call.name):
                groups[way, call.name, call.target].append(call)
    seen, order = set(), sorted(groups)
    chance.shuffle(order)
    for turn in range(1000):
        for key in order:
            calls, errors = groups[key], ERRORS[key[1]].split()
            call = (calls[0], calls[-1])[turn] if turn < 2 else chance.choice(calls)
            error = chance.choice(errors)
            if error in ("ENOSPC", "EDQUOT") and key[1] == "openat" and ".part" not in key[2]:
                error = "EIO"  # no disk is too full to be read
            case = key[0], call, error, error != "EINTR" and chance.random() < 0.4  # a signal comes and goes
            if case not in seen and len(chosen) < count:
                seen.add(case)
                chosen.append(case)
    return chosen


def injected(case, log):
    way, call, error, stays = case
    words = ["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={call.name}", "-e",
             f"inject={call.name}:error={error}:when={call.number}{'+' if stays else ''}"]
    return words + (["-P", call.path] if call.path else [])


def left_behind(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.name.endswith(".part") or path.name.startswith(".freezetune.")]


def call_program(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "hangs", []
    return done.returncode, done.stderr.decode(errors="replace").splitlines()


def finish(options, case, folder, code, message, wrong, command):
    way, call, error, stays = case
    if wrong and options.keep:
        shutil.copytree(folder, pathlib.Path(options.keep) / folder.name, dirs_exist_ok=True)
    shutil.rmtree(folder)
    if options.verbose or wrong:
        print(f"{way} {call.name} {call.target} {error}{'+' * stays} -> {code} {message} {'; '.join(wrong)}", file=sys.stderr,
              flush=True)
    return code, message, "; ".join(wrong), " ".join(command)


def check(options, case, number, work):
    """(code, message, what is wrong or None, the command)"""
    way, call, error, stays = case
    folder = work / f"case{number}"
    folder.mkdir()
    log = folder / "log"
    command = injected(case, log) + train(options, way, folder)[0]
    wrong = []
    code, lines = call_program(command, folder)
    hits = sum("(INJECTED)" in line for line in log.read_text(errors="replace").splitlines())
    errors = [line for line in lines if line.startswith("freezetune train: ") and "warning: " not in line]
    message = errors[-1] if code and errors else ""
    skipped = folder / "run/bad_images.tsv"
    away = skipped.exists() and "unavailable" in skipped.read_text()
    best, good = folder / "run/best.safetensors", work / way / "run/best.safetensors"
    if hits == 0:
        wrong.append("nothing was injected")
    if code not in CODES:
        wrong.append(f"exit code {code}")
    mute = call.name == "write" and stays  # stderr cannot be written either
    if code and code != "hangs" and not mute and (len(errors) != 1 or ": " not in message[18:]):
        wrong.append(f"{len(errors)} lines of error: {lines[-3:]}")
    if code == 0 and not away and not (best.exists() and filecmp.cmp(best, good, shallow=False)):
        wrong.append("another best.safetensors")
    if code and not mute and (folder / "run/config.json").exists() and ": freezetune train --resume run" not in message:
        wrong.append("does not say how to go on")
    left = left_behind(folder)
    if left and call.name != "unlink":
        wrong.append(f"left {left}")
    if code == 0:
        return finish(options, case, folder, code, message, wrong, command)
    again = train(options, way, folder)[0]
    if (folder / "run/config.json").exists():
        again = [options.program, "train", "--resume", "run"]
    later, lines = call_program(again, folder)
    if later:
        wrong.append(f"the next call ended with {later}: {lines[-1:]}")
    elif not away and not filecmp.cmp(best, good, shallow=False):
        wrong.append("another best.safetensors after the next call")
    if left_behind(folder):
        wrong.append(f"left after the next call: {left_behind(folder)}")
    return finish(options, case, folder, code, message, wrong, command)


def report(cases, results):
    table = collections.defaultdict(collections.Counter)
    messages = collections.Counter()
    for (way, call, error, stays), (code, message, wrong, command) in zip(cases, results):
        table[call.name][code] += 1
        if message:
            messages[code, re.sub(r"\.\w{6}\.part", ".XXXXXX.part", message)] += 1
    codes = sorted({code for row in table.values() for code in row}, key=str)
    print("call        " + "".join(f"{code:>6}" for code in codes))
    for name in ERRORS:
        if name in table:
            print(f"{name:12}" + "".join(f"{table[name][code] or '':>6}" for code in codes))
    print(f"{'all':12}" + "".join(f"{sum(row[code] for row in table.values()):>6}" for code in codes))
    for (code, message), count in sorted(messages.items(), key=str):
        print(f"{code:>4} {count:>4}x {message}")
    bad = 0
    for (way, call, error, stays), (code, message, wrong, command) in zip(cases, results):
        if wrong:
            bad += 1
            print(f"NOT SO: {way} {call.name} {call.target} {error}{'+' if stays else ''} -> {code}: {wrong}\n    {command}")
    print(f"{len(cases)} cases, {bad} not as they should be")
    return bad


def can_trace():
    return shutil.which("strace") and subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "inject=getppid:error=EIO:when=1", "true"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.environ.get("FREEZETUNE", str(root / "freezetune")))
    parser.add_argument("--build", default=os.environ.get("BUILD", str(root / "build/release")))
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--way", choices=sorted(WAYS))
    parser.add_argument("--only", choices=sorted(ERRORS))
    parser.add_argument("--keep")
    parser.add_argument("--verbose", action="store_true", help="a line for each case as it ends, not only for wrong ones")
    parser.add_argument("--list", action="store_true", help="say which cases there are, and run none")
    options = parser.parse_args()
    if not can_trace():
        print("check_system_errors.py: strace is missing or may not trace here", file=sys.stderr)
        return 77
    options.program, options.build = os.path.abspath(options.program), os.path.abspath(options.build)
    os.environ.update(LC_ALL="C", HOME="/nonexistent")
    os.environ.pop("XDG_CACHE_HOME", None)
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name).resolve()
        subprocess.run([options.build + "/tests/tools/make_photos", "photos", "2", "4", "2", "40", "1"], cwd=work, check=True)
        traced = {}
        for way in WAYS if options.way is None else [options.way]:
            (work / way).mkdir()
            traced[way] = trace(options, way, work / way)
        cases = choose(options, traced, options.cases)
        if options.list:
            for way, call, error, stays in cases:
                print(way, call.name, call.target or "-", error + "+" * stays, call.number)
            return 0
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda i: check(options, cases[i], i, work), range(len(cases))))
        return 1 if report(cases, results) else 0


if __name__ == "__main__":
    sys.exit(main())
