"""Writes hostile pickles, each into a .pth of either format, and runs freezetune on them under strace.

  python3 scripts/check_pickles.py [--program ./freezetune] [--every N] [--keep FOLDER]

Needs strace and nothing of PyTorch. A kind is a value in a state dict beside a good tensor, or a whole pickle. Its payload
would make a file; the program must answer 0 (stepped over: inspect lists it) or 65 (refused) in one line, within thirty
seconds and a gigabyte, start no process, open no socket, and open no file but those that it opens for a good .pth. Two
controls run first: Python unpickles the first kind, which strace must see, and the program reads the good file. --every N takes each N-th
kind. Exit code 0, 1 when a row is not as expected, 77 where strace is missing or may not trace.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\r\x00\x00\x00little_endian\x88s."


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return b"X" + struct.pack("<I", len(value)) + value


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module, attribute):
    return short(module) + short(attribute) + b"\x93"


def call(module, attribute, *arguments):
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


def tensor(legacy):
    storage = b"(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu") + b"K\x06" + \
        b"N" * legacy + b"tQ"
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89" + \
        name("collections", "OrderedDict") + b")RtR"


def command(mark):
    return f"touch {mark}"


def programs(mark):
    """What would run at once in Python."""
    run, code = text(command(mark)), text(f"__import__('os').system({command(mark)!r})")
    argv = b"](" + text("touch") + text(str(mark)) + b"e"
    for module in ("os", "posix", "nt"):
        yield f"{module}.system", call(module, "system", run)
    for module, attribute in (("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"), ("builtins", "compile"),
                              ("timeit", "main"), ("code", "interact"), ("pdb", "run"), ("cProfile", "run")):
        yield f"{module}.{attribute}", call(module, attribute, code)
    for attribute in ("Popen", "check_output", "run", "call"):
        yield f"subprocess.{attribute}", call("subprocess", attribute, argv)
    yield "os.execv", call("os", "execv", text("/bin/sh"), argv)
    yield "os.popen by STACK_GLOBAL", stack_name("os", "popen") + run + b"\x85R"
    yield "os.system by INST", b"(" + run + b"ios\nsystem\n"
    yield "os.system by OBJ", b"(" + name("os", "system") + run + b"o"
    yield "subprocess.Popen by NEWOBJ", name("subprocess", "Popen") + argv + b"\x85\x81"
    yield "subprocess.Popen by NEWOBJ_EX", name("subprocess", "Popen") + b")}" + text("args") + argv + b"s\x92"
    yield "os.system by memo", name("os", "system") + b"q\x000h\x00" + run + b"\x85R"
    yield "os.system by DUP", name("os", "system") + b"2" + run + b"\x85R\x86"
    yield "getattr chain", call("builtins", "getattr", call("importlib", "import_module", text("os")), text("system")) + \
        run + b"\x85R"
    yield "__import__", call("builtins", "__import__", text("os"))
    yield "EXT1", b"\x82\x01" + run + b"\x85R"
    yield "EXT2, EXT4", b"\x83\x01\x01\x84\x01\x01\x01\x01\x86"
    yield "torch.load in it", call("torch.storage", "_load_from_bytes", b"B\x04\x00\x00\x00evil")
    yield "torch.jit.load", call("torch.jit", "load", text("/etc/passwd"))
    yield "numpy.load", call("numpy", "load", text("/etc/passwd"))
    yield "open /etc/passwd", call("builtins", "open", text("/etc/passwd"))
    yield "open by io", call("io", "open", text(str(mark)), text("w"))
    yield "socket", call("socket", "create_connection", text("127.0.0.1"), b"M\x39\x30")
    yield "urlopen", call("urllib.request", "urlopen", text("http://127.0.0.1/"))
    yield "webbrowser", call("webbrowser", "open", text("http://127.0.0.1/"))
    yield "shutil.rmtree", call("shutil", "rmtree", text(str(mark.parent)))
    inner = b"\x80\x02" + call("os", "system", run) + b"."
    yield "pickle in a pickle", call("pickle", "loads", b"B" + struct.pack("<I", len(inner)) + inner)
    yield "__reduce__ in BUILD", name("builtins", "object") + b")\x81}" + text("__reduce__") + name("os", "system") + b"sb"
    yield "__setstate__ in BUILD", name("os", "system") + run + b"b"
    yield "BUILD of a call", call("os", "system", run) + b"}" + text("__class__") + name("os", "system") + b"sb"
    yield "BUILD of a tuple state", call("os", "system", run) + b"N}" + text("a") + run + b"s\x86b"
    yield "items for a call", call("os", "system", run) + b"(" + text("a") + text("b") + b"u"
    yield "argument of defaultdict", name("collections", "defaultdict") + name("os", "system") + b"\x85R"
    yield "argument of OrderedDict", name("collections", "OrderedDict") + call("os", "system", run) + b"\x85R"
    yield "storage of os.system", b"(" + text("storage") + name("os", "system") + text("0") + text("cpu") + b"K\x06tQ"
    yield "storage by PERSID", b"Pos.system\n"
    yield "key that is a path", b"(" + text("storage") + name("torch", "FloatStorage") + text("../../../../etc/passwd") + \
        text("cpu") + b"K\x06tQ"


def shapes(mark):
    """Lies about lengths, bombs, and what is no tree."""
    big = struct.pack("<Q", 1 << 62)
    yield "BYTEARRAY8, too long", b"\x96" + big
    yield "BINBYTES8, too long", b"\x8e" + big
    yield "BINUNICODE8, too long", b"\x8d" + big
    yield "BINUNICODE, too long", b"X\xff\xff\xff\xff"
    yield "LONG4, negative", b"\x8b\xff\xff\xff\xff"
    yield "LONG4, too long", b"\x8b\xff\xff\xff\x7f"
    yield "LONG1, 255 bytes", b"\x8a\xff" + b"\xff" * 255
    yield "FRAME, too long", b"\x95" + big + b"N"
    yield "FRAME, too short", b"\x95" + struct.pack("<Q", 1) + text("text") + b"\x95" + struct.pack("<Q", 0) + b"0N"
    yield "NEXT_BUFFER", b"\x97"
    yield "READONLY_BUFFER", b"N\x98"
    yield "text of 64 MB", text("a" * (1 << 26))
    yield "name of 1 MB", name("m" * (1 << 20), "n")
    yield "a million lists, one in another", b"]" * 1000000 + b"a" * 999999
    yield "tuples, one in another", b")" + b"\x85" * 1000000
    yield "dictionary in itself", b"}q\x00" + text("a") + b"h\x00s"
    yield "list in itself", b"]q\x00h\x00a"
    yield "object in its own state", name("m", "C") + b")\x81q\x00}" + text("me") + b"h\x00sb"
    yield "doubled a thousand times", text("lol") + b"q\x00" + b"0h\x00h\x00\x86q\x00" * 1000
    yield "MARKs alone", b"(" * 1000
    yield "marks that are not closed", b"(((N"
    yield "TUPLE without a MARK", b"Ntt"
    yield "POP of everything", b"0" * 20
    yield "GET of nothing", b"j\xff\xff\xff\xff"
    yield "PUT far away", b"Nr\xff\xff\xff\x7f"
    yield "memo of a million", b"N" + b"\x94" * 1000000
    yield "odd SETITEMS", b"}(NNNu"
    yield "SETITEM into a text", text("a") + b"NNs"
    yield "APPEND to None", b"NNa"
    yield "ADDITEMS to a list", b"](Ne\x90"
    yield "REDUCE of a text", text("os.system") + b")R"
    yield "REDUCE without a tuple", name("os", "system") + text(command(mark)) + b"R"
    yield "NEWOBJ_EX without a dictionary", name("os", "system") + b")N\x92"
    yield "STACK_GLOBAL of numbers", b"K\x01K\x02\x93"
    yield "GLOBAL with control bytes", b"c\x1b[2J\x07\nsystem\x1b\n)R"
    yield "GLOBAL without its end", b"cos"
    yield "opcodes of protocol 0", b"(dp0\nS'a'\np1\nI01\ns"
    yield "no opcode", b"\xff"
    yield "tensor of 2^62 values", tensor(False).replace(b"K\x06", b"\x8a\x08" + big)
    yield "tensor beyond its storage", tensor(False).replace(b"K\x02K\x03\x86", b"K\x7fK\x7f\x86")
    yield "numpy scalar of an object", call("numpy.core.multiarray", "scalar", call("numpy", "dtype", text("O8")),
                                            b"B\x04\x00\x00\x00evil")


def wholes(mark):
    run = text(command(mark))
    yield "os.system instead of a state dict", b"\x80\x02" + call("os", "system", run) + b"."
    yield "os.system before the state dict", b"\x80\x02" + call("os", "system", run) + b"0}."
    yield "two pickles, the second evil", b"\x80\x02}.\x80\x02" + call("os", "system", run) + b"."
    far = b"\x8a\x08" + struct.pack("<q", 5 << 32 | 0x7FFFFFFF)
    yield "number for a key", b"\x80\x02}(" + text("model") + b"}" + text("w") + tensor(False) + b"s" + far + b"Nu."
    yield "no STOP", b"\x80\x04}"
    yield "protocol 6", b"\x80\x06}."
    yield "PROTO twice", b"\x80\x02\x80\x05}."
    yield "nothing", b""


def kinds(mark):
    for part in (programs, shapes):
        for title, value in part(mark):
            yield title, value, None
    for title, whole in wholes(mark):
        yield title, None, whole


def pickle_of(value, legacy, protocol):
    entry = text("evil") + value if value is not None else b""
    return b"\x80" + bytes([protocol]) + b"}(" + text("w") + tensor(legacy) + entry + b"u."


def write(path, pickle, legacy):
    floats = struct.pack("<6f", *range(6))
    if legacy:
        path.write_bytes(MAGIC + pickle + b"\x80\x02]" + text("0") + b"a." + struct.pack("<Q", 6) + floats)
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle)
        archive.writestr("a/data/0", floats)
        archive.writestr("a/version", "3\n")


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


class Trace:
    """What a command did: exit code, output, started programs, sockets, paths opened."""

    def __init__(self, argv, log, sanitized=False):
        calls = "trace=execve,execveat,fork,vfork,socket,connect,open,openat,openat2,creat,unlink,unlinkat,rename,mkdir"
        done = subprocess.run(["strace", "-f", "-qq", "-s", "4096", "-e", calls, "-o", log, *map(str, argv)],
                              capture_output=True, text=True, errors="replace", timeout=30,
                              env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"} if sanitized else None,
                              preexec_fn=None if sanitized else limit_memory)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        lines = log.read_text(errors="replace").splitlines()
        self.started = [line for line in lines if re.search(r"\b(execve|execveat|fork|vfork)\(", line)]
        self.sockets = [line for line in lines if re.search(r"\b(socket|connect)\(", line)]
        self.changed = [line for line in lines if re.search(r"\b(creat|unlink|unlinkat|rename|mkdir)\(|O_WRONLY|O_RDWR", line)]
        self.opened = {m.group(1) for line in lines if (m := re.search(r'\bopen(?:at|at2)?\([^"]*"([^"]*)"', line))}


class Checker:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.mark, self.log, self.path = folder / "mark", folder / "strace.log", folder / "file.pth"
        self.failed = self.rows = 0
        self.usual = {}
        # A sanitizer takes more address space than any limit, and cannot look for leaks while it is traced.
        self.sanitized = b"__asan_init" in pathlib.Path(program).read_bytes()

    def control(self):
        """False where strace cannot be used; ends the program where it does not see what it should."""
        if not shutil.which("strace"):
            return False
        write(self.path, pickle_of(None, False, 2), False)
        if subprocess.run(["strace", "-o", self.log, "true"], capture_output=True).returncode != 0:
            return False
        pickle = b"\x80\x02" + call("os", "system", text(command(self.mark))) + b"."
        seen = Trace([sys.executable, "-c", f"import pickle; pickle.loads({pickle!r})"], self.log)
        if len(seen.started) < 2 or not self.mark.exists():
            sys.exit("check_pickles.py: strace does not see the control run its program")
        self.mark.unlink()
        for command_ in self.commands():
            good = Trace([self.program, *command_], self.log, self.sanitized)
            if good.code != 0 or self.path.name not in str(good.opened) or len(good.started) != 1:
                sys.exit(f"check_pickles.py: the good file: exit code {good.code}: {good.err}")
            self.usual[command_[0]] = good.opened
        return True

    def commands(self):
        return ("inspect", self.path), ("diff", self.path, self.path)

    def wrong(self, trace, verb):
        if trace.code not in (0, 65):
            return f"exit code {trace.code}: {trace.err}"
        if trace.code == 65 and len(trace.err.splitlines()) != 1:
            return f"not one line: {trace.err}"
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", trace.out + trace.err):
            return "a control character in the answer"
        if len(trace.started) != 1 or trace.sockets or trace.changed or self.mark.exists():
            return f"ran something: {trace.started[1:] + trace.sockets + trace.changed}"
        if trace.opened - self.usual[verb]:
            return f"opened {sorted(trace.opened - self.usual[verb])}"
        return None

    def check(self, title, value, whole):
        answers = []
        for legacy in (False, True):
            for protocol in (2, 4) if value is not None else (2,):
                write(self.path, whole if whole is not None else pickle_of(value, legacy, protocol), legacy)
                for arguments in self.commands():
                    try:
                        trace = Trace([self.program, *arguments], self.log, self.sanitized)
                        wrong = self.wrong(trace, arguments[0])
                    except subprocess.TimeoutExpired:
                        wrong = "takes longer than thirty seconds"
                    self.rows += 1
                    if wrong:
                        self.failed += 1
                        return print(f"FAIL {title:32} {arguments[0]}, {'legacy' if legacy else 'zip'}: {wrong[:300]}")
                    answers.append((trace.code, trace.err))
        code, err = answers[0]
        left = "" if code else "stepped over"
        print(f"ok   {title:32} {left or err.strip().split(': ', 2)[-1][:110]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="work in this folder and leave the last file in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(str(pathlib.Path(options.program).resolve()), options.keep or pathlib.Path(folder))
        if not checker.control():
            print("check_pickles.py: strace is missing or may not trace here", file=sys.stderr)
            sys.exit(77)
        chosen = list(kinds(checker.mark))[::options.every]
        for kind in chosen:
            checker.check(*kind)
        print(f"{len(chosen)} kinds, {checker.rows} runs, {checker.failed} wrong")
    sys.exit(checker.failed > 0)


if __name__ == "__main__":
    main()
