#!/usr/bin/env python3
"""Compare our safetensors reader with the reference package on random valid and damaged files.

    make build/release/tests/tools/weight_check
    $(sh scripts/venv.sh) scripts/parity/safetensors_differential.py build/release/tests/tools/weight_check

Exit 0 when both say the same of every file, but for what the format's text forbids and the reference lets pass, and read
the same names, shapes and bytes from it; 1 when they differ otherwise. Needs the package safetensors.
"""

import argparse
import collections
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

BITS = dict(BOOL=8, F4=4, U8=8, I8=8, F8_E4M3=8, I16=16, F16=16, BF16=16, I32=32, F32=32, F64=64, I64=64, U64=64)
NAMES = ["a", "conv1.weight", "bn1.bias", "é", 'x"y', "\\n", "", "日本", "layer1.0.conv1.weight"]
NUMBERS = [b"0", b"1", b"2147483648", b"4294967296", b"9007199254740993", b"18446744073709551615"]
NUMBERS += [b"18446744073709551616", b"-1", b"1e3", b"1.5", b"-0", b"01"]
PIECES = [b"null", b'"x"', b"[]", b"{}", b",", b":", b'"', b"\\u0041", b"\\ud800", b"\xff", b"\0", b" ", b"\n"]

# What we refuse and the reference takes, each by the format's text or on purpose: the end of our error.
STRICTER = {
    "as the header's first byte": "a header begins with {",
    "behind the header's last": "a header ends in } and spaces",
    "occurs twice": "duplicate keys are disallowed",
    "is not known": "a key that means nothing to us might mean something to others",
    "expected '{'": "a tensor is an object, __metadata__ too (the reference takes a list, and null)",
    "more than 8 dimensions": "our bound",
    "\\u0000 in a text": "a name that C cannot hold",
}


def valid_file(rng):
    members, end = [], 0
    for name in rng.sample(NAMES, rng.randint(0, 4)):
        dtype, shape, values = rng.choice(list(BITS)), [rng.randint(0, 4) for _ in range(rng.randint(0, 4))], 1
        for size in shape:
            values *= size
        if values * BITS[dtype] % 8:
            shape.append(2)
            values *= 2
        begin, end = end, end + values * BITS[dtype] // 8
        members.append((name, {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}))
    rng.shuffle(members)
    if rng.random() < 0.4:
        members.insert(rng.randint(0, len(members)), ("__metadata__", {rng.choice(["format", "é"]): 'v"\\'}))
    text = json.dumps(dict(members), ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1])).encode()
    text += b" " * rng.choice([0, 0, rng.randint(1, 9)])
    return struct.pack("<Q", len(text)) + text + rng.randbytes(end)


def damage(rng, data):
    """One change, mostly in the header, with the header's length mostly put right."""
    length = min(struct.unpack("<Q", data[:8])[0], len(data) - 8)
    head, rest = bytearray(data[8 : 8 + length]), data[8 + length :]
    place, kind = rng.randint(0, length), rng.randrange(7)
    if kind == 0 and place < length:
        head[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        head[place:place] = rng.choice(NUMBERS + PIECES)
    elif kind == 2:
        del head[place : place + rng.randint(1, 6)]
    elif kind == 3 and (found := list(re.finditer(rb"\d+", head))):
        start, stop = rng.choice(found).span()
        head[start:stop] = rng.choice(NUMBERS)
    elif kind == 4 and (found := list(re.finditer(rb'"[^"]*"', head))):
        start, stop = rng.choice(found).span()
        head[start:stop] = head[slice(*rng.choice(found).span())]
    elif kind == 5:
        rest = rest + bytes(rng.randint(1, 9)) if rng.random() < 0.5 else rest[: -rng.randint(1, 4)]
    else:
        return struct.pack("<Q", rng.choice([0, length + 1, length - 1 if length else 9, 1 << 32, 1 << 63])) + data[8:]
    return struct.pack("<Q", len(head)) + bytes(head) + rest


def content(tensors):
    """What weight_check prints of the same tensors."""
    crc = 0
    for name, tensor in sorted(tensors, key=lambda pair: pair[0].encode()):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(("[" + ",".join(map(str, tensor["shape"])) + "]").encode(), crc)
        crc = zlib.crc32(tensor["data"], crc)
    return f"{crc:08x}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--count", type=int, default=10000, help="of valid and of damaged files each (10000)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    import safetensors

    rng, counts, differences = random.Random(args.seed), collections.Counter(), collections.Counter()
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.NamedTemporaryFile(dir=folder) as file, subprocess.Popen(
        [args.tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as tool:
        for number in range(2 * args.count):
            data = valid_file(rng)
            for _ in range(rng.randint(1, 3) if number % 2 else 0):
                data = damage(rng, data)
            file.seek(0)
            file.truncate()
            file.write(data)
            file.flush()
            read = None
            try:
                read = safetensors.deserialize(data)
                reference = "takes"
            except Exception as error:
                reference = "refuses" if isinstance(error, safetensors.SafetensorError) else f"fails ({error!r})"
            tool.stdin.write(file.name + "\n")
            tool.stdin.flush()
            status, text = tool.stdout.readline().rstrip("\n").split("\t", 1)
            ours = "take" if status == "0" else "refuse"
            counts["damaged" if number % 2 else "valid", reference, ours] += 1
            if read is not None and status == "0" and text != content(read):
                differences[f"UNEXPLAINED: other values of {data!r}"] += 1
            if reference[:4] != ours[:4]:
                why = next((reason for part, reason in STRICTER.items() if part in text), None)
                differences[why or f"UNEXPLAINED: {text} {data!r}"] += 1
        tool.stdin.close()
    for (kind, reference, ours), count in sorted(counts.items()):
        print(f"{count:7} {kind}: the reference {reference}, we {ours}")
    for why, count in differences.most_common():
        print(f"{count:7} differ: {why}")
    return 1 if any(why.startswith("UNEXPLAINED") for why in differences) else 0


if __name__ == "__main__":
    sys.exit(main())
