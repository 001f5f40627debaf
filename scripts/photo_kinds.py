"""Photos of the kinds that cameras, old programs and broken disks leave behind, for tests/fixtures/photos: which way is up
told in every way that Pillow knows, PNG and BMP as Pillow does not write them, JPEG and PNG that are damaged. Called by
make_photo_fixtures.py; by itself it needs Pillow and NumPy alone:

    python3 scripts/photo_kinds.py tests/fixtures/photos

What is expected is Pillow's answer, but for alpha (over white) and where a comment says why it has none.
"""
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def soft(height, width, channels=3):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return np.clip(128 + 90 * np.sin(x / 5 + c) * np.cos(y / 7 - c) + 30 * ((x // 8 + y // 9) % 2), 0, 255).astype(np.uint8)


def save(out, name, data, expected):
    (out / name).write_bytes(data)
    height, width, _ = expected.shape
    (out / f"{name}.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + expected.astype(np.uint8).tobytes())


def by_pillow(data):
    return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def jpeg(picture, **options):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=90, **options)
    return stream.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(picture, before=b"", behind=b"", depth=8, colour=2, rows=None, interlace=0):
    height, width = picture.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in picture) if rows is None else rows
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", zlib.compress(rows, 9)) + behind + chunk(b"IEND", b"")


# ---- which way is up -----------------------------------------------------------------------------------------------------

PREFIX = b"Exif\0\0"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
XMP_ELEMENT = b"<x:xmpmeta><tiff:Orientation>%d</tiff:Orientation></x:xmpmeta>"


def tiff(order, *entries, behind=b""):
    """A TIFF structure of one directory: (tag, type, count, value of four bytes)."""
    body = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    head = b"MM\0*" if order == ">" else b"II*\0"
    return head + struct.pack(order + "IH", 8, len(entries)) + body + struct.pack(order + "I", len(behind) and 26) + behind


def orientations(out):
    picture = soft(12, 20)
    plain = jpeg(picture, subsampling=0)

    def segments(*bodies):
        return plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies) + plain[2:]

    short = tiff("<", (0x0112, 3, 1, struct.pack("<HH", 6, 0)))
    make = (0x010F, 2, 4, b"abc\0")
    thumbnail = struct.pack("<HHHIII", 1, 0x0112, 3, 1, 6, 0)
    packet = b"http://ns.adobe.com/xap/1.0/\0"
    jpegs = {
        "long": segments(PREFIX + tiff(">", (0x0112, 4, 1, struct.pack(">I", 8)))),
        "two_values": segments(PREFIX + tiff(">", (0x0112, 3, 2, struct.pack(">HH", 6, 3)))),
        "byte": segments(PREFIX + tiff("<", (0x0112, 1, 1, b"\x06\0\0\0"))),
        "twice_exif": segments(PREFIX + PREFIX + short),
        "second_segment": segments(b"something else", PREFIX + short),
        "two_segments": segments(PREFIX + tiff("<", (0x0112, 3, 1, b"\x03\0\0\0")), PREFIX + short),
        "thumbnail": segments(PREFIX + tiff("<", make, behind=thumbnail)),
        "xmp": segments(packet + XMP % 5),
        "xmp_element": segments(PREFIX + tiff("<", make), packet + XMP_ELEMENT % 7),
        "nine_and_xmp": segments(PREFIX + tiff("<", (0x0112, 3, 1, b"\x09\0\0\0")), packet + XMP % 6),
    }
    small = soft(6, 9)
    raw = b"\nexif\n%8d\n%s\n" % (len(PREFIX + short), (PREFIX + short).hex().encode())
    pngs = {
        "prefix": png(small, chunk(b"eXIf", PREFIX + short)),
        "behind": png(small, b"", chunk(b"eXIf", short)),
        "xmp": png(small, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 6)),
        "xmp_deflated": png(small, b"", chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP_ELEMENT % 8))),
        "raw": png(small, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))),
        "raw_plain": png(small, chunk(b"tEXt", b"Raw profile type exif\0" + raw)),
    }
    for kind, photos in (("jpg", jpegs), ("png", pngs)):
        for name, data in photos.items():
            save(out, f"up_{name}.{kind}", data, by_pillow(data))


# ---- PNG -----------------------------------------------------------------------------------------------------------------

PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def pngs(out):
    picture = soft(9, 14)
    rgba = np.concatenate([picture, (np.arange(9 * 14).reshape(9, 14, 1) * 2).astype(np.uint8)], axis=2)
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in PASSES for row in rgba[top::down, left::right])
    alpha = rgba[..., 3:].astype(int)
    white = (picture.astype(int) * alpha + 255 * (255 - alpha) + 127) // 255
    save(out, "interlaced_rgba.png", png(picture, colour=6, rows=rows, interlace=1), white)
    key = b"".join(struct.pack(">H", int(value)) for value in picture[3, 4])
    hidden = (picture == picture[3, 4]).all(axis=2, keepdims=True)
    save(out, "colour_key.png", png(picture, chunk(b"tRNS", key)), np.where(hidden, 255, picture))
    two = (picture[..., 0] >> 6).astype(int)
    packed = np.zeros((9, 4), np.uint8)
    for x in range(14):
        packed[:, x // 4] |= (two[:, x] << (6 - x % 4 * 2)).astype(np.uint8)
    data = png(picture, depth=2, colour=0, rows=b"".join(b"\0" + row.tobytes() for row in packed))
    save(out, "grey2.png", data, by_pillow(data))
    frame = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 14, 9, 0, 0, 1, 10, 0, 0))
    second = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, 14, 9, 0, 0, 1, 10, 0, 0))
    second += chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(bytes(9 * (1 + 14 * 3))))
    data = png(picture, frame, second)
    save(out, "animated.png", data, by_pillow(data))
    gamma = chunk(b"gAMA", struct.pack(">I", 200000))
    data = png(picture, gamma)
    save(out, "gamma.png", data, by_pillow(data))
    wrong = bytearray(gamma)
    wrong[-1] ^= 1
    # Pillow refuses a wrong checksum before the pixels, whatever the chunk is; behind them it looks at none.
    save(out, "damaged_gamma.png", png(picture, bytes(wrong)), picture)
    data = png(picture, b"", bytes(wrong))
    save(out, "damaged_behind.png", data, by_pillow(data))
    data = png(picture)[:-12]
    save(out, "damaged_no_end.png", data, by_pillow(data))
    data = png(picture)[:-20]
    save(out, "damaged_no_sum.png", data, by_pillow(data))
    palette = bytes(range(30, 60))  # ten colours, and pixels of sixteen
    data = png(picture, chunk(b"PLTE", palette), colour=3, rows=b"".join(b"\0" + bytes(row >> 4) for row in picture[..., 0]))
    save(out, "short_palette.png", data, by_pillow(data))


