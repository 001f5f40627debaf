"""Writes tests/fixtures/parity/: what PyTorch answers, small enough to commit, so that `make check` proves parity on a
machine without PyTorch.

  $(sh scripts/venv.sh) scripts/parity/make_fixtures.py [FOLDER]

Expectations come from a float64 run and are rounded to float32. How far PyTorch's own float32 run is from them is
printed into README.md beside the fixtures: the measured base of the tests' tolerances.
"""
import argparse
import copy
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

import op_fixtures
import recipe_fixtures
from pytorch_side import Case, Optimizer, SmallResNet, normalise, random_photos, run, worst

WIDTH, BLOCKS, CLASSES = 3, (1, 2, 1, 1), 5
STEPS, IMAGES, HEIGHT, WIDTH_PX = 10, 3, 37, 35

# Every freeze point and every pair of BatchNorm kinds, all pairs at 6 and two at 5 and 7 (compare_live.py runs all of
# them). What would repeat another row is left out: nothing is frozen at 0, no BatchNorm is trained at 8, and 9 freezes
# no parameter more than 8.
CASES = [Case(0, "eval", bn) for bn in ("batch", "eval")]
CASES += [Case(n, *kinds) for n in (5, 7) for kinds in (("eval", "batch"), ("batch", "eval"))]
CASES += [Case(6, frozen, trained) for frozen in ("eval", "batch") for trained in ("batch", "eval")]
CASES += [Case(8, frozen, "batch") for frozen in ("eval", "batch")]
CASES += [Case(9, "batch", "eval")]

TRAJECTORIES = {
    "sgd": (Case(0, "eval", "batch"), Optimizer("sgd", lr=0.0005, momentum=0.9, weight_decay=0.1)),
    "sgd_recipe": (Case(6, "batch", "batch"), Optimizer("sgd", lr=0.01, momentum=0.9)),
    "sgd_nesterov": (Case(8, "eval", "batch"), Optimizer("sgd", lr=0.05, momentum=0.9, nesterov=True)),
    "adam": (Case(6, "eval", "batch"), Optimizer("adam", lr=0.002)),
    "adamw": (Case(7, "eval", "eval"), Optimizer("adamw", lr=0.002, weight_decay=0.05)),
}

