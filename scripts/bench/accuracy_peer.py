"""One training run in PyTorch, told by a file what freezetune did, in a process of its own: accuracy.py starts it.

  python accuracy_peer.py TOLD.json

TOLD holds what accuracy.py has read from a run's folder: data, seed, threads, arch, classes, new_head, steps_per_epoch, bad
(photos to pass over), preprocess, and options, by the names of the command line. An option that is neither known here nor
off is refused by name. Prints one JSON object: epochs (train_loss, val_loss, val_accuracy of each), val_photos, version.
"""
import json
import math
import os
import pathlib
import sys

import torch
import torchvision
from PIL import Image, ImageOps
from torch import nn
from torchvision import transforms as T

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
from pytorch_side import Case, Optimizer, groups, prepare  # noqa: E402

USED = {"weights", "freeze-until", "epochs", "batch-size", "lr", "optimizer", "momentum", "nesterov", "weight-decay",
        "schedule", "warmup", "step-epochs", "gamma", "lr-decay-by-child", "head-lr-mult", "label-smoothing", "clip-norm",
        "bn-frozen", "bn-trained", "augment", "views", "exif",
        "arch", "image-size", "resize", "interpolation"}  # the last four by way of what the run made of them
VALUES = {"optimizer": {"sgd", "adam", "adamw"}, "schedule": {"constant", "step", "cosine"}, "exif": {"apply", "ignore"},
          "bn-frozen": {"eval", "batch"}, "bn-trained": {"eval", "batch"}, "augment": {"none", "flip", "standard"}}


def refuse(options):
    """Ends the program where an option says something that this file does not do."""
    strange = [f"--{name} {value}" for name, value in options.items()
               if name not in USED and value not in (None, 0, False, [])]
    strange += [f"--{name} {options[name]}" for name, known in VALUES.items() if options[name] not in known]
    if options["augment"] == "standard" and options["views"] != 0:
        strange.append(f"--views {options['views']} with --augment standard")
    if options["weights"] == "random":
        strange.append("--weights random")
    if strange:
        sys.exit(f"PyTorch's side does not know {', '.join(strange)}")


def photos(told, part):
    """(path, class) of every file below the class folders, in freezetune's order, without the bad ones."""
    root, bad, found = pathlib.Path(told["data"]) / part, set(told["bad"]), []
    for number, name in enumerate(told["classes"]):
        for folder, folders, files in os.walk(root / name, followlinks=True):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            for file in sorted(f for f in files if not f.startswith(".")):
                path = pathlib.Path(folder) / file
                if f"{part}/{path.relative_to(root)}" not in bad:
                    found.append((path, number))
    return found


class Photos(torch.utils.data.Dataset):
    """Photos as freezetune shows them in an epoch, from 0; None: to validate."""

    def __init__(self, told, part):
        self.found, self.upright = photos(told, part), told["options"]["exif"] == "apply"
        self.options, self.preprocess, self.look = told["options"], told["preprocess"], None

    def show(self, epoch):
        p, augment, views = self.preprocess, self.options["augment"], self.options["views"]
        filter = T.InterpolationMode(p["interpolation"])
        steps = [T.Resize(p["resize"], filter), T.CenterCrop(p["crop"])]
        if epoch is not None and augment == "standard":
            steps = [T.RandomResizedCrop(p["crop"], interpolation=filter), T.RandomHorizontalFlip()]
        if epoch is not None and augment == "flip":
            mirrored = epoch % views % 2 if views else 0.5  # all of the odd views, or each photo by chance
            steps.append(T.RandomHorizontalFlip(float(mirrored)))
        self.look = T.Compose([*steps, T.ToTensor(), T.Normalize(p["mean"], p["std"])])

    def __len__(self):
        return len(self.found)

    def __getitem__(self, index):
        path, number = self.found[index]
        with Image.open(path) as image:
            return self.look((ImageOps.exif_transpose(image) if self.upright else image).convert("RGB")), number


def batches(told, dataset, epoch):
    """Pixels and labels, shuffled but for validation; the last batch holds what is left."""
    dataset.show(epoch)
    loader = torch.utils.data.DataLoader(dataset, told["options"]["batch-size"], shuffle=epoch is not None,
                                         num_workers=told["threads"])
    for x, labels in loader:
        yield x.contiguous(memory_format=torch.channels_last), labels


