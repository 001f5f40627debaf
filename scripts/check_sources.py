"""Makes the files that people hold of a ResNet with the libraries that write them, and looks at each with freezetune.

  $(sh scripts/venv.sh) scripts/check_sources.py [--arch resnet18] [--program ./freezetune]

One row per file: what `freezetune` answered, and the largest difference of its logits from the library's own, or, for a
body, whether all of its tensors are the original's (`freezetune diff`). A row's expectation is one of: the logits of the
plain model (within 1e-4 of the largest), its body alone, or a refusal whose text holds a word. Rows of timm and
transformers are left out, and said so, where these packages are not installed. Exit code 1 when a row is not as
expected.
"""
import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
from collections import OrderedDict

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import prune

SIZE = 64
CLASSES = 10


def prefixed(state, prefix):
    return OrderedDict((prefix + name, value) for name, value in state.items())


def without_head(state):
    return OrderedDict((n, v) for n, v in state.items() if not n.startswith("fc."))


def moved(state):
    """Another network of the same shapes."""
    return OrderedDict((n, v * 1.5 if v.is_floating_point() else v) for n, v in state.items())


class Files:
    """The rows: name, content for torch.save, expectation."""

    def __init__(self, model):
        self.model = model
        self.state = model.state_dict()
        self.body = without_head(self.state)
        self.features = model.fc.in_features

    def train_step(self):
        model = copy.deepcopy(self.model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30)
        model.eval()
        model(torch.ones(1, 3, SIZE, SIZE)).sum().backward()
        optimizer.step()
        return model, optimizer, scheduler

    def with_head(self, head):
        model = copy.deepcopy(self.model)
        model.fc = head
        return model.state_dict()

    def dropout_head(self):
        return self.with_head(nn.Sequential(nn.Dropout(0.5), copy.deepcopy(self.model.fc)))

    def two_layers(self):
        return self.with_head(nn.Sequential(nn.Linear(self.features, 64), nn.ReLU(), nn.Linear(64, 16)))

    def checkpoints(self):
        model, optimizer, scheduler = self.train_step()
        state, args = model.state_dict(), argparse.Namespace(lr=0.1, data_path=pathlib.PurePosixPath("/data"))
        averaged = torch.optim.swa_utils.AveragedModel(model)
        yield "torchvision references", {"model": state, "optimizer": optimizer.state_dict(),
                                         "lr_scheduler": scheduler.state_dict(), "epoch": 3, "args": args,
                                         "model_ema": moved(averaged.state_dict())}, "logits"
        yield "timm train.py", {"epoch": 3, "arch": "resnet", "state_dict": moved(state),
                                "optimizer": optimizer.state_dict(), "version": 2, "args": args, "metric": 71.5,
                                "amp_scaler": {"scale": 65536.0}, "state_dict_ema": state}, "logits"
        yield "Lightning", {"epoch": 1, "global_step": 9, "pytorch-lightning_version": "2.4.0",
                            "state_dict": prefixed(state, "model."), "optimizer_states": [optimizer.state_dict()],
                            "lr_schedulers": [scheduler.state_dict()], "loops": {}, "callbacks": {},
                            "hyper_parameters": {"args": args}}, "logits"
        yield "key net, in a tuple", (3, {"net": state}), "logits"
        yield "thop's counters", OrderedDict(list(state.items()) + [("total_ops", torch.zeros(1)),
                                                                    ("layer1.0.total_ops", torch.zeros(1))]), "logits"

    def self_supervised(self):
        body = self.body
        dino = {"head.mlp.0.weight": torch.ones(8, self.features), "head.last_layer.weight": torch.ones(4, 8)}
        args = argparse.Namespace(arch="resnet50", epochs=800)
        yield "DINO, whole", {"student": moved(prefixed(body, "module.backbone.")) | prefixed(dino, "module."),
                              "teacher": prefixed(body, "backbone.") | dino, "optimizer": {}, "epoch": 800,
                              "args": args, "dino_loss": {"center": torch.zeros(1, 4)}}, "several"
        yield "DINO, --key teacher", {"student": moved(prefixed(body, "module.backbone.")) | prefixed(dino, "module."),
                                      "teacher": prefixed(body, "backbone.") | dino, "args": args}, "body --key teacher"
        yield "DINO, backbone", body, "body"
        queue = {"module.queue": torch.ones(8, 16), "module.queue_ptr": torch.zeros(1, dtype=torch.int64)}
        two = self.two_layers()
        yield "MoCo v2", {"epoch": 200, "arch": "resnet50", "optimizer": {}, "state_dict":
                          prefixed(two, "module.encoder_q.") | prefixed(moved(two), "module.encoder_k.") | queue}, "body"
        one = self.with_head(nn.Linear(self.features, 16))
        yield "MoCo v1", {"epoch": 200, "arch": "resnet50", "state_dict":
                          prefixed(one, "module.encoder_q.") | prefixed(moved(one), "module.encoder_k.") | queue}, "body"
        yield "SwAV", prefixed(body | {"projection_head.0.weight": torch.ones(16, self.features),
                                       "prototypes.weight": torch.ones(8, 16)}, "module."), "body"
        yield "VICReg", body, "body"
        yield "Barlow Twins, whole", {"epoch": 1, "model": prefixed(body, "module.backbone.") |
                                      {"module.projector.0.weight": torch.ones(16, self.features),
                                       "module.bn.running_mean": torch.zeros(16)}}, "body"

    def heads(self):
        yield "plain", self.state, "logits"
        yield "DataParallel", nn.DataParallel(self.model).state_dict(), "logits"
        yield "fc behind Dropout", self.dropout_head(), "logits"
        yield "two-layer head", self.two_layers(), "body"
        yield "fc without bias", self.with_head(nn.Linear(self.features, CLASSES, bias=False)), "body"
        yield "no head", self.with_head(nn.Identity()), "body"
        yield "nn.Sequential of children", nn.Sequential(*list(self.model.children())[:-1]).state_dict(), "body"
        body = nn.Sequential(*list(self.model.children())[:-2])
        head = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2 * self.features), nn.Linear(2 * self.features, 8))
        yield "fastai", {"model": nn.Sequential(body, head).state_dict(), "opt": {}}, "body"
        yield "pretrainedmodels' last_linear", OrderedDict((n.replace("fc.", "last_linear."), v)
                                                           for n, v in self.state.items()), "logits"
        yield "float64", OrderedDict((n, v.double() if v.is_floating_point() else v)
                                     for n, v in self.state.items()), "logits"

    def detectors(self):
        body = self.body
        yield "Faster R-CNN", prefixed(body, "backbone.body.") | {"backbone.fpn.inner_blocks.0.0.weight":
                                                                  torch.ones(8, 8, 1, 1),
                                                                  "rpn.head.conv.0.0.weight": torch.ones(8, 8, 3, 3),
                                                                  "roi_heads.box_head.fc6.weight": torch.ones(8, 8)}, "body"
        yield "DeepLab", prefixed(body, "backbone.") | {"classifier.0.convs.0.0.weight": torch.ones(8, 8, 1, 1),
                                                       "aux_classifier.4.bias": torch.ones(21)}, "body"

    def others(self):
        state = self.state
        for name, extra in (("SE", "layer1.0.se.fc1.weight"), ("bias of a convolution", "conv1.bias"),
                            ("CBAM at the stem", "sa.conv1.weight"), ("PReLU", "prelu.weight"), ("layer5", "layer5.0.w")):
            yield name, state | {extra: torch.ones(4)}, "refused none of"
        yield "BNNeck before fc", state | {"bottleneck.weight": torch.ones(self.features)}, "body"
        yield "one channel", state | {"conv1.weight": state["conv1.weight"][:, :1].clone()}, "refused channel"
        yield "13 channels", state | {"conv1.weight": torch.ones(64, 13, 7, 7)}, "refused channel"
        yield "CIFAR stem", state | {"conv1.weight": torch.ones(64, 3, 3, 3)}, "refused 3x3"
        deep = OrderedDict((n, v) for n, v in state.items() if n != "conv1.weight")
        yield "deep stem", deep | {"conv1.0.weight": torch.ones(32, 3, 3, 3)}, "refused stem"
        pruned = copy.deepcopy(self.model)
        prune.random_unstructured(pruned.layer1[0].conv1, "weight", 0.3)
        yield "pruned", pruned.state_dict(), "refused prun"
        quantized = state | {"layer1.0.conv1.scale": torch.ones(()), "layer1.0.conv1.zero_point": torch.zeros(())}
        yield "quantized", quantized, "refused quantized"

    def all(self):
        for part in (self.heads, self.checkpoints, self.self_supervised, self.detectors, self.others):
            yield from part()


