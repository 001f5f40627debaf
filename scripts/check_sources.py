"""Makes the files that people hold of a ResNet with the libraries that write them, and looks at each with freezetune.

  $(sh scripts/venv.sh --sources) scripts/check_sources.py [--arch resnet18|resnet50] [--program ./freezetune]
                                                           [--before PROGRAM] [--weights FILE] [--only WORD]

One row per file: what freezetune answered, and the largest difference of its logits from the library's own relative to
the largest logit, or, for a body, whether all of its tensors are the original's (`freezetune diff`). A row's expectation
is one of: the logits of the plain model (within 1e-5), its body alone, or a refusal whose text holds a word; options that
freezetune needs for the file follow it. --before adds a column: what another build of the program makes of the file.
Libraries that are not installed are named. Exit code 1 when a row is not as expected.

The rows are in source_files.py (dictionaries as scripts put them together) and source_libraries.py (libraries' own code).
"""
import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

import source_libraries
from source_files import CLASSES, SIZE, Files

TOLERANCE = 1e-5


def logits_of(model, pixels):
    mean, std = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
    batch = torch.from_numpy(((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(numpy.float32))
    with torch.no_grad():
        return model.eval()(batch)[0].numpy()


class Looker:
    """One build of the program, looking at files: each look is (as expected, what it said)."""

    def __init__(self, program, folder, files, logits):
        self.program, self.folder, self.files, self.logits = program, folder, files, logits

    def run(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)

    def refusal(self, done):
        return done.stderr.strip().replace(str(self.folder) + "/", "")

    def look_logits(self, path, options, logits):
        out = self.folder / "logits.safetensors"
        done = self.run("predict", "--model", path, "--resize", SIZE, "--crop", SIZE, "--logits", out, *options,
                        self.folder / "photo.png")
        if done.returncode:
            return False, self.refusal(done)
        found = load_file(out)["logits"][0].numpy()
        if found.shape != logits.shape:
            return False, f"{found.shape[0]} outputs"
        difference = abs(found - logits).max() / abs(logits).max()
        return difference < TOLERANCE, f"logits within {difference:.1e}"

    def look_body(self, path, options):
        answered = self.run("predict", "--model", path, *options, self.folder / "photo.png")
        done = self.run("diff", "--json", path, self.folder / "body.safetensors", *options)
        if not done.stdout:
            return False, self.refusal(done)
        verdicts = {t["name"]: t["verdict"] for t in json.loads(done.stdout)["tensors"]}
        same = sum(verdict == "identical" for verdict in verdicts.values())
        # FrozenBatchNorm2d keeps no count of batches; fc is not part of the body.
        others = [n for n, v in verdicts.items() if v != "identical" and "num_batches" not in n and not n.startswith("fc.")]
        whole = not others and same >= sum("num_batches" not in n for n in self.files.body)
        return whole and answered.returncode == 65, f"body: {same} tensors identical; predict: {answered.returncode}"

    def look(self, path, expected, logits):
        kind, *options = expected.split()
        if kind == "logits":
            return self.look_logits(path, [o for o in options if o not in ("of", "the", "file")], logits)
        if kind == "body":
            return self.look_body(path, options)
        word = expected.removeprefix("refused").strip()
        done = self.run("predict", "--model", path, self.folder / "photo.png")
        return done.returncode in (65, 66) and word in done.stderr, self.refusal(done) or "READ"


class Table:
    """The rows, printed as they are looked at, with the counts of the end."""

    def __init__(self, folder, files, program, before):
        self.folder, self.files = folder, files
        self.pixels = numpy.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=numpy.uint8)
        Image.fromarray(self.pixels).save(folder / "photo.png")
        save_file({n: v.contiguous() for n, v in files.body.items()}, folder / "body.safetensors")
        self.logits = logits_of(files.model, self.pixels)
        self.now = Looker(program, folder, files, self.logits)
        self.before = Looker(before, folder, files, self.logits) if before else None
        self.rows = self.failed = self.good_before = 0

    def reference(self, content, expected):
        if expected != "logits of the file":
            return self.logits
        model = copy.deepcopy(self.files.model)
        model.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in content.items()})
        return logits_of(model, self.pixels)

    def row(self, name, content, expected):
        path = content
        if not isinstance(content, pathlib.Path):
            path = self.folder / "file.pth"
            torch.save(content, path)
        reference = self.reference(content, expected)
        good, text = self.now.look(path, expected, reference)
        self.rows += 1
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name:32} {text}", flush=True)
        if self.before:
            was_good, was = self.before.look(path, expected, reference)
            self.good_before += was_good
            print(f"       {'as now' if was == text else 'before: ' + was}", flush=True)

    def library(self, make):
        try:
            for row in make(self.files, self.folder):
                self.row(*row)
        except ImportError as error:
            print(f"--   {error.name} is not installed: its rows are left out")


def plain_model(arch, weights):
    model = getattr(torchvision.models, arch)(num_classes=CLASSES)
    if weights:
        state = {n: v for n, v in load_file(weights).items() if not n.startswith("fc.")}
        model.load_state_dict(state, strict=False)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--before", help="another build, for a second column")
    parser.add_argument("--arch", default="resnet18", choices=["resnet18", "resnet50"])
    parser.add_argument("--weights", help="safetensors with torchvision's names; random weights without")
    parser.add_argument("--only", default="", help="only the libraries whose name holds WORD")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    files = Files(options.arch, plain_model(options.arch, options.weights))
    with tempfile.TemporaryDirectory() as folder:
        before = options.before and str(pathlib.Path(options.before).resolve())
        table = Table(pathlib.Path(folder), files, str(pathlib.Path(options.program).resolve()), before)
        if not options.only:
            for row in files.all():
                table.row(*row)
        for make in source_libraries.ALL:
            if options.only in make.__name__:
                table.library(make)
    print(f"{table.rows} files, {table.failed} not as expected" +
          (f"; before: {table.rows - table.good_before}" if table.before else ""))
    sys.exit(table.failed > 0)


if __name__ == "__main__":
    main()
