#!/usr/bin/env python3
"""The inner loops of the products on aarch64, read from the disassembly of the objects.

usage: mca_aarch64.py [--check | --share] [OBJECT...]    default: build/aarch64/core/ops/panel{,_bf16}.neon.o,
                                                         with --share all of build/aarch64/core/ops/*.neon.o

For each object the loop with most multiply-adds of each function: how many of them are vectors, loads, and what is spilled
to the stack. --check ends with 1 where a multiply-add is no vector of four, and where the loop of the float32 product has
fewer than 20 of them, a spill, or more than 0.6 loads each.

--share counts the floating-point instructions of all innermost loops of an object: on vectors, and on single numbers.

Without both llvm-mca says how many cycles a round takes on three cores, and so floating-point operations a cycle.
It assumes that every load hits the first cache and every branch is foreseen. Needs llvm-mca 17 or later (older ones take
the Cortex-A57 for all three): LLVM_MCA names it, default llvm-mca-19. OBJDUMP: default aarch64-linux-gnu-objdump.
"""
import glob
import os
import re
import subprocess
import sys

# Multiply-adds of four floats that a core starts in a cycle.
CORES = {"cortex-a76": 2, "neoverse-n1": 2, "neoverse-v1": 4}
ALL = "build/aarch64/core/ops/*.neon.o"
OBJECTS = ["build/aarch64/core/ops/panel.neon.o", "build/aarch64/core/ops/panel_bf16.neon.o"]


def loops(path):
    """Innermost loops of an object: (function, [instruction])."""
    objdump = os.environ.get("OBJDUMP", "aarch64-linux-gnu-objdump")
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    function, lines = "", []
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <(\S+)>:", line)
        if start:
            function, lines = start[1], []
        found = re.match(r"\s*([0-9a-f]+):\s+(\S.*)", line)
        if not found:
            continue
        address, instruction = int(found[1], 16), re.sub(r"\s*//.*", "", found[2])
        lines.append((address, instruction))
        branch = re.match(r"(b\.\w+|cbn?z|tbn?z)\b.*?([0-9a-f]+) <", instruction)
        if not branch or int(branch[2], 16) > address:
            continue
        body = [i for a, i in lines if a >= int(branch[2], 16)]
        if not any(re.match(r"(b|b\.\w+|cbn?z|tbn?z|bl|blr|ret)\b", i) for i in body[:-1]):
            yield function, body


def count(body, pattern):
    return sum(bool(re.search(pattern, i)) for i in body)


def figures(body):
    return {
        "instructions": len(body),
        "all": count(body, r"^(fmla|fmls|fmadd|fmsub|fnmadd|fnmsub)\b"),
        "vectors": count(body, r"^fml[as]\s+v\d+\.4s"),
        "loads": count(body, r"^ld"),
        "spills": count(body, r"^(ld|st).*\[sp"),
    }


def largest(path):
    """The loop with most multiply-adds of each function that has one."""
    best = {}
    for function, body in loops(path):
        if figures(body)["all"] > figures(best.get(function, []))["all"]:
            best[function] = body
    return best


def complaint(name, function, figure):
    if figure["vectors"] < figure["all"]:
        return "a multiply-add is no vector"
    if not name.startswith("panel.") or not function.startswith("product"):
        return None
    if figure["vectors"] < 20:
        return "fewer than 20 multiply-adds"
    if figure["spills"]:
        return "registers are spilled"
    if figure["loads"] > 0.6 * figure["vectors"]:
        return "more than 0.6 loads for a multiply-add"
    return None


def print_share(paths):
    print("| object | innermost loops | on vectors | on single numbers | in |")
    print("|---" * 5 + "|")
    for path in paths:
        bodies = list(loops(path))
        vectors = sum(count(body, r"^f\w+\s+v\d+\.[24][sd]") for _, body in bodies)
        single = {function: 0 for function, _ in bodies}
        for function, body in bodies:
            single[function] += count(body, r"^f(?!mov)\w+\s+[sd]\d+")
        print(f"| {os.path.basename(path)} | {len(bodies)} | {vectors} | {sum(single.values())} | "
              f"{', '.join(f for f, n in single.items() if n)} |")


def cycles(body, core):
    rounds = 200
    text = "\n".join(re.sub(r"[0-9a-f]+ <.*", "0", i) for i in body)
    mca = [os.environ.get("LLVM_MCA", "llvm-mca-19"), "-mtriple=aarch64", f"-mcpu={core}", f"-iterations={rounds}"]
    out = subprocess.run(mca, input=text, check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", out)[1]) / rounds


def main():
    arguments = sys.argv[1:]
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    check = "--check" in arguments
    share = "--share" in arguments
    paths = [a for a in arguments if a not in ("--check", "--share")] or (sorted(glob.glob(ALL)) if share else OBJECTS)
    if any(p.startswith("-") for p in paths):
        print("usage: mca_aarch64.py [--check | --share] [OBJECT...]", file=sys.stderr)
        return 64
    if share:
        print_share(paths)
        return 0
    bad = 0
    if not check:
        print("| object, function | multiply-adds | vectors | instructions | loads each | spills |",
              " | ".join(f"{core}: cycles, flop/cycle, of peak" for core in CORES), "|")
        print("|---" * (6 + len(CORES)) + "|")
    for path in paths:
        name = os.path.basename(path)
        best = largest(path)
        if not any(function.startswith("product") for function in best):
            print(f"{path}: no loop of a product with a multiply-add", file=sys.stderr)
            bad = 1
        for function, body in best.items():
            f = figures(body)
            if check:
                why = complaint(name, function, f)
                print(f"{name}, {function}: {f['vectors']} of {f['all']} multiply-adds are vectors, {f['loads']} loads, "
                      f"{f['spills']} spills" + (f": {why}" if why else ""))
                bad |= why is not None
                continue
            cells = []
            for core, pipes in CORES.items():
                need = cycles(body, core)
                cells.append(f"{need:.1f}, {8 * f['vectors'] / need:.1f}, {100 * f['vectors'] / pipes / need:.0f} %")
            print(f"| {name}, {function} | {f['all']} | {f['vectors']} | {f['instructions']} | "
                  f"{f['loads'] / f['all']:.2f} | {f['spills']} | {' | '.join(cells)} |")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
