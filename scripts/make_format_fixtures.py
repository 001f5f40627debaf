#!/usr/bin/env python3
"""Writes tests/fixtures/formats: small photos in WebP, GIF, TIFF, HEIC and AVIF, each NAME with Pillow's pixels in NAME.ppm beside it.

    python3 scripts/make_format_fixtures.py tests/fixtures/formats

Needs Pillow with WebP, libtiff and AVIF, pillow-heif, NumPy and avifenc (libavif-bin). Transparent pictures are composited over white, grey ones of 16 bits keep their
high byte (core/data/image.h); everything else is what Pillow makes of the file.
"""
import io
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()


def soft(height, width, channels=3):
    """Like a photo: smooth, with a few edges."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    value = 128 + 90 * np.sin(x / 5 + c) * np.cos(y / 7 - c) + 30 * ((x // 8 + y // 9) % 2)
    return np.clip(value, 0, 255).astype(np.uint8)


def over_white(rgba):
    rgb, alpha = rgba[..., :3].astype(int), rgba[..., 3:].astype(int)
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def with_alpha(height, width):
    """Every alpha between 0 and 255, rising to the right."""
    alpha = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    return np.dstack([soft(height, width), alpha])


def expected(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I;16"):
        grey = (np.array(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.dstack([grey] * 3)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return over_white(np.array(image.convert("RGBA")))
    return np.array(image.convert("RGB"))


class Folder:
    def __init__(self, out):
        self.out, self.count, self.bytes = out, 0, 0

    def add(self, name, data, pixels=None):
        pixels = expected(data) if pixels is None else pixels
        height, width, _ = pixels.shape
        ppm = b"P6 %d %d 255\n" % (width, height) + pixels.astype(np.uint8).tobytes()
        (self.out / name).write_bytes(data)
        (self.out / f"{name}.ppm").write_bytes(ppm)
        self.count, self.bytes = self.count + 1, self.bytes + len(data) + len(ppm)

    def pillow(self, name, image, **options):
        stream = io.BytesIO()
        image.save(stream, **options)
        self.add(name, stream.getvalue())


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


# ---- WebP ---------------------------------------------------------------------------------------------------------------
def chunk(kind, body):
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def chunks_of(data):
    at, found = 12, {}
    while at + 8 <= len(data):
        length = struct.unpack("<I", data[at + 4:at + 8])[0]
        found[data[at:at + 4]] = data[at + 8:at + 8 + length]
        at += 8 + length + (length & 1)
    return found


def webp_file(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def three(value):
    return struct.pack("<I", value)[:3]


def webp_animation(canvas, place, frame, alpha):
    """One frame that is smaller than its canvas."""
    stream = io.BytesIO()
    frame.save(stream, format="WEBP", lossless=True)
    inner = chunks_of(stream.getvalue())
    inner = b"".join(chunk(kind, inner[kind]) for kind in (b"ALPH", b"VP8 ", b"VP8L") if kind in inner)
    head = three(place[0] // 2) + three(place[1] // 2) + three(frame.width - 1) + three(frame.height - 1) + three(100) + b"\0"
    vp8x = bytes([2 | (16 if alpha else 0), 0, 0, 0]) + three(canvas[0] - 1) + three(canvas[1] - 1)
    anmf = chunk(b"ANMF", head + inner)
    return webp_file(chunk(b"VP8X", vp8x), chunk(b"ANIM", b"\x10\x20\x30\xff\0\0"), anmf, anmf)


def webp(folder):
    rgb, rgba = Image.fromarray(soft(21, 27)), Image.fromarray(with_alpha(21, 27))
    for quality in (10, 80):
        folder.pillow(f"lossy{quality}.webp", rgb, format="WEBP", quality=quality)
    folder.pillow("even.webp", Image.fromarray(soft(30, 40)), format="WEBP", quality=60)
    folder.pillow("one.webp", Image.fromarray(soft(1, 1)), format="WEBP", quality=90)
    folder.pillow("lossless.webp", rgb, format="WEBP", lossless=True)
    folder.pillow("lossless_palette.webp", rgb.quantize(5).convert("RGB"), format="WEBP", lossless=True)
    folder.pillow("lossy_alpha.webp", rgba, format="WEBP", quality=70)
    folder.pillow("lossless_alpha.webp", rgba, format="WEBP", lossless=True, exact=True)
    folder.pillow("grey.webp", Image.fromarray(soft(13, 17, 1)[..., 0]), format="WEBP", quality=70)
    small = Image.fromarray(soft(12, 20))
    for orientation in (2, 3, 6, 8):
        folder.pillow(f"exif{orientation}.webp", small, format="WEBP", quality=70, exif=exif_of(orientation))
    folder.pillow("xmp5.webp", small, format="WEBP", quality=70, xmp=XMP % 5)
    frames = [Image.fromarray(np.roll(soft(15, 19), shift, 1)) for shift in (0, 4, 8)]
    folder.pillow("animated.webp", frames[0], format="WEBP", save_all=True, append_images=frames[1:], quality=60)
    frames = [Image.fromarray(np.roll(with_alpha(15, 19), shift, 1)) for shift in (0, 4)]
    folder.pillow("animated_alpha.webp", frames[0], format="WEBP", save_all=True, append_images=frames[1:], quality=60)
    folder.add("frame_within.webp", webp_animation((24, 20), (6, 4), Image.fromarray(with_alpha(9, 11)), True))
    folder.add("frame_within_opaque.webp", webp_animation((24, 20), (6, 4), Image.fromarray(soft(9, 11)), False))
    stream = io.BytesIO()
    small.save(stream, format="WEBP", quality=60)
    data = stream.getvalue()
    folder.add("trailing.webp", data + b"more than RIFF says", expected(data))
    folder.add("odd_chunk.webp", webp_file(chunk(b"VP8X", b"\0\0\0\0" + three(19) + three(11)), chunk(b"UNKN", b"odd"),
                                           chunk(b"VP8 ", chunks_of(data)[b"VP8 "])))


# ---- GIF ----------------------------------------------------------------------------------------------------------------
def gif_lzw(indices, bits):
    """Codes of one width, with a clear code often enough that it never grows."""
    clear, codes, value, count, out = 1 << bits, [], 0, 0, bytearray()
    for i, index in enumerate(indices):
        if i % ((1 << bits) - 2) == 0:
            codes.append(clear)
        codes.append(index)
    for code in codes + [clear + 1]:
        value |= code << count
        count += bits + 1
        while count >= 8:
            out.append(value & 255)
            value, count = value >> 8, count - 8
    if count:
        out.append(value & 255)
    blocks = [bytes(out[i:i + 255]) for i in range(0, len(out), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif_map(colours):
    return bytes(np.array(colours, np.uint8).reshape(-1))


def gif_file(canvas, indices, place=(0, 0), screen_map=None, frame_map=None, transparent=None, interlaced=False, bits=4,
             background=0, before=b"", after=b""):
    height, width = indices.shape
    rows = list(range(height))
    if interlaced:
        rows = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, height, step)]

    def flags(colours):
        return 0x80 | int(np.log2(len(colours))) - 1 if colours is not None else 0

    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, flags(screen_map) | 0x70, background, 0)
    head += gif_map(screen_map) if screen_map is not None else b""
    if transparent is not None:
        head += b"!\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    head += before + b"," + struct.pack("<HHHHB", *place, width, height, flags(frame_map) | (0x40 if interlaced else 0))
    head += gif_map(frame_map) if frame_map is not None else b""
    return head + gif_lzw(indices[rows].reshape(-1).tolist(), bits) + after + b";"


def gif(folder):
    rgb = Image.fromarray(soft(21, 27))
    folder.pillow("palette256.gif", Image.fromarray(soft(30, 40)), format="GIF")
    folder.pillow("palette7.gif", rgb.quantize(7), format="GIF")
    folder.pillow("bits.gif", Image.fromarray(soft(13, 17, 1)[..., 0]).convert("1"), format="GIF")
    folder.pillow("grey.gif", Image.fromarray(soft(13, 17, 1)[..., 0]), format="GIF")
    folder.pillow("interlaced.gif", rgb.quantize(30), format="GIF", interlace=1)
    folder.pillow("transparent.gif", Image.fromarray(with_alpha(21, 27)), format="GIF")
    frames = [Image.fromarray(np.roll(soft(15, 19), shift, 1)) for shift in (0, 4, 8)]
    folder.pillow("animated.gif", frames[0], format="GIF", save_all=True, append_images=frames[1:])
    folder.pillow("one.gif", Image.fromarray(soft(1, 1)), format="GIF")
    colours = [[(17 * i) % 256, (91 * i) % 256, (200 - 13 * i) % 256] for i in range(16)]
    other = [[(201 * i + 9) % 256, (5 * i) % 256, (90 + 31 * i) % 256] for i in range(16)]
    y, x = np.mgrid[0:11, 0:14]
    indices = (x // 2 + y * 3) % 16
    folder.add("local_map.gif", gif_file((14, 11), indices, screen_map=colours, frame_map=other))
    folder.add("local_alone.gif", gif_file((14, 11), indices, frame_map=other))
    folder.add("no_map.gif", gif_file((14, 11), indices))
    folder.add("frame_within.gif", gif_file((24, 20), indices, (5, 3), screen_map=colours, background=3))
    folder.add("frame_within_clear.gif", gif_file((24, 20), indices, (5, 3), screen_map=colours, transparent=6))
    folder.add("frame_within_local.gif", gif_file((24, 20), indices, (5, 3), screen_map=colours, frame_map=other, interlaced=True))
    folder.add("frame_beyond.gif", gif_file((10, 8), indices, (5, 3), screen_map=colours))
    folder.add("short_map.gif", gif_file((14, 11), indices, screen_map=colours[:8]))
    folder.add("transparent_beyond.gif", gif_file((14, 11), indices, screen_map=colours[:8], transparent=12))
    folder.add("short_grey_map.gif", gif_file((14, 11), indices, screen_map=[[i] * 3 for i in range(8)]))
    folder.add("comment.gif", gif_file((14, 11), indices, screen_map=colours, before=b"!\xfe\x05hello\x03you\0"))
    for height in (1, 2, 3, 5, 9):
        folder.add(f"interlaced{height}.gif", gif_file((14, height), indices[:height], screen_map=colours, interlaced=True))


# ---- TIFF ---------------------------------------------------------------------------------------------------------------
WIDE = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}


def tiff_file(pixels, tags, order="<", big=False, strip_rows=None, tile=None, planar=False, pack=lambda rows: rows, bits=8):
    """Written by hand, for what Pillow does not write. pixels[H,W,S]; `pack` compresses a strip or tile."""
    height, width, samples = pixels.shape

    def raw(part):
        if bits == 16:
            return part.astype(order + "u2").tobytes()
        if bits == 8:
            return part.astype(np.uint8).tobytes()
        each = np.unpackbits(part.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits:]
        return np.packbits(each.reshape(part.shape[0], -1), axis=1).tobytes()

    blocks = []
    for plane in ([pixels[..., i:i + 1] for i in range(samples)] if planar else [pixels]):
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            blocks += [pack(raw(padded[y:y + tile, x:x + tile])) for y in range(0, height, tile) for x in range(0, width, tile)]
        else:
            step = strip_rows or height
            blocks += [pack(raw(plane[y:y + step])) for y in range(0, height, step)]
    head = 16 if big else 8
    offsets = [head + sum(map(len, blocks[:i])) for i in range(len(blocks))]
    entries = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [1]), 262: (3, [2]), 277: (3, [samples]),
               284: (3, [2 if planar else 1])}
    if tile:
        entries.update({322: (3, [tile]), 323: (3, [tile]), 324: (4, offsets), 325: (4, list(map(len, blocks)))})
    else:
        entries.update({278: (3, [strip_rows or height]), 273: (4, offsets), 279: (4, list(map(len, blocks)))})
    entries.update({tag: value if isinstance(value, tuple) else (3, value) for tag, value in tags.items()})
    data = b"".join(blocks)
    data += b"\0" * (len(data) % 2)
    field, body, behind = (8 if big else 4), b"", b""
    start = head + len(data)
    after = start + (8 if big else 2) + len(entries) * (20 if big else 12) + field
    for tag, (kind, values) in sorted(entries.items()):
        value = b"".join(struct.pack(order + WIDE[kind], item) for item in values)
        if len(value) > field:
            place = struct.pack(order + ("Q" if big else "I"), after + len(behind))
            behind += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(field, b"\0")
        body += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(values)) + place
    mark = b"II" if order == "<" else b"MM"
    if big:
        first = mark + struct.pack(order + "HHHQ", 43, 8, 0, start) + data + struct.pack(order + "Q", len(entries))
    else:
        first = mark + struct.pack(order + "HI", 42, start) + data + struct.pack(order + "H", len(entries))
    return first + body + b"\0" * field + behind


def lzw(data):
    """TIFF's LZW with codes of nine bits alone."""
    codes = []
    for i, byte in enumerate(data):
        if i % 250 == 0:
            codes.append(256)
        codes.append(byte)
    text = "".join(f"{code:09b}" for code in codes + [257])
    return bytes(int(text[i:i + 8].ljust(8, "0"), 2) for i in range(0, len(text), 8))


