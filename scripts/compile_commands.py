"""Writes compile_commands.json from the commands of a dry run of make, read from stdin: make compile_commands.json.

  make -n -B V=1 programs | python3 scripts/compile_commands.py FILE

A file that is compiled more than once (the SIMD kernels, for each instruction set) has an entry each. Exit code 65 when no
line of the input compiles a file.
"""
import json
import os
import shlex
import sys


def entry(line):
    """The entry of a line that compiles a file, else None."""
    if " -c -o " not in line:
        return None
    arguments = shlex.split(line)
    return {"directory": os.getcwd(), "file": arguments[-1], "output": arguments[arguments.index("-o") + 1],
            "arguments": arguments}


def main():
    if len(sys.argv) != 2:
        print("usage: compile_commands.py FILE", file=sys.stderr)
        return 64
    entries = [found for found in map(entry, sys.stdin) if found]
    if not entries:
        print("compile_commands.py: no command on stdin compiles a file; pass the output of make -n -B V=1", file=sys.stderr)
        return 65
    part = sys.argv[1] + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)
        file.write("\n")
    os.replace(part, sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
