"""Measures what `freezetune check` finds of copies in other bytes, and what it finds without any.

    python3 scripts/check_near.py --weights FILE [--near X] [--photos N] SET...

SET is a folder with train/ and val/. N photos of train, at equal distances, are copied into the val of a tree of links in each of the
ways below, a tree for each way, and check must call each near to its original, or to a photo that it calls near to
the original. Pairs that check finds in SET itself are listed to be looked at; they are false where they do not show
the same picture. Needs Pillow.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageEnhance


def cut(image, left, top, share):
    width, height = image.size
    box = (int(width * left), int(height * top), int(width * (left + share)), int(height * (top + share)))
    return image.crop(box)


def exif_turned(image, path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", quality=85, exif=exif)


WAYS = {
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 180 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "turned by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "turned by 10 degrees": lambda image: image.rotate(10, Image.Resampling.BICUBIC),
    "stored turned, with EXIF": None,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "90 % of each side, middle": lambda image: cut(image, 0.05, 0.05, 0.9),
    "90 % of each side, corner": lambda image: cut(image, 0, 0, 0.9),
    "brighter by 40 %": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "JPEG quality 30": lambda image: image,
}


def check(program, tree, arguments):
    command = [program, "check", str(tree), "--json", "--quiet", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"check ended with {done.returncode}")
    return json.loads(done.stdout)


def near(found):
    return [finding for finding in found["findings"] if finding["problem"].startswith("near")]


def make_tree(folder, photos, way, chosen, root):
    tree = pathlib.Path(folder)
    tree.mkdir()
    (tree / "train").symlink_to(root.resolve() / "train")
    (tree / "val").mkdir()
    for name in sorted({path.parent.name for path in photos}):
        (tree / "val" / name).mkdir()
        for path in sorted((root / "val" / name).iterdir()):
            (tree / "val" / name / path.name).symlink_to(path.resolve())
    for path in chosen:
        image = Image.open(path).convert("RGB")
        target = tree / "val" / path.parent.name / f"copy-{path.stem}.jpg"
        if WAYS[way]:
            WAYS[way](image).save(target, "JPEG", quality=30 if "quality" in way else 85)
        else:
            exif_turned(image, target)
    return tree


def originals(chosen, pairs):
    """For each copy the photos that it may be called near to: check names one other photo, the most alike."""
    right = {f"{path.parent.name}/copy-{path.stem}.jpg": {f"{path.parent.name}/{path.name}"} for path in chosen}
    for names in right.values():
        for pair in pairs:
            if pair["file"] in names or pair["other_file"] in names:
                names |= {pair["file"], pair["other_file"]}
    return right


def measure(arguments, root, options):
    photos = sorted((root / "train").glob("*/*"))
    chosen = photos[:: max(1, len(photos) // arguments.photos)][: arguments.photos]
    found = check(arguments.program, root, options)
    pairs = near(found)
    count = found["train"] + found["val"]
    print(f"{root.name}: {count} photos; {len(pairs)} near pairs without copies, {100 * len(pairs) / count:.2f} % of the photos")
    for pair in pairs:
        print(f"  {pair['score']:.4f} {pair['problem']}: {pair['list']}/{pair['file']} {pair['other_list']}/{pair['other_file']}")
    print(f"| {root.name}: the copy is | found of {len(chosen)} | least agreement of these |\n|---|---|---|")
    missed = 0
    for way in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            tree = make_tree(folder + "/tree", photos, way, chosen, root)
            right = originals(chosen, pairs)
            scores = {}
            for pair in near(check(arguments.program, tree, options)):
                for copy, other in ((pair["file"], pair["other_file"]), (pair["other_file"], pair["file"])):
                    if other in right.get(copy, ()):
                        scores[copy] = pair["score"]
        missed += len(chosen) - len(scores)
        print(f"| {way} | {len(scores)} | {min(scores.values(), default=0):.3f} |", flush=True)
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--near", default="0.95")
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("sets", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    options = ["--weights", arguments.weights, "--near", arguments.near]
    return 1 if sum(measure(arguments, root, options) for root in arguments.sets) else 0


if __name__ == "__main__":
    sys.exit(main())