def reversed_bits(data):
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


def tiff(folder):
    rgb, grey = Image.fromarray(soft(21, 27)), Image.fromarray(soft(21, 27, 1)[..., 0])
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        folder.pillow(f"rgb_{compression}.tif", rgb, format="TIFF", compression=compression)
        folder.pillow(f"grey_{compression}.tif", grey, format="TIFF", compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt", "packbits"):
        folder.pillow(f"bits_{compression}.tif", grey.convert("1"), format="TIFF", compression=compression)
    folder.pillow("palette.tif", rgb.quantize(30), format="TIFF", compression="tiff_lzw")
    folder.pillow("rgba.tif", Image.fromarray(with_alpha(21, 27)), format="TIFF", compression="tiff_lzw")
    folder.pillow("la.tif", Image.fromarray(with_alpha(21, 27)).convert("LA"), format="TIFF")
    folder.pillow("cmyk.tif", rgb.convert("CMYK"), format="TIFF", compression="tiff_lzw")
    folder.pillow("cmyk_jpeg.tif", rgb.convert("CMYK"), format="TIFF", compression="jpeg")
    folder.pillow("ycbcr_jpeg.tif", Image.fromarray(soft(30, 40)).convert("YCbCr"), format="TIFF", compression="jpeg")
    folder.pillow("grey16.tif", Image.fromarray((soft(13, 17, 1)[..., 0].astype(np.uint16) * 257 + 3)), format="TIFF")
    pages = [Image.fromarray(np.roll(soft(15, 19), shift, 1)) for shift in (0, 4)]
    folder.pillow("pages.tif", pages[0], format="TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    for orientation in range(2, 9):
        folder.pillow(f"turned{orientation}.tif", Image.fromarray(soft(6, 9)), format="TIFF", tiffinfo={274: orientation})
    photo, half = soft(21, 27), soft(21, 27, 1)
    wide = photo.astype(np.uint16) * 256 + np.roll(photo, 1, 0)
    deflate = {"pack": zlib.compress}
    add = folder.add
    add("big_endian.tif", tiff_file(photo, {}, order=">", strip_rows=5))
    add("bigtiff.tif", tiff_file(photo, {259: [8]}, big=True, strip_rows=8, **deflate))
    add("bigtiff_be.tif", tiff_file(photo, {}, big=True, order=">", strip_rows=8), photo)  # Pillow reads little-endian ones alone
    add("tiles.tif", tiff_file(photo, {259: [8]}, tile=16, **deflate))
    add("tiles_raw.tif", tiff_file(photo, {}, tile=16))
    add("tiles_planar.tif", tiff_file(photo, {259: [8]}, tile=16, planar=True, **deflate))
    add("planar.tif", tiff_file(photo, {259: [8]}, planar=True, strip_rows=6, **deflate))
    add("planar_raw.tif", tiff_file(photo, {}, planar=True))
    add("planar_alpha.tif", tiff_file(with_alpha(21, 27), {259: [8], 338: [2]}, planar=True, strip_rows=6, **deflate))
    add("lzw_strips.tif", tiff_file(photo, {259: [5]}, strip_rows=4, pack=lzw))
    add("rgb16.tif", tiff_file(wide, {259: [8]}, bits=16, strip_rows=9, **deflate))
    add("rgb16_be.tif", tiff_file(wide, {}, bits=16, order=">"))
    add("rgb16_be_deflate.tif", tiff_file(wide, {259: [8]}, bits=16, order=">", **deflate))
    add("rgba16.tif", tiff_file(np.dstack([wide, wide[..., :1]]), {259: [8], 338: [2]}, bits=16, **deflate))
    add("grey16_be.tif", tiff_file(wide[..., :1], {262: [1]}, bits=16, order=">"))
    difference = photo.copy()
    difference[:, 1:] -= photo[:, :-1]
    add("predictor.tif", tiff_file(difference, {259: [8], 317: [2]}, **deflate))
    for bits in (1, 2, 4, 8):
        part = half >> (8 - bits)
        add(f"grey{bits}.tif", tiff_file(part, {262: [1]}, bits=bits))
        add(f"white_is_zero{bits}.tif", tiff_file(part, {262: [0], 259: [8]}, bits=bits, strip_rows=7, **deflate))
        colours = [(value * (257 if bits < 8 else 200) * 37) % 65536 for value in range(3 << bits)]
        add(f"palette{bits}.tif", tiff_file(part, {262: [3], 320: colours}, bits=bits))
    folded = [(value * 9000) % 65536 for value in range(48)]
    add("palette_tiles.tif", tiff_file(half >> 4, {262: [3], 259: [8], 320: folded}, bits=4, tile=16, **deflate))
    add("fill_order.tif", tiff_file(half >> 7, {262: [1], 266: [2]}, bits=1, pack=reversed_bits))
    rgba = with_alpha(21, 27)
    add("unspecified.tif", tiff_file(rgba, {338: [0]}))
    add("no_extra_tag.tif", tiff_file(rgba, {}))
    add("corel.tif", tiff_file(rgba, {338: [999]}))
    inside = np.dstack([rgba[..., :3].astype(int) * rgba[..., 3:] // 255, rgba[..., 3]]).astype(np.uint8)
    add("associated.tif", tiff_file(inside, {338: [1], 259: [8]}, **deflate))
    add("grey_associated.tif", tiff_file(inside[..., [0, 3]], {262: [1], 338: [1]}))
    add("palette_alpha.tif", tiff_file(np.dstack([half, half[::-1]]), {262: [3], 338: [2], 320: [(v * 1111) % 65536 for v in range(768)]}))
    add("cmyk_deflate.tif", tiff_file(rgba, {262: [5], 259: [8]}, strip_rows=10, **deflate))
    add("xmp6.tif", tiff_file(soft(6, 9), {700: (1, list(XMP % 6))}))
    add("no_photometric_count.tif", tiff_file(photo, {274: (4, [6])}))
    ycbcr = np.array(rgb.convert("YCbCr"))
    add("ycbcr_deflate.tif", tiff_file(ycbcr, {262: [6], 259: [8], 530: [1, 1]}, **deflate))


# ---- HEIC and AVIF ------------------------------------------------------------------------------------------------------
def boxes(data, begin, end):
    while begin < end:
        length = struct.unpack(">I", data[begin:begin + 4])[0]
        yield bytes(data[begin + 4:begin + 8]), begin, length
        begin += length


def with_property(data, box):
    """The same file, whose primary picture has one more property behind the others."""
    data = bytearray(data)
    meta = next(at for kind, at, _ in boxes(data, 0, len(data)) if kind == b"meta")
    inside = {kind: (at, length) for kind, at, length in boxes(data, meta + 12, meta + struct.unpack(">I", data[meta:meta + 4])[0])}
    iprp, length = inside[b"iprp"]
    parts = {kind: (at, size) for kind, at, size in boxes(data, iprp + 8, iprp + length)}
    ipco, ipma = parts[b"ipco"], parts[b"ipma"]
    index = sum(1 for _ in boxes(data, ipco[0] + 8, sum(ipco))) + 1
    assert data[ipma[0] + 8] == 0 and data[ipma[0] + 11] == 0 and ipma[0] > ipco[0]
    data[ipma[0] + 18] += 1  # of the first item
    first_end = ipma[0] + 19 + data[ipma[0] + 18] - 1
    data[first_end:first_end] = bytes([0x80 | index])
    data[sum(ipco):sum(ipco)] = box
    more = len(box) + 1
    for at, by in ((meta, more), (iprp, more), (ipco[0], len(box)), (ipma[0] + len(box), 1)):
        data[at:at + 4] = struct.pack(">I", struct.unpack(">I", data[at:at + 4])[0] + by)
    iloc = inside[b"iloc"][0] + (more if inside[b"iloc"][0] > iprp else 0)
    assert data[iloc + 8] == 0 and data[iloc + 12] == 0x44 and data[iloc + 13] in (0, 0x40)
    base = data[iloc + 13] == 0x40
    for item in range(struct.unpack(">H", data[iloc + 14:iloc + 16])[0]):
        at = iloc + 16 + (18 * item + 4 if base else 14 * item + 6)  # items of one extent each
        data[at:at + 4] = struct.pack(">I", struct.unpack(">I", data[at:at + 4])[0] + more)
    return bytes(data)


def box_of(kind, body):
    return struct.pack(">I", 8 + len(body)) + kind + body


def heif(folder, suffix, **options):
    def save(image, **more):
        stream = io.BytesIO()
        image.save(stream, format="HEIF" if suffix == "heic" else "AVIF", **options, **more)
        return stream.getvalue()

    rgb = Image.fromarray(soft(30, 40))
    chroma = {"heic": lambda kind: {"chroma": kind}, "avif": lambda kind: {"subsampling": f"{kind // 100}:{kind // 10 % 10}:{kind % 10}"}}[suffix]
    plain = save(rgb, quality=70)
    folder.add(f"s420.{suffix}", plain)
    folder.add(f"s444.{suffix}", save(rgb, quality=70, **chroma(444)))
    folder.add(f"s422.{suffix}", save(rgb, quality=70, **chroma(422)))
    folder.add(f"grey.{suffix}", save(rgb.convert("L"), quality=70))
    folder.add(f"alpha.{suffix}", save(Image.fromarray(with_alpha(30, 40)), quality=70))
    for turns in (1, 2, 3):
        folder.add(f"irot{turns}.{suffix}", with_property(plain, box_of(b"irot", bytes([turns]))))
    for axis in (0, 1):
        folder.add(f"imir{axis}.{suffix}", with_property(plain, box_of(b"imir", bytes([axis]))))
    if suffix == "avif":
        return  # Pillow's libavif leaves the crop to others
    clap = struct.pack(">8i", 24, 1, 16, 1, 2, 1, -1, 1)
    folder.add(f"clap.{suffix}", with_property(plain, box_of(b"clap", clap)))


def avif_kinds(folder):
    """Odd sizes, every chroma, depths, ranges and matrices that go other ways through libavif. `cicp` is primaries/transfer/matrix."""
    kinds = [("8", "420", "limited", "1/13/1"), ("8", "422", "limited", "9/16/9"), ("8", "444", "full", "1/13/6"),
             ("8", "420", "full", "12/13/12"), ("8", "422", "full", "6/6/7"), ("8", "444", "full", "1/13/0"),
             ("8", "420", "full", "1/13/8"), ("8", "400", "limited", "1/13/6"), ("10", "420", "limited", "9/16/9"),
             ("10", "444", "full", "1/13/6"), ("12", "420", "full", "1/13/6"), ("12", "422", "limited", "5/1/4")]
    clear = [("8", "420", "full", "1/13/1"), ("8", "400", "full", "1/13/6"), ("10", "420", "limited", "1/13/6"),
             ("10", "422", "full", "12/13/12"), ("12", "420", "full", "1/13/6"), ("12", "444", "limited", "1/13/1")]
    with tempfile.TemporaryDirectory() as temporary:
        source, target = Path(temporary) / "in.png", Path(temporary) / "out.avif"
        for name, image, list_of_kinds, options in (("", soft(13, 19), kinds, []), ("alpha_", with_alpha(13, 19), clear, []),
                                                    ("premultiplied_", with_alpha(13, 19), clear, ["--premultiply"])):
            Image.fromarray(image).save(source)
            for depth, chroma, limits, cicp in list_of_kinds:
                subprocess.run(["avifenc", "-d", depth, "-y", chroma, "-r", limits, "--cicp", cicp, "-s", "10", "--min", "5",
                                "--max", "20", *options, source, target], check=True, stdout=subprocess.DEVNULL)
                folder.add(f"{name}{depth}bit_{chroma}_{limits}_{cicp.split('/')[2]}.avif", target.read_bytes())
    for turns in range(2, 9):  # libavif writes irot and imir of it, for the alpha too
        folder.pillow(f"alpha_exif{turns}.avif", Image.fromarray(with_alpha(9, 13)), format="AVIF", exif=exif_of(turns), speed=10)


def heic_kinds(folder):
    """No chroma is interpolated here. Of a picture smaller than a block the rest is cropped."""
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    for chroma, full, matrix, deep, alpha in ((420, 0, 1, 0, 0), (420, 1, 9, 0, 1), (422, 0, 6, 0, 1), (444, 1, 0, 0, 0), (444, 1, 1, 0, 1),
                                              (420, 1, 6, 1, 0), (420, 0, 9, 1, 1), (422, 1, 1, 1, 1), (444, 0, 6, 1, 0)):
        pixels = with_alpha(13, 19) if alpha else soft(13, 19)
        mode = "RGBA" if alpha else "RGB"
        stream = io.BytesIO()
        image = pillow_heif.from_bytes(mode=f"{mode};16" if deep else mode, size=(19, 13),
                                       data=(pixels.astype(np.uint16) * 257 if deep else pixels).tobytes())
        image.save(stream, quality=80, chroma=chroma, matrix_coefficients=matrix, full_range_flag=full, color_primaries=1,
                   transfer_characteristics=13)
        name = f"{10 if deep else 8}bit_{chroma}_{'full' if full else 'limited'}_{matrix}.heic"
        folder.add(f"{'alpha_' if alpha else ''}{name}", stream.getvalue())
    stream = io.BytesIO()
    Image.fromarray(soft(30, 40)).save(stream, format="HEIF", quality=70)
    for turns, axis in ((1, 0), (3, 1)):
        turned = with_property(stream.getvalue(), box_of(b"irot", bytes([turns])))
        folder.add(f"irot{turns}_imir{axis}.heic", with_property(turned, box_of(b"imir", bytes([axis]))))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    folder = Folder(out)
    webp(folder)
    gif(folder)
    tiff(folder)
    heif(folder, "heic")
    heif(folder, "avif", speed=10)
    avif_kinds(folder)
    heic_kinds(folder)
    print(f"{folder.count} photos, {folder.bytes} bytes")


if __name__ == "__main__":
    main()
