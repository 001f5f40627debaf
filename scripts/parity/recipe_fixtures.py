"""Fixtures of the recipes: PyTorch's and torchvision's own classes do the work. Images are written NHWC.

recipes.safetensors, KIND.NUMBER/TENSOR:
  loss      x[N,K] labels[N] smoothing[1], weights[K] or none, share[1] or none -> loss[1]; dx
            torch.nn.CrossEntropyLoss; with a share the labels are mixed by torchvision's MixUp with this lambda
  mixup     pixels[N,H,W,3] labels[N] lambda[1] -> images[N,H,W,3], target[N,K]     torchvision.transforms.v2.MixUp
  cutmix    the same and middle[x,y], as they would be drawn                        torchvision.transforms.v2.CutMix
  clip      gradients[V] sizes[P], most[1] -> norm[1], clipped[V]                   torch.nn.utils.clip_grad_norm_
  ema       weight[S,K,C] bias[S,K] mean[S,K] batches[S] decay[1], values after each of S steps -> average_* of the same
            shapes                                                                  torch.optim.swa_utils.AveragedModel
  steps     of the small net on the small batches, two of them together, 35x35 pixels; Recipe below -> losses[S],
            norms[S], average/NAME of all that moves
"""
import copy
from unittest import mock

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2

from pytorch_side import Case, normalise, prepare, worst

CLASSES = 5


class Recipe:
    """The command line of `steps`: also in tests/unit/train/test_parity_recipes.c."""

    case = Case(7, "eval", "batch")
    side, photos, pieces = 35, 6, 2
    lr, momentum, weight_decay = 0.05, 0.9, 0.01
    label_smoothing, class_weight_power, clip_norm, ema = 0.1, 0.5, 0.8, 0.6


def mixer(kind, share, middle=None):
    """MixUp or CutMix with what it draws given: lambda and, for CutMix, the middle of the box."""
    transform = (v2.MixUp if kind == "mixup" else v2.CutMix)(alpha=1.0, num_classes=CLASSES)
    transform._dist = mock.Mock(sample=lambda shape: torch.tensor(share, dtype=torch.float64))

    def apply(images, labels):
        draws = iter(middle or ())
        with mock.patch.object(torch, "randint", lambda high, size: torch.tensor([next(draws)])):
            return transform(images, labels)

    return apply


# N, K, scale of the logits, smoothing, weighted, share
LOSSES = [
    (4, 5, 1, 0.1, False, None),
    (6, 5, 2, 0.0, True, None),
    (6, 5, 2, 0.2, True, None),
    (5, 5, 1, 0.0, False, 0.3),
    (5, 5, 3, 0.1, True, 0.85),
    (3, 5, 80, 1.0, True, 0.0),
]


def losses(rows, tensors, generator):
    for number, (n, k, scale, smoothing, weighted, share) in enumerate(LOSSES):
        x = scale * torch.randn((n, k), generator=generator)
        labels = torch.randint(k, (n,), generator=generator)
        weights = (0.2 + 2 * torch.rand(k, generator=generator)) if weighted else None

        def formula(dtype):
            leaf = x.to(dtype).requires_grad_()
            target = labels
            if share is not None:
                blank = torch.zeros(n, 3, 1, 1)
                target = mixer("mixup", share)(blank, labels)[1].to(dtype)
            loss = nn.CrossEntropyLoss(weight=None if weights is None else weights.to(dtype),
                                       label_smoothing=smoothing)(leaf, target)
            loss.backward()
            return {"loss": loss.detach().reshape(1), "dx": leaf.grad}

        truth = formula(torch.float64)
        rows.append((f"loss.{number}", *worst(formula(torch.float32), truth)))
        inputs = {"x": x, "labels": labels, "smoothing": torch.tensor([smoothing])}
        if weighted:
            inputs["weights"] = weights
        if share is not None:
            inputs["share"] = torch.tensor([share])
        tensors |= {f"loss.{number}/{name}": t.float() if t.is_floating_point() else t
                    for name, t in {**inputs, **truth}.items()}


# N H W lambda, middle of the box (x, y)
MIXUPS = [(3, 4, 5, 0.3), (2, 3, 3, 0.9375)]
CUTMIXES = [(3, 7, 9, 0.4, (4, 3)), (2, 8, 6, 0.1, (0, 7)), (3, 5, 5, 0.99, (2, 2)), (2, 6, 7, 0.0, (3, 3))]


def mixes(tensors, generator):
    """In float32, as a training script would: every value is the same float here and there."""
    for kind, cases in (("mixup", MIXUPS), ("cutmix", CUTMIXES)):
        for number, (n, h, w, share, *middle) in enumerate(cases):
            pixels = torch.randint(256, (n, h, w, 3), generator=generator, dtype=torch.uint8)
            labels = torch.randint(CLASSES, (n,), generator=generator)
            images, target = mixer(kind, share, *middle)(normalise(pixels, torch.float32), labels)
            name = f"{kind}.{number}"
            tensors |= {f"{name}/pixels": pixels, f"{name}/labels": labels, f"{name}/lambda": torch.tensor([share]),
                        f"{name}/images": images.permute(0, 2, 3, 1).contiguous(), f"{name}/target": target}
            if middle:
                tensors[f"{name}/middle"] = torch.tensor(middle[0])