# Twenty steps, the batches twice, in which the freeze point goes down and every child has a rate of its own.
UNFREEZING = {
    "sgd": (Case(8, "eval", "batch", ((6, 6), (13, 4)), 0.5, 3.0),
            Optimizer("sgd", lr=0.008, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "adamw": (Case(9, "batch", "eval", ((7, 7),), 0.3, 2.0), Optimizer("adamw", lr=0.002, weight_decay=0.05)),
}


def small_net(generator, pixels):
    """Random weights in which nothing is 0 or 1 by accident; running statistics near the data's, so that both kinds of
    BatchNorm give activations of ordinary size."""
    model = SmallResNet(WIDTH, BLOCKS, CLASSES)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 4:
                fan_out = p.shape[0] * p.shape[2] * p.shape[3]
                p.copy_(torch.randn(p.shape, generator=generator) * (2 / fan_out) ** 0.5)
            elif name.startswith("fc"):
                p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
            elif name.endswith("weight"):
                p.copy_(0.6 + 0.8 * torch.rand(p.shape, generator=generator))
            else:
                p.copy_(0.3 * torch.randn(p.shape, generator=generator))
        model.train()
        for _ in range(30):
            model(normalise(pixels[0], torch.float32))
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.add_(0.1 * torch.randn(b.shape, generator=generator))
            elif name.endswith("running_var"):
                b.mul_(0.8 + 0.4 * torch.rand(b.shape, generator=generator))
    return model


def least_margin(model, case, pixels, labels, optimizer=None):
    """How near to the kink of a ReLU the nearest input comes, relative to the layer's deviation (float64). A run that
    comes nearer than its rounding may fall on the other side, and then its gradients differ by more than rounding."""
    model = copy.deepcopy(model)
    margins = []

    def look(_, inputs):
        z = inputs[0].detach()
        margins.append((z.abs()[z != 0].min() / z.std()).item())

    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_pre_hook(look)
            module.inplace = False
    run(model, case, pixels, labels, optimizer, torch.float64)
    return min(margins)


def record(tensors, prefix, model, case, pixels, labels, optimizer=None):
    """Adds one run's expectations to `tensors`; returns PyTorch's own float32 error and the tensor that has it."""
    truth = run(copy.deepcopy(model), case, pixels, labels, optimizer, torch.float64)
    single = run(copy.deepcopy(model), case, pixels, labels, optimizer, torch.float32)
    # Trajectories need no second copy of the first batch's answers.
    keep = [k for k in truth if not optimizer or k == "losses" or k.startswith("after/")]
    for name in keep:
        tensors[f"{prefix}/{name}"] = truth[name].float().contiguous()
    return worst({k: single[k] for k in keep}, {k: truth[k] for k in keep})


def write(folder, name, tensors):
    save_file(tensors, folder / name, metadata={"made_by": "scripts/parity/make_fixtures.py"})
    (folder / name).chmod(0o644)


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=here / "tests/fixtures/parity")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)

    generator = torch.Generator().manual_seed(options.seed)
    pixels = random_photos(generator, STEPS, IMAGES, HEIGHT, WIDTH_PX)
    labels = torch.randint(CLASSES, (STEPS, IMAGES), generator=generator)
    model = small_net(generator, pixels)
    write(options.folder, "small_weights.safetensors", model.state_dict())
    write(options.folder, "small_batches.safetensors", {"pixels": pixels, "labels": labels})

    rows, step, ten, staged = [], {}, {}, {}
    for case in CASES:
        error, tensor = record(step, case.name(), model, case, pixels, labels)
        rows.append((f"one batch, {case.name()}", error, tensor))
    for name, (case, optimizer) in TRAJECTORIES.items():
        error, tensor = record(ten, name, model, case, pixels, labels, optimizer)
        rows.append((f"ten steps, {name}, {case.name()}", error, tensor))
    twice = torch.cat([pixels, pixels]), torch.cat([labels, labels])
    for name, (case, optimizer) in UNFREEZING.items():
        error, tensor = record(staged, name, model, case, *twice, optimizer)
        rows.append((f"twenty steps, {name}, {case.name()}", error, tensor))
    write(options.folder, "small_unfreezing.safetensors", staged)
    write(options.folder, "small_gradients.safetensors", step)
    write(options.folder, "small_ten_steps.safetensors", ten)
    write(options.folder, "operators.safetensors", op_fixtures.operators(rows))
    write(options.folder, "optimizers.safetensors", op_fixtures.optimizers(rows))
    write(options.folder, "recipes.safetensors", recipe_fixtures.recipes(rows, model, pixels, labels))

    margin = min(least_margin(model, case, pixels, labels) for case in CASES)
    far = min(least_margin(model, case, pixels, labels, optimizer) for case, optimizer in TRAJECTORIES.values())
    farther = min(least_margin(model, case, *twice, optimizer) for case, optimizer in UNFREEZING.values())
    lines = ["# What PyTorch answers", "",
             f"Written by scripts/parity/make_fixtures.py --seed {options.seed} with PyTorch {torch.__version__} and "
             f"NumPy {np.__version__}; random nets and random pixels, no photo.",
             "Expected values are a float64 run rounded to float32. The table says how far PyTorch's own float32 run is "
             "from it (norm of the difference over norm, worst tensor).",
             f"In the first batch no input of a ReLU is nearer to 0 than {margin:.1e} of its layer's deviation; in ten "
             f"steps {far:.1e}, in twenty {farther:.1e}.", "",
             "| run | float32 error | worst tensor |", "|---|---|---|"]
    lines += [f"| {name} | {error:.1e} | {tensor} |" for name, error, tensor in rows]
    (options.folder / "README.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
