#!/usr/bin/env python3
"""in_terminal.py COLUMNS COMMAND...: runs the command in a pseudo-terminal of so many columns.

Prints what it wrote there, without the sequences that move the cursor or colour, and ends with its exit code; with 99 when
a line was wider than the terminal, each of which is named on stderr. Width is what the eye sees: 2 for wide characters, 0
for combining ones.
"""
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import unicodedata


def width(line):
    return sum(
        0 if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Cf")
        else 2 if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in line
    )


def run(columns, command):
    """The bytes that the command wrote, and its exit code."""
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.environ["TERM"] = "xterm"
        os.environ.pop("COLUMNS", None)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    written = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    status = os.waitpid(pid, 0)[1]
    return written, os.waitstatus_to_exitcode(status)


def main():
    columns = int(sys.argv[1])
    written, code = run(columns, sys.argv[2:])
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", written.decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stderr.reconfigure(encoding="utf-8", errors="surrogateescape")
    wider = False
    for line in text.split("\n"):
        for drawn in line.split("\r"):  # a progress line that was drawn over
            if width(drawn) > columns:
                print(f"{width(drawn)} columns, not {columns}: {drawn}", file=sys.stderr)
                wider = True
    print("\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n")), end="")
    sys.exit(99 if wider else code)


if __name__ == "__main__":
    main()
