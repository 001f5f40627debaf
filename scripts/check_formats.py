"""Opens what `freezetune convert` writes with the programs it is written for: PyTorch, the safetensors package, ONNX
and ONNX Runtime.

  make && $(sh scripts/venv.sh --bench) scripts/check_formats.py resnet50.safetensors [--tune DATA] [--photos FOLDER]

WEIGHTS is any weight file of a ResNet-50; with --tune it is first fine-tuned for an epoch on that folder of photos, and
the result is what is looked at. --photos is a folder of JPEG files, on which the ONNX file is compared with PyTorch's and
with `freezetune predict`: logits within 1e-4 of the largest, and the same first class. They are prepared as the ONNX
file's own metadata says. A line per check; exit code 1 when one failed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy
import onnx
import onnxruntime
import torch
import torchvision
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torchvision import transforms

import checks
from checks import check


def same(a, b):
    """Two state dicts: the same names in the same order, types, shapes and bits."""
    return list(a) == list(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.numpy(force=True).tobytes() == y.numpy(force=True).tobytes()
        for x, y in zip(map(bits, a.values()), map(bits, b.values())))


def bits(tensor):
    return tensor.view(torch.int16) if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def ordered(path):
    """The tensors of a safetensors file in the order of their data."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.offset_keys()}


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def rounded(state, dtype):
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}


def check_pth(convert, base, state):
    for name, options, dtype in (("plain.pth", [], None), ("half.pth", ["--dtype", "f16"], torch.float16),
                                 ("brain.pt", ["--dtype", "bf16"], torch.bfloat16)):
        path = convert(base, name, *options)
        loaded = torch.load(path, weights_only=True)
        check(same(loaded, rounded(state, dtype) if dtype else state),
              f"{name}: torch.load(weights_only=True) gives the same {len(loaded)} tensors")
        check(loaded.freezetune_metadata == metadata(base), f"{name}: the same metadata")
    path = convert(base, "plain.pth")
    torchvision.models.resnet50(num_classes=len(state["fc.bias"])).load_state_dict(torch.load(path, weights_only=True))
    check(same(torch.load(path, weights_only=True, mmap=True), state), "plain.pth: and mapped (mmap=True)")
    with zipfile.ZipFile(path) as archive:
        check(archive.testzip() is None, "plain.pth: Python's zipfile finds every CRC-32 right")
        with open(path, "rb") as file:
            starts = set()
            for info in archive.infolist():
                file.seek(info.header_offset + 26)
                name, extra = numpy.frombuffer(file.read(4), "<u2")
                starts.add((info.header_offset + 30 + int(name) + int(extra)) % 64)
        check(starts == {0}, "plain.pth: all entries begin at multiples of 64 bytes")


def check_safetensors(convert, base, state):
    for name, option, dtype in (("half.safetensors", "f16", torch.float16),
                                ("brain.safetensors", "bf16", torch.bfloat16)):
        path = convert(base, name, "--dtype", option)
        check(same(ordered(path), rounded(state, dtype)), f"{name}: every value as PyTorch's .to({dtype}) rounds it")
        back = convert(path, "back.safetensors", "--dtype", "f32")
        check(same(ordered(back), rounded(rounded(state, dtype), torch.float32)), f"{name}: and back to float32 exactly")


def pytorch_logits(state, pixels):
    model = torchvision.models.resnet50(num_classes=len(state["fc.bias"])).eval()
    model.load_state_dict(state)
    with torch.inference_mode():
        return torch.cat([model(part) for part in pixels.split(8)]).numpy()


def read_photos(folder, preprocess):
    names = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in (".jpeg", ".jpg"))
    pipeline = transforms.Compose([
        transforms.Resize(preprocess["resize"]), transforms.CenterCrop(preprocess["crop"]), transforms.ToTensor(),
        transforms.Normalize(preprocess["mean"], preprocess["std"])])
    return names, torch.stack([pipeline(Image.open(name).convert("RGB")) for name in names])


def compare(label, ours, theirs):
    distance = max(abs(x - y).max() / abs(y).max() for x, y in zip(ours, theirs))
    equal = sum(x.argmax() == y.argmax() for x, y in zip(ours, theirs))
    check(distance <= 1e-4 and equal == len(theirs),
          f"{label}: first class equal on {equal} of {len(theirs)}, logits within {distance:.1e} of the largest")


