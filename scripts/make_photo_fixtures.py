#!/usr/bin/env python3
"""Writes tests/fixtures: photos/*, resize.tsv, reduce.tsv, preprocess.tsv, hf_preprocessor.tsv and augment.tsv, what Pillow,
torchvision and transformers make of small photos; and bomb.png, 8x8 pixels whose data inflates to 6 MB.

    python3 scripts/make_photo_fixtures.py tests/fixtures

Needs Pillow, NumPy, torch, torchvision and transformers. A photo NAME has its expected RGB pixels in NAME.ppm beside it. The tables hold
sizes and the FNV-1a hash (64 bits) of the expected pixels; the input is pattern() below, which tests/unit/data/test_resize.c
draws too.
"""
import io
import json
import math
import random
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import photo_kinds
import transformers
from PIL import Image, ImageOps
from torchvision import transforms
from torchvision.transforms import InterpolationMode, functional
from transformers.image_transforms import center_crop


def pattern(height, width, channels=3):
    """Deterministic pixels with smooth slopes, edges and texture."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    value = (y * 7 + x * 5 + c * 60) + ((x // 5 + y // 7) % 2) * 90 + (x * y * (c + 3)) % 31
    return (value & 255).astype(np.uint8)


def soft(height, width, channels=3):
    """Like a photo: smooth, so that JPEG and chroma subsampling do something sensible."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    value = 128 + 90 * np.sin(x / 5 + c) * np.cos(y / 7 - c) + 30 * ((x // 8 + y // 9) % 2)
    return np.clip(value, 0, 255).astype(np.uint8)