class Checker:
    def __init__(self, program, folder, files):
        self.program, self.folder, self.files = program, folder, files
        self.failed = 0
        pixels = numpy.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(folder / "photo.png")
        mean, std = numpy.array([0.485, 0.456, 0.406]), numpy.array([0.229, 0.224, 0.225])
        batch = torch.from_numpy(((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(numpy.float32))
        with torch.no_grad():
            self.logits = files.model.eval()(batch)[0].numpy()
        save_file({n: v.contiguous() for n, v in files.body.items()}, folder / "body.safetensors")

    def run(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)

    def look_logits(self, path):
        out = self.folder / "logits.safetensors"
        done = self.run("predict", "--model", path, "--resize", SIZE, "--crop", SIZE, "--logits", out,
                        self.folder / "photo.png")
        if done.returncode:
            return False, done.stderr.strip()
        found = load_file(out)["logits"][0].numpy()
        if found.shape != self.logits.shape:
            return False, f"{found.shape[0]} outputs"
        difference = abs(found - self.logits).max() / abs(self.logits).max()
        return difference < 1e-4, f"logits within {difference:.1e}"

    def look_body(self, path, options):
        answered = self.run("predict", "--model", path, *options, self.folder / "photo.png")
        done = self.run("diff", "--json", path, self.folder / "body.safetensors", *options)
        if not done.stdout:
            return False, done.stderr.strip()
        same = sum(t["verdict"] == "identical" for t in json.loads(done.stdout)["tensors"])
        learnt = sum("num_batches" not in n for n in self.files.body)
        counts = len(self.files.body) - learnt
        return done.returncode == 0 and same in (learnt, learnt + counts) and answered.returncode == 65, \
            f"body: {same} tensors identical; predict: {answered.returncode}"

    def look(self, name, path, expected):
        if expected == "logits":
            good, text = self.look_logits(path)
        elif expected.startswith("body"):
            good, text = self.look_body(path, expected.split()[1:])
        else:
            word = expected.removeprefix("refused ")
            done = self.run("predict", "--model", path, self.folder / "photo.png")
            good, text = done.returncode == 65 and word in done.stderr, done.stderr.strip()
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name:30} {text.replace(str(self.folder), '')}", flush=True)


def hugging_face(checker, arch):
    try:
        import transformers
    except ImportError:
        print("--   transformers is not installed: its rows are left out")
        return
    deep = arch != "resnet18"
    config = transformers.ResNetConfig(depths=[3, 4, 6, 3] if deep else [2, 2, 2, 2], layer_type="bottleneck" if deep
                                       else "basic", hidden_sizes=[256, 512, 1024, 2048] if deep
                                       else [64, 128, 256, 512], num_labels=CLASSES)
    for name, model in (("transformers ResNetModel", transformers.ResNetModel(config)),
                        ("transformers, classifier", transformers.ResNetForImageClassification(config))):
        folder = checker.folder / name.replace(" ", "_").replace(",", "")
        model.save_pretrained(folder)
        done = checker.run("inspect", "--json", folder)
        arch_found = json.loads(done.stdout)["arch"] if done.returncode == 0 else done.stderr.strip()
        checker.failed += arch_found != arch
        print(f"{'ok  ' if arch_found == arch else 'FAIL'} {name:30} inspect: {arch_found}")


def from_timm(checker, arch):
    try:
        import timm
    except ImportError:
        print("--   timm is not installed: its rows are left out")
        return
    for name, classes, expected in (("timm", CLASSES, "logits"), ("timm, num_classes=0", 0, "body")):
        model = timm.create_model(arch, num_classes=classes)
        model.load_state_dict(checker.files.state if classes else checker.files.body)
        path = checker.folder / "timm.safetensors"
        save_file(model.state_dict(), path)
        checker.look(name, path, expected)
    model = timm.create_model(f"{arch}d", num_classes=CLASSES)
    save_file(model.state_dict(), path)
    checker.look(f"timm {arch}d", path, "refused stem")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="./freezetune")
    parser.add_argument("--arch", default="resnet18", choices=["resnet18", "resnet50"])
    options = parser.parse_args()
    torch.manual_seed(1)
    files = Files(getattr(torchvision.models, options.arch)(num_classes=CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(str(pathlib.Path(options.program).resolve()), pathlib.Path(folder), files)
        for name, content, expected in files.all():
            path = checker.folder / "file.pth"
            torch.save(content, path)
            checker.look(name, path, expected)
        hugging_face(checker, options.arch)
        from_timm(checker, options.arch)
    sys.exit(checker.failed > 0)


if __name__ == "__main__":
    main()