# ---- BMP -----------------------------------------------------------------------------------------------------------------


def bmp(width, height, bits, compression, data, header=40, masks=(), palette=b""):
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
        told = b"".join(struct.pack("<I", mask) for mask in masks)
        head += told if header == 40 else told.ljust(header - 40, b"\0")
    offset = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + head + palette + data


def padded(rows):
    return b"".join(bytes(row) + bytes(-len(bytes(row)) % 4) for row in rows)


def bmps(out):
    picture = soft(7, 13)
    colours = np.concatenate([soft(16, 16).reshape(256, 3), np.zeros((256, 1), np.uint8)], axis=1).tobytes()
    deep = picture.astype(np.uint32)
    five = (deep[..., 0] >> 3 << 10 | deep[..., 1] >> 3 << 5 | deep[..., 2] >> 3).astype("<u2")
    six = (deep[..., 0] >> 3 << 11 | deep[..., 1] >> 2 << 5 | deep[..., 2] >> 3).astype("<u2")
    indices = picture[..., 0]
    wide = (deep[..., 0] << 24 | deep[..., 1] << 16 | deep[..., 2] << 8 | 77).astype("<u4")
    eights = bytes([3, 5, 0, 4, 9, 8, 7, 6, 0, 3, 1, 2, 3, 0, 3, 250, 0, 0, 20, 17, 0, 0, 0, 2, 4, 1, 5, 99, 0, 0])
    eights += bytes([13, 200, 0, 0]) * 3 + bytes([13, 12, 0, 1])
    fours = bytes([5, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 3, 0x9A, 0, 0, 13, 0x21, 0, 0, 0, 2, 3, 1, 7, 0x43, 0, 0])
    fours += bytes([13, 0x56, 0, 0]) * 4 + bytes([0, 1])
    kinds = {
        "555": bmp(13, 7, 16, 0, padded(five)),
        "565": bmp(13, -7, 16, 3, padded(six), 56, (0xF800, 0x7E0, 0x1F, 0)),
        "v2": bmp(13, 7, 8, 0, padded(indices), 52, palette=colours),
        "v3": bmp(13, 7, 32, 3, padded(wide), 56, (0xFF000000, 0xFF0000, 0xFF00, 0)),
        "os2": bmp(13, 7, 4, 0, padded((indices[:, 0:7] >> 4 << 4 | indices[:, 6:13] >> 4)), 64, palette=colours[:64]),
        "old": bmp(13, 7, 24, 0, padded(picture.reshape(7, 39)), 12),
        "rle8": bmp(13, 7, 8, 1, eights, palette=colours),
        "rle4": bmp(13, 7, 4, 2, fours, 64, palette=colours[:64]),
    }
    for name, data in kinds.items():
        save(out, f"kind_{name}.bmp", data, by_pillow(data))
    # Runs that end before the picture does: colour 0, as everyone but Pillow has it, which refuses them.
    table = np.frombuffer(colours, np.uint8).reshape(256, 4)[:, 2::-1]
    rows = np.zeros((7, 13), int)
    rows[6, :13] = 9
    save(out, "kind_rle_short.bmp", bmp(13, 7, 8, 1, bytes([13, 9, 0, 0, 0, 1]), palette=colours), table[rows])


# ---- damage --------------------------------------------------------------------------------------------------------------


def damaged(out):
    picture = soft(29, 37)
    plain, marked = jpeg(picture, subsampling=2), jpeg(picture, restart_marker_blocks=1)
    scan = plain.index(b"\xff\xda") + 14
    # Pillow itself wants two bytes behind the last row, whatever they are.
    save(out, "damaged_no_end.jpg", plain[:-2], by_pillow(plain))
    zeros = plain[:-2] + bytes(40)
    save(out, "damaged_zeros.jpg", zeros, by_pillow(zeros))
    inside = bytearray(plain)
    inside[(scan + len(plain)) // 2 : (scan + len(plain)) // 2 + 8] = b"\xff\0" * 4  # no such Huffman code
    save(out, "damaged_inside.jpg", bytes(inside), by_pillow(bytes(inside)))
    half = plain[: (scan + len(plain)) // 2] + b"\xff\xd9"
    save(out, "damaged_half.jpg", half, by_pillow(half))
    restart = marked.replace(b"\xff\xd1", b"\xff\xd3", 1)
    save(out, "damaged_restart.jpg", restart, by_pillow(restart))


def photos(out):
    orientations(out)
    pngs(out)
    bmps(out)
    damaged(out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    photos(Path(sys.argv[1]))