def fnv(pixels):
    value = 0xCBF29CE484222325
    for byte in pixels.tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def over_white(rgb, alpha):
    rgb, alpha = rgb.astype(int), alpha.astype(int)[..., None]
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, extra=b"", interlace=0):
    """A PNG written by hand, for what Pillow does not write."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def photos(out):
    def save(name, data, expected):
        (out / name).write_bytes(data)
        height, width, _ = expected.shape
        (out / f"{name}.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + expected.astype(np.uint8).tobytes())

    def pillow(name, image, expected=None, **options):
        stream = io.BytesIO()
        image.save(stream, **options)
        again = Image.open(io.BytesIO(stream.getvalue()))
        save(name, stream.getvalue(), np.array(again.convert("RGB")) if expected is None else expected)

    colour = Image.fromarray(soft(29, 37))
    grey = Image.fromarray(soft(29, 37, 1)[..., 0])
    pillow("s420.jpg", colour, format="JPEG", quality=85, subsampling=2)
    pillow("s422.jpg", colour, format="JPEG", quality=85, subsampling=1)
    pillow("s444.jpg", colour, format="JPEG", quality=85, subsampling=0)
    pillow("rgb.jpg", colour, format="JPEG", quality=85, keep_rgb=True)
    pillow("grey.jpg", grey, format="JPEG", quality=85)
    pillow("progressive.jpg", colour, format="JPEG", quality=85, progressive=True)
    pillow("restart.jpg", colour, format="JPEG", quality=85, restart_marker_blocks=1)
    pillow("cmyk.jpg", Image.fromarray(soft(29, 37, 4), mode="CMYK"), format="JPEG", quality=85)
    for orientation in range(1, 9):
        stream = io.BytesIO()
        Image.fromarray(soft(12, 20)).save(stream, format="JPEG", quality=90, subsampling=0, exif=exif_of(orientation))
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(stream.getvalue())))
        save(f"exif{orientation}.jpg", stream.getvalue(), np.array(upright.convert("RGB")))

    pillow("grey.png", grey, format="PNG")
    pillow("rgb.png", colour, format="PNG")
    pillow("bits.png", grey.convert("1"), format="PNG")
    palette = colour.quantize(16)
    pillow("palette.png", palette, format="PNG")
    rgba = np.concatenate([soft(13, 17), pattern(13, 17, 1)], axis=2)
    pillow("rgba.png", Image.fromarray(rgba), over_white(rgba[..., :3], rgba[..., 3]), format="PNG")
    la = np.concatenate([soft(13, 17, 1), pattern(13, 17, 1)], axis=2)
    pillow("la.png", Image.fromarray(la), over_white(la[..., [0, 0, 0]], la[..., 1]), format="PNG")
    clear = colour.quantize(8)
    indices = np.array(clear)
    alpha = np.where(indices == 2, 0, np.where(indices == 3, 100, 255))
    transparency = bytes([255, 255, 0, 100])
    pillow("palette_alpha.png", clear, over_white(np.array(clear.convert("RGB")), alpha), format="PNG",
           transparency=transparency)
    deep = (pattern(13, 17, 3).astype(int) * 256 + pattern(17, 13, 3).reshape(13, 17, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    save("rgb16.png", png(17, 13, 16, 2, rows), deep.astype(int) >> 8)
    rows = b"".join(b"\0" + row.tobytes() for row in deep[..., 0])
    save("grey16.png", png(17, 13, 16, 0, rows), (deep.astype(int) >> 8)[..., [0, 0, 0]])
    small = soft(6, 9)
    rows = b"".join(b"\0" + row.tobytes() for row in small)
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    save("exif6.png", png(9, 6, 8, 2, rows, chunk(b"eXIf", tiff)), np.rot90(small, -1))
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    picture = soft(13, 17)
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in passes for row in picture[top::down, left::right])
    save("interlaced.png", png(17, 13, 8, 2, rows, interlace=1), picture)

    pillow("rgb.bmp", Image.fromarray(soft(13, 17)), format="BMP")
    pillow("palette.bmp", Image.fromarray(soft(13, 17)).quantize(8), format="BMP")
    pillow("bits.bmp", Image.fromarray(soft(13, 17, 1)[..., 0]).convert("1"), format="BMP")
    bgrx = np.concatenate([soft(13, 17)[..., ::-1], pattern(13, 17, 1)], axis=2)
    head = struct.pack("<2sIHHI", b"BM", 54 + bgrx.size, 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, 17, -13, 1, 32, 0, bgrx.size, 0, 0, 0, 0)
    save("rgbx_top_down.bmp", head + info + bgrx.tobytes(), soft(13, 17))


FILTERS = {name: InterpolationMode(name) for name in ("bilinear", "bicubic", "lanczos", "box", "hamming", "nearest")}


def resize_table(path):
    rows = ["# filter; input height, width; crop top, left, height, width; output height, width; FNV-1a of the pixels\n"]
    draw = random.Random(1)
    sizes = [(1, 1, 1, 1), (1, 1, 5, 7), (5, 7, 1, 1), (17, 23, 17, 23), (17, 23, 17, 9), (17, 23, 31, 23), (2, 2, 64, 64),
             (300, 3, 7, 90), (3, 300, 90, 7), (200, 301, 224, 224), (97, 131, 50, 33), (255, 257, 256, 256), (500, 333, 3, 2), (1500, 20, 30, 15), (20, 1500, 15, 30), (900, 700, 224, 224),
             (700, 300, 224, 224), (100, 60, 60, 40), (99, 60, 60, 40), (101, 60, 60, 40)]
    sizes += [tuple(draw.randint(1, 90) for _ in range(4)) for _ in range(40)]
    for number, (height, width, out_height, out_width) in enumerate(sizes):
        top, left, rows_in, columns_in = 0, 0, height, width
        if number % 3 == 2:
            rows_in, columns_in = draw.randint(1, height), draw.randint(1, width)
            top, left = draw.randint(0, height - rows_in), draw.randint(0, width - columns_in)
        image = Image.fromarray(pattern(height, width))
        for name, mode in FILTERS.items():
            result = functional.resized_crop(image, top, left, rows_in, columns_in, [out_height, out_width], mode)
            rows.append("\t".join(map(str, (name, height, width, top, left, rows_in, columns_in, out_height, out_width,
                                            fnv(np.array(result))))) + "\n")
    path.write_text("".join(rows))


TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}


def reduce_table(path, folder):
    """JPEG decoded at 1/2, 1/4 and 1/8 by Image.draft, then a box of the photo out of that by Image.resize(box=)."""
    rows = ["# file, shift; height, width of the picture, FNV-1a; top, left, height, width of a box of the photo; filter; output "
            "height, width, FNV-1a\n"]
    draw = random.Random(4)
    names = ["s420", "s422", "s444", "grey", "progressive", "cmyk"] + [f"exif{number}" for number in range(1, 9)]
    for name in names:
        for shift in (1, 2, 3):
            image = Image.open(folder / f"{name}.jpg")
            turn = TURNS.get(image.getexif().get(0x0112, 1))
            width, height = image.size
            image.draft(image.mode, (width >> shift, height >> shift))
            inside = np.zeros((image.height << shift, image.width << shift), np.uint8)
            inside[:height, :width] = 1
            image, inside = image.convert("RGB"), Image.fromarray(inside)
            if turn is not None:
                image, inside = image.transpose(turn), inside.transpose(turn)
            left, top, right, bottom = inside.getbbox()
            for _ in range(1 if shift < 3 else 4):
                rows_in, columns_in = draw.randint(1, bottom - top), draw.randint(1, right - left)
                y, x = draw.randint(0, bottom - top - rows_in), draw.randint(0, right - left - columns_in)
                edges = [(left + x) / 2**shift, (top + y) / 2**shift, (left + x + columns_in) / 2**shift,
                         (top + y + rows_in) / 2**shift]
                hull = [math.floor(edges[0]), math.floor(edges[1]), math.ceil(edges[2]), math.ceil(edges[3])]
                box = [edge - hull[i % 2] for i, edge in enumerate(edges)]
                filter_name = draw.choice(["bilinear", "bicubic"])
                out = draw.randint(1, 9), draw.randint(1, 9)
                result = image.crop(hull).resize(out[::-1], Image.Resampling[filter_name.upper()], box=box)
                rows.append("\t".join(map(str, (f"{name}.jpg", shift, image.height, image.width, fnv(np.array(image)), y, x,
                                                rows_in, columns_in, filter_name, *out, fnv(np.array(result))))) + "\n")
    path.write_text("".join(rows))


def preprocess_table(path):
    """torchvision's transforms, and those of Hugging Face's processors, which cut out the middle in their own way."""
    rows = ["# filter; input height, width; resize, crop; fit, center; FNV-1a of the pixels\n"]
    cases = [(333, 500, 256, 224), (500, 333, 256, 224), (256, 256, 256, 224), (300, 301, 256, 224), (257, 600, 256, 224),
             (31, 40, 37, 32), (40, 31, 37, 32), (28, 28, 37, 32), (41, 57, 30, 25), (57, 41, 29, 24), (9, 200, 20, 20),
             (10, 20, 8, 12), (20, 10, 8, 13), (20, 30, 8, 14), (10, 10, 5, 40), (1, 1, 3, 2), (7, 1, 9, 8)]
    for height, width, resize, crop in cases:
        for name, mode in FILTERS.items():
            for fit, size in ("short", resize), ("squash", [resize, resize]):
                resized = transforms.Resize(size, mode)(Image.fromarray(pattern(height, width)))
                results = {"round": np.array(transforms.CenterCrop(crop)(resized)),
                           "floor": center_crop(np.array(resized), (crop, crop), input_data_format="channels_last")}
                for center, result in results.items():
                    rows.append("\t".join(map(str, (name, height, width, resize, crop, fit, center,
                                                    fnv(np.ascontiguousarray(result))))) + "\n")
    path.write_text("".join(rows))


def processor_table(path):
    """What Hugging Face's processors, in their Pillow version, make of a photo before the scale and the mean."""
    rows = ["# preprocessor_config.json; input height, width; side of the square; FNV-1a of the pixels\n"]
    cases = [{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3},
             {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 57}, "crop_pct": 0.95},
             {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}, "resample": 2},
             {"image_processor_type": "ConvNextImageProcessor"},
             {"image_processor_type": "ViTImageProcessor", "size": {"height": 64, "width": 64}},
             {"image_processor_type": "ViTImageProcessor", "size": 51, "resample": 0},
             {"image_processor_type": "DeiTImageProcessor", "size": {"height": 74, "width": 74}, "crop_size": 61, "resample": 3},
             {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 70}, "crop_size": {"height": 63, "width": 63}},
             {"image_processor_type": "BitImageProcessor", "size": 40, "crop_size": 53, "resample": 1},
             {"image_processor_type": "CLIPImageProcessor", "size": 64, "crop_size": 64, "resample": 5},
             {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 47}, "crop_size": 43},
             {"image_processor_type": "PoolFormerImageProcessor", "size": {"shortest_edge": 47}, "crop_size": 43},
             {"image_processor_type": "PoolFormerImageProcessor", "size": {"height": 45, "width": 45}, "crop_size": 43, "crop_pct": 0.8},
             {"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 62, "width": 62}, "resample": 4},
             {"image_processor_type": "BeitImageProcessor", "size": 62, "do_center_crop": True, "crop_size": 49},
             {"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 66}, "crop_size": 61}]
    for case in cases:
        values = {key: value for key, value in case.items() if key != "image_processor_type"}
        processor = getattr(transformers, case["image_processor_type"] + "Pil")(**values)
        if hasattr(processor, "include_top"):
            processor.include_top = False  # a second division by the deviation
        for height, width in (75, 100), (131, 97), (64, 64), (33, 200), (300, 17):
            picture = Image.fromarray(pattern(height, width))
            pixels = processor(picture, do_rescale=False, do_normalize=False)["pixel_values"][0]
            result = np.ascontiguousarray(np.asarray(pixels).transpose(1, 2, 0)).astype(np.uint8)
            rows.append("\t".join(map(str, (json.dumps(case), height, width, result.shape[0], fnv(result)))) + "\n")
    path.write_text("".join(rows))


def augment_table(path):
    """RandomResizedCrop's box when its uniform draws are ours: uniform_ and randint are replaced for the call."""
    rows = ["# height, width; top, left, height, width of the box; 22 draws in units of 2^-24\n"]
    draw = random.Random(2)
    real_empty, real_randint = torch.empty, torch.randint
    for number in range(120):
        height, width = draw.randint(1, 700), draw.randint(1, 700)
        if number % 10 == 9:  # so thin that no try fits
            height, width = draw.choice([(1, 300), (300, 1), (2, 500), (400, 3)])
        units = [draw.getrandbits(24) for _ in range(22)]
        tries, places = iter(units[:20]), iter(units[20:])

        class Drawn:
            def uniform_(self, low, high):
                low, high = np.float32(low), np.float32(high)
                return torch.tensor(np.float32(next(tries) / 2**24) * (high - low) + low).reshape(1)

        torch.empty = lambda *_, **__: Drawn()
        torch.randint = lambda low, high, size=None: torch.tensor([int(next(places) / 2**24 * high)])
        try:
            box = transforms.RandomResizedCrop.get_params(Image.new("RGB", (width, height)), (0.08, 1.0), (3 / 4, 4 / 3))
        finally:
            torch.empty, torch.randint = real_empty, real_randint
        rows.append("\t".join(map(str, (height, width, *box, *units))) + "\n")
    path.write_text("".join(rows))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    (out / "photos").mkdir(parents=True, exist_ok=True)
    photos(out / "photos")
    photo_kinds.photos(out / "photos")
    (out / "bomb.png").write_bytes(png(8, 8, 8, 2, bytes(6_000_000)))
    resize_table(out / "resize.tsv")
    reduce_table(out / "reduce.tsv", out / "photos")
    preprocess_table(out / "preprocess.tsv")
    processor_table(out / "hf_preprocessor.tsv")
    augment_table(out / "augment.tsv")


if __name__ == "__main__":
    main()
