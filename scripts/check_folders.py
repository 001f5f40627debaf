"""Opens what `freezetune convert` writes for other libraries with these libraries, and compares logits.

  make && $(sh scripts/venv.sh --bench) scripts/check_folders.py --photos FOLDER [WEIGHTS...] [--program ./freezetune]

For each WEIGHTS (a weight file of any ResNet; without one, a resnet18 with random weights and five named classes, whose
photos are prepared unusually) a folder for transformers, one for timm and ONNX files are made. Each answers for the photos
of --photos (JPEG, up to --most of them). A row per check says what was found; logits are compared with those of
`freezetune predict`, relative to the largest, and may be off by 1e-5:

  - on the pixels of torchvision's Resize and CenterCrop
  - on the pixels that the library itself makes of the photo, as the folder describes it. timm's and, resized by Pillow,
    transformers' must be torchvision's, but that transformers cuts at floor(rest / 2) where torchvision rounds to even:
    where that is another pixel, the pixels are compared with a cut there, and the logits not at all. What transformers'
    own resampling (torchvision's on tensors) changes is told and not judged
  - the names of the classes; the network without its last layer
  - `freezetune predict` answers the same for the folder, with and without the metadata in its model.safetensors

timm and transformers are installed by pip besides what venv.sh installs. Exit code 1 when a check failed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import timm
import torch
import torchvision
import transformers
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torchvision import transforms

import checks
from checks import check

TOLERANCE = 1e-5


def distance(found, wanted):
    return float(max(abs(f - w).max() / abs(w).max() for f, w in zip(found, wanted)))


def compare(label, found, wanted, tolerance=TOLERANCE):
    equal = sum(f.argmax() == w.argmax() for f, w in zip(found, wanted))
    off = distance(found, wanted)
    check(off <= tolerance and equal == len(wanted),
          f"{label}: first class equal on {equal} of {len(wanted)}, logits within {off:.1e}")


class Model:
    """A weight file, the photos, and what `freezetune predict` answers."""

    def __init__(self, program, weights, photos, folder):
        self.program, self.folder, self.photos = program, folder, photos
        self.base = self.convert(weights, "base.safetensors")
        with safe_open(self.base, "pt") as file:
            texts = file.metadata()
        self.arch, self.preprocess = texts["freezetune.arch"], json.loads(texts["freezetune.preprocess"])
        self.classes = json.loads(texts["freezetune.classes"]) if "freezetune.classes" in texts else None
        self.images = [Image.open(photo).convert("RGB") for photo in photos]
        interpolation = transforms.InterpolationMode(self.preprocess["interpolation"])
        self.prepare = transforms.Compose([transforms.Resize(self.preprocess["resize"], interpolation),
                                           transforms.CenterCrop(self.preprocess["crop"])])
        self.squares = [numpy.array(self.prepare(image)) for image in self.images]
        self.floored = [self.cut_floored(self.prepare.transforms[0](image)) for image in self.images]
        normal = transforms.Compose([transforms.ToTensor(),
                                     transforms.Normalize(self.preprocess["mean"], self.preprocess["std"])])
        self.pixels = torch.stack([normal(square) for square in self.squares])
        self.logits = self.predict(self.base)

    def convert(self, source, name, *options):
        path = self.folder / name
        subprocess.run([self.program, "convert", *options, source, path], check=True, stderr=subprocess.DEVNULL)
        return path

    def predict(self, model):
        answers = self.folder / "logits.safetensors"
        subprocess.run([self.program, "predict", "--quiet", "--model", model, "--logits", answers, "--out",
                        self.folder / "answers.txt", *self.photos], check=True, stderr=subprocess.DEVNULL)
        return load_file(answers)["logits"].numpy()

    def cut_floored(self, image):
        """The middle as transformers cuts it."""
        crop, (width, height) = self.preprocess["crop"], image.size
        if min(width, height) < crop:
            return numpy.array(self.prepare.transforms[1](image))
        return numpy.array(transforms.functional.crop(image, (height - crop) // 2, (width - crop) // 2, crop, crop))

    def levels(self, pixels):
        """Normalised pixels as levels of 255."""
        mean, std = (numpy.array(self.preprocess[key]).reshape(3, 1, 1) for key in ("mean", "std"))
        return numpy.rint((pixels.numpy() * std + mean) * 255).transpose(1, 2, 0).astype(int)

    def compare_pixels(self, label, pixels, squares):
        off = [abs(self.levels(p) - s.astype(int)) for p, s in zip(pixels, squares)]
        share = sum(int((o > 0).sum()) for o in off) / sum(o.size for o in off)
        text = f"{label}: {share:.2%} of the values differ, by {max(int(o.max()) for o in off)} levels at most"
        return max(int(o.max()) for o in off), text

    def read_back(self, folder):
        compare(f"{folder.name}: freezetune predict, read back", self.predict(folder), self.logits, 0)
        path = folder / "model.safetensors"
        save_file(load_file(path), path, {"format": "pt"})
        compare(f"{folder.name}: the same without freezetune's metadata", self.predict(folder), self.logits, 0)

    def answers(self, label, function):
        with torch.inference_mode():
            compare(label, torch.cat([function(part) for part in self.pixels.split(8)]).numpy(), self.logits)


def check_transformers(model):
    folder = model.convert(model.base, "hf", "--format", "hf")
    network, report = transformers.AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
    network.eval()
    check(not any(report.values()), f"hf: {type(network).__name__} without a missing, unexpected or mismatched tensor")
    if model.classes:
        labels = network.config.id2label, network.config.label2id
        check([labels[0][i] for i in range(len(labels[0]))] == model.classes and
              all(labels[1][name] == i for i, name in enumerate(model.classes)), "hf: the names of the classes")
    check(network.num_labels == model.logits.shape[1], f"hf: {network.num_labels} labels")
    model.answers("hf: transformers on torchvision's pixels", lambda x: network(x).logits)
    same = [i for i in range(len(model.photos)) if (model.squares[i] == model.floored[i]).all()]
    print(f"     hf: {len(model.photos) - len(same)} of {len(model.photos)} photos are cut at another pixel")
    for backend in ("pil", "torchvision"):
        processor = transformers.AutoImageProcessor.from_pretrained(folder, backend=backend)
        label = f"hf: {type(processor).__name__}"
        pixels = torch.stack([processor(image, return_tensors="pt")["pixel_values"][0] for image in model.images])
        off, text = model.compare_pixels(label, pixels, model.floored)
        with torch.inference_mode():
            logits = network(pixels).logits.numpy()
        if backend == "pil":
            check(off == 0, text)
            compare(f"{label}, photos of the same cut", logits[same], model.logits[same])
        else:
            print("    ", text)
            print(f"     {label}, photos of the same cut: logits within {distance(logits[same], model.logits[same]):.1e}")
        print(f"     {label}, all photos: logits within {distance(logits, model.logits):.1e}, first class equal on "
              f"{sum(logits.argmax(1) == model.logits.argmax(1))} of {len(logits)}")
    model.read_back(folder)


def check_timm(model):
    folder = model.convert(model.base, "timm", "--format", "timm")
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    check(network.pretrained_cfg["architecture"] == model.arch and
          (not model.classes or list(network.pretrained_cfg["label_names"]) == model.classes),
          f"timm: {model.arch}, the names of the classes")
    model.answers("timm: on torchvision's pixels", network)
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    pixels = torch.stack([transform(image) for image in model.images])
    off, text = model.compare_pixels("timm: its own transform", pixels, model.squares)
    check(off == 0, text)
    with torch.inference_mode():
        compare("timm: with its own transform", network(pixels).numpy(), model.logits)
    # transformers opens timm's folder too, and asks timm for the preprocessing.
    wrapped = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(model.images)["pixel_values"]
    with torch.inference_mode():
        compare(f"timm: {type(wrapped).__name__}", wrapped(pixels).logits.numpy(), model.logits)
    model.read_back(folder)


def check_bodies(model):
    """The network without fc, in both libraries, against torchvision's."""
    state = {name: value for name, value in load_file(model.base).items() if not name.startswith("fc.")}
    plain = getattr(torchvision.models, model.arch)()
    plain.fc = torch.nn.Identity()
    plain.load_state_dict(state)
    body = model.folder / "body.safetensors"
    save_file({name: value for name, value in state.items() if "num_batches" not in name}, body)
    with torch.inference_mode():
        pixels = model.pixels[:4]
        wanted = plain.eval()(pixels).numpy()
        folder = model.convert(body, "hf-body", "--format", "hf")
        network, report = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
        check(not any(report.values()), "hf, body: no tensor is missing")
        compare(f"hf, body: {type(network).__name__}", network.eval()(pixels).pooler_output.flatten(1).numpy(), wanted)
        network = timm.create_model(f"local-dir:{model.convert(body, 'timm-body', '--format', 'timm')}", pretrained=True)
        compare("timm, body: num_classes=0", network.eval()(pixels).numpy(), wanted)