def clips(rows, tensors, generator):
    sizes = [6, 1, 20]
    for number, (scale, most) in enumerate(((1, 2.5), (1, 100), (1e-8, 1e-9), (1e4, 1))):
        gradients = [scale * torch.randn(size, generator=generator) for size in sizes]

        def formula(dtype):
            parameters = [nn.Parameter(torch.zeros(size, dtype=dtype)) for size in sizes]
            for p, g in zip(parameters, gradients):
                p.grad = g.to(dtype).clone()
            norm = nn.utils.clip_grad_norm_(parameters, most)
            return {"norm": norm.reshape(1), "clipped": torch.cat([p.grad for p in parameters])}

        truth = formula(torch.float64)
        rows.append((f"clip.{number}", *worst(formula(torch.float32), truth)))
        inputs = {"gradients": torch.cat(gradients), "sizes": torch.tensor(sizes), "most": torch.tensor([most])}
        tensors |= {f"clip.{number}/{name}": t.float() if t.is_floating_point() else t
                    for name, t in {**inputs, **truth}.items()}


class Tiny(nn.Module):
    """A convolution without bias, BatchNorm and a linear layer, as freezetune's builder can declare them."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)


def averages(rows, tensors, generator):
    """All parameters and buffers take new values at every step; the count of batches grows by some."""
    steps = 6
    for number, decay in enumerate((0.9, 0.3, 0.999)):
        shapes = {name: t.shape for name, t in Tiny().state_dict().items()}
        values = {name: (100 + 3 * torch.arange(steps) if name.endswith("tracked")
                         else torch.randn((steps, *shape), generator=generator)) for name, shape in shapes.items()}

        def formula(dtype):
            model = Tiny().to(dtype)
            average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
            points = {name: [] for name in shapes}
            for step in range(steps):
                model.load_state_dict({name: v[step].to(dtype) if v.is_floating_point() else v[step]
                                       for name, v in values.items()})
                average.update_parameters(model)
                for name, t in average.module.state_dict().items():
                    points[name].append(t.clone())
            return {f"average/{name}": torch.stack(p) for name, p in points.items()}

        truth = formula(torch.float64)
        single = formula(torch.float32)
        rows.append((f"ema.{number}", *worst(single, truth)))
        tensors[f"ema.{number}/decay"] = torch.tensor([decay])
        tensors |= {f"ema.{number}/value/{name}": v for name, v in values.items()}
        tensors |= {f"ema.{number}/{name}": t.float() if t.is_floating_point() else t for name, t in truth.items()}


def steps(rows, tensors, model, pixels, labels):
    """A whole recipe: pieces of a batch, each by its own BatchNorm statistics, and all that changes loss and update."""
    recipe = Recipe
    pixels = pixels[:, :, 1:1 + recipe.side, :recipe.side].reshape(-1, recipe.photos, recipe.side, recipe.side, 3)
    labels = labels.reshape(-1, recipe.photos)
    counts = torch.bincount(labels.flatten(), minlength=CLASSES).double()
    weights = counts ** -recipe.class_weight_power
    weights *= labels.numel() / (weights * counts).sum()

    def formula(dtype):
        net = copy.deepcopy(model).to(dtype)
        trained = prepare(net, recipe.case)
        loss_of = nn.CrossEntropyLoss(weight=weights.to(dtype), label_smoothing=recipe.label_smoothing,
                                      reduction="sum")
        stepper = torch.optim.SGD(trained.values(), lr=recipe.lr, momentum=recipe.momentum,
                                  weight_decay=recipe.weight_decay)
        average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)
        whole, norms = [], []
        for x, y in zip(pixels, labels):
            stepper.zero_grad()
            divisor, total = weights[y].sum().to(dtype), 0
            for part_x, part_y in zip(x.chunk(recipe.pieces), y.chunk(recipe.pieces)):
                loss = loss_of(net(normalise(part_x, dtype)), part_y) / divisor
                loss.backward()
                total += loss.detach()
            norms.append(nn.utils.clip_grad_norm_(trained.values(), recipe.clip_norm))
            stepper.step()
            average.update_parameters(net)
            whole.append(total)
        state = average.module.state_dict()
        moving = [name for name in state if name.startswith(("layer4.", "fc."))]
        return {"losses": torch.stack(whole), "norms": torch.stack(norms)} | {f"average/{n}": state[n] for n in moving}

    truth = formula(torch.float64)
    rows.append(("steps.0", *worst(formula(torch.float32), truth)))
    tensors |= {f"steps.0/{name}": t.float().contiguous() if t.is_floating_point() else t for name, t in truth.items()}


def recipes(rows, model, pixels, labels):
    generator = torch.Generator().manual_seed(3)
    tensors = {}
    losses(rows, tensors, generator)
    mixes(tensors, generator)
    clips(rows, tensors, generator)
    averages(rows, tensors, generator)
    steps(rows, tensors, model, pixels, labels)
    return {name: t.contiguous().clone() for name, t in tensors.items()}
