"""What bench.py and compare.py share: asking `freezetune bench`, the machine's name, and where a result came from."""
import json
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("core", "models", "weights", "cli", "Makefile")
USAGE = 64  # exit codes of the program itself
NO_INPUT = 66


class Failed(Exception):
    """A program did not do what it was asked; the text is a line for stderr."""


def call(command, **more):
    """The stdout of a command; Failed with the last line of its stderr where it did not succeed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, **more)
    except OSError as error:
        raise Failed(f"{words[0]}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failed(f"{' '.join(words)}: exit code {done.returncode}: {said}")
    return done.stdout


class Abilities:
    """What `freezetune bench` of a build knows, from its --help: older commits do not have every option."""

    def __init__(self, program):
        self.help = call([program, "bench", "--help"])

    def precision(self, name):
        return name == "f32" or "--precision" in self.help

    def engine(self, name):
        return name == "fast" or name in self.help


def freezetune(program, what, freeze, threads, precision="f32", engine="fast", *, batch_size, image_size, repeat):
    """ms a photo and peak memory of a forward pass, or of a step at a freeze point, in a process of its own."""
    command = [program, "bench", "--threads", threads, "--batch-size", batch_size, "--image-size", image_size,
               "--freeze-until", freeze, "--repeat", repeat, "--format", "json"]
    command += ["--forward"] if what == "forward" else []
    command += ["--precision", precision] if precision != "f32" else []
    command += ["--conv", engine] if engine != "fast" else []
    found = json.loads(call(command))
    return {"ms": found["forward_ms" if what == "forward" else "step_ms"], "rss_mb": found["peak_rss_mb"],
            "version": "freezetune" + ("" if engine == "fast" else f" --conv {engine}")}


def passes(freeze):
    """(what, freeze point, title) of the forward pass and of a step at each of the freeze points."""
    return [("forward", 0, "forward")] + [("step", n, f"step, freeze {n}") for n in freeze]


def processor(avx2=False):
    """The processor's name and its widest instructions, which decide more than the name does."""
    name, flags = platform.machine(), []
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() == "flags":
            flags = value.split()
    widest = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in flags][:1]
    return " ".join([name, *(["avx2"] if avx2 else widest)])


def git(*words, **more):
    return call(["git", "-C", ROOT, *words], **more).strip()


def commit_of(program):
    """The last commit that changed what the program is built from, with -dirty where files there differ from it; its
    version where this is no git checkout."""
    try:
        commit, changed = git("log", "-1", "--format=%h", "--", *SOURCES), git("status", "--porcelain", "--", *SOURCES)
        return commit + ("-dirty" if changed else "")
    except Failed:
        return call([program, "--version"]).splitlines()[0].split()[-1]