def check_onnx(model):
    for options in ([], ["--fold-bn"], ["--opset", "13"], ["--opset", "28"]):
        path = model.convert(model.base, "model.onnx", *options)
        onnx.checker.check_model(path, full_check=True)
        opset = onnx.load(path).opset_import[0].version
        check(opset == int(options[-1] if "--opset" in options else 7), f"onnx: onnx.checker, operator set {opset}")
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        model.answers(f"onnx, operator set {opset}{', folded' * ('--fold' in options)}: ONNX Runtime",
                      lambda x: torch.from_numpy(session.run(["logits"], {"input": x.numpy()})[0]))


def random_model(folder, program):
    """A resnet18 whose BatchNorms are not those of a new network."""
    torch.manual_seed(1)
    network = torchvision.models.resnet18(num_classes=5)
    network.train()
    for _ in range(20):
        network(torch.randn(8, 3, 64, 64))
    raw = folder / "raw.safetensors"
    save_file(network.state_dict(), raw, {"freezetune.classes": json.dumps(["a \"b\"", "c\\d", "é", "\t", "5"])})
    path = folder / "random.safetensors"
    subprocess.run([program, "convert", "--resize", "73", "--crop", "64", "--interpolation", "bicubic", raw, path],
                   check=True, stderr=subprocess.DEVNULL)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", nargs="*")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--program", default="./freezetune")
    options = parser.parse_args()
    photos = sorted(p for p in pathlib.Path(options.photos).rglob("*") if p.suffix.lower() in (".jpeg", ".jpg"))
    photos = photos[::max(1, len(photos) // options.most)][:options.most]
    print(f"transformers {transformers.__version__}, timm {timm.__version__}, ONNX Runtime {onnxruntime.__version__}, "
          f"{len(photos)} photos")
    program = str(pathlib.Path(options.program).resolve())
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        for weights in options.weights or [random_model(pathlib.Path(folder), program)]:
            with tempfile.TemporaryDirectory() as room:
                model = Model(program, weights, photos, pathlib.Path(room))
                print(f"{pathlib.Path(weights).name}: {model.arch}, {model.preprocess}")
                check_transformers(model)
                check_timm(model)
                check_bodies(model)
                check_onnx(model)
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())