def rate(options, steps_per_epoch, epoch, step):
    """The learning rate of a step, both from 0: constant, StepLR by epoch, CosineAnnealingLR by step, with a warm-up."""
    now = epoch * steps_per_epoch + min(step, steps_per_epoch - 1)
    warmup = math.floor(options["warmup"] * steps_per_epoch + 0.5)
    lr = options["lr"]
    if options["schedule"] == "step":
        lr *= options["gamma"] ** (epoch // options["step-epochs"])
    if now < warmup:
        return lr * (now + 1) / warmup
    if options["schedule"] == "cosine":
        lr *= (1 + math.cos(math.pi * (now - warmup) / (options["epochs"] * steps_per_epoch - warmup))) / 2
    return lr


def network(told):
    """The weights, and a head as nn.Linear draws it where the run drew one."""
    path = told["options"]["weights"]
    if str(path).endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    model = getattr(torchvision.models, told["arch"])(num_classes=state["fc.bias"].numel())
    model.load_state_dict(state)
    if told["new_head"]:
        torch.manual_seed(told["seed"])
        model.fc = nn.Linear(model.fc.in_features, len(told["classes"]))
    return model.to(memory_format=torch.channels_last)


def too_few(model, x):
    """A batch that leaves BatchNorm one value a channel in the last layer, which freezetune leaves out."""
    live = any(isinstance(m, nn.BatchNorm2d) and m.training for m in model.modules())
    return live and len(x) == 1 and max(x.shape[2:]) <= 32


def train(told, model, dataset, stepper, factors, epoch):
    """One epoch; the mean loss of its photos."""
    options, total, seen = told["options"], 0.0, 0
    loss_of = nn.CrossEntropyLoss(label_smoothing=options["label-smoothing"])
    trained = [p for p in model.parameters() if p.requires_grad]
    for step, (x, labels) in enumerate(batches(told, dataset, epoch)):
        if too_few(model, x):
            continue
        for group, factor in zip(stepper.param_groups, factors):
            group["lr"] = factor * rate(options, told["steps_per_epoch"], epoch, step)
        stepper.zero_grad()
        loss = loss_of(model(x), labels)
        loss.backward()
        if options["clip-norm"]:
            nn.utils.clip_grad_norm_(trained, options["clip-norm"])
        stepper.step()
        total += loss.item() * len(labels)
        seen += len(labels)
    return total / seen


def validate(told, model, dataset):
    model.eval()
    loss, right = 0.0, 0
    with torch.inference_mode():
        for x, labels in batches(told, dataset, None):
            logits = model(x)
            loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            right += (logits.argmax(1) == labels).sum().item()
    return loss / len(dataset), right / len(dataset)


def main():
    told = json.loads(pathlib.Path(sys.argv[1]).read_text())
    options = told["options"]
    refuse(options)
    torch.manual_seed(told["seed"])
    torch.set_num_threads(told["threads"])
    model = network(told)
    case = Case(options["freeze-until"], options["bn-frozen"], options["bn-trained"],
                lr_decay_by_child=options["lr-decay-by-child"], head_lr_mult=options["head-lr-mult"])
    optimizer = Optimizer(options["optimizer"], options["lr"], options["momentum"], options["nesterov"],
                          options["weight-decay"])
    # Groups at a rate of 1: what is left of theirs is the factor of each.
    stepper = optimizer.over(groups(model, case, 1.0, case.freeze_until + 1, len(list(model.children()))))
    factors = [group["lr"] for group in stepper.param_groups]
    training, validation = Photos(told, "train"), Photos(told, "val")
    epochs = []
    for epoch in range(options["epochs"]):
        prepare(model, case, case.freeze_until)
        loss = train(told, model, training, stepper, factors, epoch)
        val_loss, accuracy = validate(told, model, validation)
        epochs.append({"train_loss": loss, "val_loss": val_loss, "val_accuracy": accuracy})
    print(json.dumps({"epochs": epochs, "val_photos": len(validation),
                      "version": "PyTorch " + torch.__version__.split("+")[0]}))


if __name__ == "__main__":
    main()
