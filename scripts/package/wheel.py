#!/usr/bin/env python3
"""wheel.py TREE VERSION OUT: writes the wheel of the static program and python/freezetune to the folder OUT, and prints its name.

TREE is what `make install PREFIX=/` has filled: bin, share/man, share/bash-completion and share/doc/freezetune/licences. The same
tree gives the same bytes: names in order, one date ($SOURCE_DATE_EPOCH), rights 644 or 755. A static program asks nothing of a libc, so
that one wheel is for glibc (manylinux2014) and musl (musllinux_1_1). Standard library only.
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path

TAGS = ("py3-none-manylinux2014_x86_64", "py3-none-manylinux_2_17_x86_64", "py3-none-musllinux_1_1_x86_64")
HERE = Path(__file__).resolve().parents[2]


def metadata(version: str) -> str:
    return f"""Metadata-Version: 2.1
Name: freezetune
Version: {version}
Summary: Fine-tune a pretrained ResNet-50 on the CPU, as one program
License: MIT
Platform: Linux
Classifier: Environment :: Console
Classifier: License :: OSI Approved :: MIT License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Scientific/Engineering :: Image Recognition
Classifier: Typing :: Typed
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{(HERE / "README.md").read_text(encoding="utf-8")}"""


def wheel_file() -> str:
    return "Wheel-Version: 1.0\nGenerator: freezetune wheel.py\nRoot-Is-Purelib: false\n" + "".join(f"Tag: {tag}\n" for tag in TAGS)


def files(tree: Path, version: str) -> "dict[str, bytes]":
    """What is in the wheel, RECORD left out."""
    info, data = f"freezetune-{version}.dist-info", f"freezetune-{version}.data"
    found = {}
    for path in sorted((HERE / "python" / "freezetune").iterdir()):
        if path.suffix == ".py" or path.name == "py.typed":
            found[f"freezetune/{path.name}"] = path.read_bytes().replace(b"@VERSION@", version.encode())
    found[f"{data}/scripts/freezetune"] = (tree / "bin" / "freezetune").read_bytes()
    share = tree / "share"
    for path in sorted(share.rglob("*")):
        name = path.relative_to(share)
        if path.is_file() and name.parts[0] != "doc":
            found[f"{data}/data/share/{name.as_posix()}"] = path.read_bytes()
    found[f"{info}/licenses/LICENSE"] = (HERE / "LICENSE").read_bytes()
    for path in sorted((share / "doc" / "freezetune" / "licences").iterdir()):
        found[f"{info}/licenses/{path.name}"] = path.read_bytes()
    found[f"{info}/METADATA"] = metadata(version).encode()
    found[f"{info}/WHEEL"] = wheel_file().encode()
    return found


def record(found: "dict[str, bytes]", name: str) -> bytes:
    lines = []
    for path, content in found.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}\n")
    return ("".join(lines) + f"{name},,\n").encode()


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__.split(":")[0].join(("usage: ", "")), file=sys.stderr)
        return 64
    tree, version, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    date = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")), 315532800))[:6]  # zip begins in 1980
    found = files(tree, version)
    name = f"freezetune-{version}.dist-info/RECORD"
    found[name] = record(found, name)
    tags = ".".join(tag.rsplit("-", 1)[1] for tag in sorted(TAGS))
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"freezetune-{version}-py3-none-{tags}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in found.items():
            entry = zipfile.ZipInfo(path, date)
            entry.create_system = 3  # Unix, wherever this runs
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, content)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
