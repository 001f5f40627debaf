"""PyTorch's side of training, said in freezetune's words; make_fixtures.py and compare_live.py both use it.

Children are those of torchvision's model.children(), numbered from 1. `freeze_until` N freezes children 1..N.
bn_frozen   eval   frozen BatchNorm uses its running statistics and leaves them alone
            batch  frozen BatchNorm uses the batch's statistics and updates its running ones; weight and bias stay
bn_trained  batch  trained BatchNorm as model.train() leaves it
            eval   trained BatchNorm uses its running statistics without updating them; weight and bias are trained
A batch is uint8 pixels [N,H,W,3] with int64 labels [N]; pixels enter the net as (x/255 - mean) / deviation.

What a run writes (the same names in tests/tools/parity_dump.c):
  logits [N,K], loss [1]     of the first batch, before any step
  grad/NAME                  of every trained parameter, same moment
  stat/NAME                  running statistics after the first batch
  losses [steps]             of each batch, before its step
  after/NAME                 trained parameters and running statistics after the last step
"""
from dataclasses import dataclass

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Case:
    """How the net is trained: the freeze point, the two kinds of BatchNorm, when the freeze point goes down ((step, N), ...)
    and what the rates of the children are multiplied by."""

    freeze_until: int
    bn_frozen: str = "eval"
    bn_trained: str = "batch"
    unfreeze: tuple = ()
    lr_decay_by_child: float = 1.0
    head_lr_mult: float = 1.0

    def name(self):
        return f"f{self.freeze_until}_{self.bn_frozen}_{self.bn_trained}" + "".join(f"_{s}:{n}" for s, n in self.unfreeze)


@dataclass(frozen=True)
class Optimizer:
    """An optimizer as the command line names it."""

    kind: str  # sgd, adam, adamw
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def over(self, groups):
        """`groups`: a torch.optim parameter group for each trained child."""
        if self.kind == "sgd":
            return torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum, nesterov=self.nesterov,
                                   weight_decay=self.weight_decay)
        form = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.kind]
        return form(groups, lr=self.lr, weight_decay=self.weight_decay)


class SmallResNet(nn.Module):
    """torchvision's ResNet with bottlenecks, of any width and depth: the same children, names and order of operations."""

    def __init__(self, width, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = width
        for i, count in enumerate(blocks):
            planes, stride = width << i, 1 if i == 0 else 2
            layer = []
            for j in range(count):
                downsample = None
                if j == 0:
                    downsample = nn.Sequential(nn.Conv2d(channels, planes * 4, 1, stride=stride, bias=False),
                                               nn.BatchNorm2d(planes * 4))
                layer.append(Bottleneck(channels, planes, stride if j == 0 else 1, downsample))
                channels = planes * 4
            setattr(self, f"layer{i + 1}", nn.Sequential(*layer))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def resnet50(state):
    """torchvision's resnet50 with the tensors of `state`; the head has as many classes as the file."""
    model = torchvision.models.resnet50(num_classes=state["fc.bias"].numel())
    model.load_state_dict(state)
    return model


def random_photos(generator, steps, images, height, width):
    """Smooth coloured blobs with a little noise: uint8 [S,N,H,W,3] that resembles photos more than noise does."""
    coarse = torch.rand((steps * images, 3, 6, 6), generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    noise = 0.1 * torch.randn(smooth.shape, generator=generator)
    pixels = ((smooth + noise).clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).reshape(steps, images, height, width, 3).contiguous()


def normalise(pixels, dtype):
    """uint8 [N,H,W,3] -> normalised [N,3,H,W]."""
    x = pixels.to(dtype) / 255
    x = (x - torch.tensor(MEAN, dtype=dtype)) / torch.tensor(DEVIATION, dtype=dtype)
    return x.permute(0, 3, 1, 2)


def groups(model, case, lr, first, last):
    """A parameter group with its own rate for each of the children first..last that has parameters."""
    having = [child for child in model.children() if any(True for _ in child.parameters())]
    out = []
    for number, child in enumerate(model.children(), start=1):
        if child not in having or not first <= number <= last:
            continue
        behind = len(having) - 1 - having.index(child)
        rate = case.lr_decay_by_child ** behind if behind else case.head_lr_mult
        out.append({"params": list(child.parameters()), "lr": lr * rate})
    return out


def prepare(model, case, freeze_until):
    """Freezes children 1..N and puts every BatchNorm into its kind. Returns the trained parameters by name."""
    model.train()
    for number, child in enumerate(model.children(), start=1):
        frozen = number <= freeze_until
        for p in child.parameters():
            p.requires_grad = not frozen
        kind = case.bn_frozen if frozen else case.bn_trained
        if kind == "eval":
            for module in child.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def statistics(model):
    return {name: b for name, b in model.named_buffers() if not name.endswith("num_batches_tracked")}


def run(model, case, pixels, labels, optimizer=None, dtype=torch.float32, gates=None, autocast=False):
    """One run over pixels [S,N,H,W,3], labels [S,N]; without an optimizer only the first batch's gradients. With `gates`
    (gates.py) ReLU and max pooling choose what is given, or tell what they chose. `autocast`: forward and loss in
    bfloat16 as torch.autocast mixes it, as PyTorch's documentation has it. The model is changed. Returns the tensors
    named above."""
    model.to(dtype)
    if gates:
        gates.put_into(model)
    until, down = case.freeze_until, dict(case.unfreeze)
    trained = prepare(model, case, until)
    loss_of = nn.CrossEntropyLoss()
    children = len(list(model.children()))
    stepper = optimizer.over(groups(model, case, optimizer.lr, until + 1, children)) if optimizer else None
    out, losses = {}, []
    for step in range(len(pixels) if optimizer else 1):
        if step in down:
            for group in groups(model, case, optimizer.lr, down[step] + 1, until):
                stepper.add_param_group(group)
            until = down[step]
            trained = prepare(model, case, until)
        for p in trained.values():
            p.grad = None
        if gates:
            gates.start(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = model(normalise(pixels[step], dtype))
            if gates:
                gates.finish()
            loss = loss_of(logits, labels[step])
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            out["logits"] = logits.detach().clone()
            out["loss"] = loss.detach().clone().reshape(1)
            out |= {f"grad/{name}": p.grad.detach().clone() for name, p in trained.items()}
            out |= {f"stat/{name}": b.detach().clone() for name, b in statistics(model).items()}
        if stepper:
            stepper.step()
    if optimizer:
        out["losses"] = torch.stack(losses)
        out |= {f"after/{name}": p.detach().clone() for name, p in trained.items()}
        out |= {f"after/{name}": b.detach().clone() for name, b in statistics(model).items()}
    return out


def distance(found, wanted):
    """Norm of the difference over the norm of what is wanted, in double; infinite where anything is not finite or the
    wanted tensor is zero and the found one is not."""
    if found.shape != wanted.shape or found.numel() == 0:
        return float("inf")
    a, b = found.double(), wanted.double()
    difference, size = (a - b).norm().item(), b.norm().item()
    if not (difference < float("inf") and size < float("inf")):
        return float("inf")
    return difference / size if size > 0 else (0.0 if difference == 0 else float("inf"))


def worst(found, wanted):
    """The largest distance over all tensors and the name of that tensor. Both must hold the same names."""
    if found.keys() != wanted.keys():
        odd = sorted(found.keys() ^ wanted.keys())
        return float("inf"), f"only on one side: {', '.join(odd[:3])}"
    return max((distance(found[name], wanted[name]), name) for name in wanted)