def check_onnx(convert, program, base, state, photos):
    notes = metadata(base)
    if photos:
        texts = onnxruntime.InferenceSession(convert(base, "notes.onnx")).get_modelmeta().custom_metadata_map
        check(len(json.loads(texts["freezetune.classes"])) == len(state["fc.bias"]),
              f"notes.onnx: the names of {len(state['fc.bias'])} classes")
        names, pixels = read_photos(photos, json.loads(texts["freezetune.preprocess"]))
        theirs = pytorch_logits(state, pixels)
        answers = convert.folder / "logits.safetensors"
        subprocess.run([program, "predict", "--model", base, "--quiet", "--logits", answers, "--out",
                        convert.folder / "answers.txt", *names], check=True)
        ours = load_file(answers)["logits"].numpy()
    for name, options in (("plain.onnx", []), ("folded.onnx", ["--fold-bn"]), ("newest.onnx", ["--opset", "28"])):
        path = convert(base, name, *options)
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path)
        kinds = {node.op_type for node in model.graph.node}
        opset = model.opset_import[0].version
        check(model.ir_version == 7 and opset == (28 if "--opset" in options else 7) and
              ("BatchNormalization" in kinds) != ("--fold-bn" in options),
              f"{name}: onnx.checker; IR {model.ir_version}, operator set {opset}, {len(model.graph.node)} nodes")
        check({p.key: p.value for p in model.metadata_props} == notes, f"{name}: the same metadata")
        again = convert(base, "again.onnx", *options)
        check(path.read_bytes() == again.read_bytes(), f"{name}: the same bytes when written again")
        if not photos:
            continue
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        results = numpy.concatenate([session.run(["logits"], {"input": part.numpy()})[0]
                                     for part in pixels.split([1, 7] + [8] * ((len(pixels) - 8) // 8) +
                                                              [(len(pixels) - 8) % 8])])
        compare(f"{name}: ONNX Runtime against PyTorch", results, theirs)
        compare(f"{name}: ONNX Runtime against freezetune predict", results, ours)
    if photos:
        check_pixels(convert, base, names, ours)


def check_pixels(convert, base, names, ours):
    """--normalise --softmax: pixels of torchvision's Resize and CenterCrop in, the probabilities of `ours` out."""
    preprocess = json.loads(metadata(base)["freezetune.preprocess"])
    cut = transforms.Compose([transforms.Resize(preprocess["resize"]), transforms.CenterCrop(preprocess["crop"])])
    pixels = numpy.stack([numpy.asarray(cut(Image.open(name).convert("RGB"))) for name in names])
    wanted = torch.softmax(torch.from_numpy(ours).double(), 1).numpy()
    for name, options in (("pixels.onnx", []), ("pixels_newest.onnx", ["--opset", "28", "--fold-bn"])):
        path = convert(base, name, "--normalise", "--softmax", *options)
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found = numpy.concatenate([session.run(["probabilities"], {"input": part})[0]
                                   for part in numpy.array_split(pixels, max(1, len(pixels) // 8))])
        off = abs(found - wanted).max()
        check(off <= 1e-5 and (found.argmax(1) == wanted.argmax(1)).all(),
              f"{name}: ONNX Runtime's probabilities of {len(names)} photos against freezetune predict, within {off:.1e}")


def tuned(options, folder):
    """The model of one epoch on the photos of --tune."""
    run = folder / "run"
    subprocess.run([options.program, "train", "--quiet", "--weights", options.weights, "--data", options.tune, "--epochs",
                    "1", "--lr", "0.005", "--out", run], check=True, stdout=subprocess.DEVNULL)
    changed = subprocess.run([options.program, "diff", "--json", options.weights, run / "best.safetensors"],
                             capture_output=True, text=True)
    check(changed.returncode == 1, f"fine-tuned on {options.tune}")
    return run / "best.safetensors"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights")
    parser.add_argument("--tune", metavar="DATA", help="fine-tune on this folder first")
    parser.add_argument("--photos")
    parser.add_argument("--program", default="./freezetune")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        def convert(source, name, *arguments):
            path = convert.folder / name
            subprocess.run([options.program, "convert", *arguments, source, path], check=True,
                           stderr=subprocess.DEVNULL)
            return path

        convert.folder = pathlib.Path(folder)
        base = convert(tuned(options, convert.folder) if options.tune else options.weights, "base.safetensors")
        state = ordered(base)
        check_safetensors(convert, base, state)
        check_pth(convert, base, state)
        check_onnx(convert, options.program, base, state, options.photos)
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())
