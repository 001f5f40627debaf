"""The files of a ResNet in the forms that training scripts and published checkpoints have, for check_sources.py.

Each row is a name, a content for torch.save and an expectation. What a library writes by its own code is in
source_libraries.py; here are the dictionaries that scripts put together themselves.
"""
import argparse
import copy
import pathlib
from collections import OrderedDict

import torch
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

    def __init__(self, arch, model):
        self.arch, self.classes = arch, CLASSES
        self.model = model
        self.state = model.state_dict()
        self.body = without_head(self.state)
        self.features = model.fc.in_features

    @staticmethod
    def args():
        """What training scripts keep of their command line."""
        return argparse.Namespace(lr=0.1, data_path=pathlib.PurePosixPath("/data"), model="resnet")

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
        state, args = model.state_dict(), self.args()
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
        args = self.args()
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
        for kind in (torch.float16, torch.bfloat16):
            yield str(kind).removeprefix("torch."), OrderedDict((n, v.to(kind) if v.is_floating_point() else v)
                                                                for n, v in self.state.items()), "logits of the file"

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
