"""Fixtures of single operators and optimizers. Activations are written NHWC, weights as PyTorch has them (OIHW).

operators.safetensors, KIND.NUMBER/TENSOR:
  conv       x w size[stride,pad] -> y; dy -> dx dw
  batchnorm  x weight bias running_mean running_var eval[1] -> y, after_mean after_var; dy -> dx dweight dbias
  relu       x -> y; dy -> dx                       (0 among the inputs)
  maxpool    x -> y; dy -> dx                       (3x3, stride 2, pad 1; ties among the inputs)
  avgpool    x[N,H,W,C] -> y[N,C]; dy -> dx         (over the whole map)
  linear     x[N,C] weight[K,C] bias[K] -> y[N,K]; dy -> dx dweight dbias
  entropy    x[N,K] labels[N] -> loss[1]; dx        (mean over the batch)
  mse        x[N,K] target[N,K] -> loss[1]; dx      (mean over the values)
optimizers.safetensors, NAME/TENSOR:
  start[V], lr[T], gradients[T,V] -> path[T,V]      the parameters after each step
schedules, in the same file, schedule.NAME/TENSOR:
  options [lr, gamma, step_epochs, warmup_steps, epochs, steps_per_epoch] -> lr[epochs * steps_per_epoch]
"""
import torch
import torch.nn.functional as F

from pytorch_side import worst

# N H W C K R S stride pad
CONVOLUTIONS = [
    (1, 7, 5, 3, 4, 3, 3, 1, 1),
    (2, 9, 8, 5, 7, 3, 3, 2, 1),
    (1, 6, 7, 4, 6, 1, 1, 1, 0),
    (2, 7, 9, 6, 5, 1, 1, 2, 0),
    (1, 15, 13, 3, 8, 7, 7, 2, 3),
    (1, 8, 8, 3, 2, 7, 7, 1, 3),
    (2, 5, 6, 2, 3, 3, 3, 1, 0),
    (1, 9, 11, 17, 9, 3, 3, 1, 1),
    (3, 1, 1, 8, 3, 3, 3, 1, 1),
]


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


class Recorder:
    """Runs `formula` in float64 and float32 from the same float32 inputs and keeps the former."""

    def __init__(self, rows, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors, self.rows, self.count = {}, rows, {}

    def random(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def add(self, kind, inputs, formula, constants=None):
        """formula(dtype, inputs) -> outputs, gradients."""
        number = self.count.get(kind, 0)
        self.count[kind] = number + 1
        truth, single = formula(torch.float64, inputs), formula(torch.float32, inputs)
        for name, x in {**inputs, **(constants or {}), **truth}.items():
            x = x.detach()
            x = x.float() if x.is_floating_point() else x
            self.tensors[f"{kind}.{number}/{name}"] = x.contiguous().clone()
        self.rows.append((f"{kind}.{number}", *worst(single, truth)))


def differentiate(dtype, inputs, names, function, finish=lambda name, x: x):
    """y = function(leaves); with dy among the inputs also the gradients d<name>, else those of y itself (a loss)."""
    leaves = {k: v.to(dtype).requires_grad_(k in names) if v.is_floating_point() else v for k, v in inputs.items()}
    y = function(leaves)
    if "dy" in inputs:
        y.backward(leaves["dy"])
        out = {"y": y.detach()}
    else:
        y.backward()
        out = {"loss": y.detach().reshape(1)}
    return out | {f"d{name}": leaves[name].grad for name in names}


def add_convolutions(r):
    for n, h, w, c, k, kh, kw, stride, pad in CONVOLUTIONS:
        p, q = (h + 2 * pad - kh) // stride + 1, (w + 2 * pad - kw) // stride + 1
        inputs = {"x": r.random(n, h, w, c), "w": r.random(k, c, kh, kw), "dy": r.random(n, p, q, k)}

        def formula(dtype, inputs, stride=stride, pad=pad):
            return differentiate(dtype, inputs, ("x", "w"),
                                 lambda t: nhwc(F.conv2d(nchw(t["x"]), t["w"], stride=stride, padding=pad)))

        r.add("conv", inputs, formula, {"size": torch.tensor([stride, pad], dtype=torch.float32)})


def add_batchnorms(r):
    for shape, offset in (((3, 5, 4, 7), 0), ((3, 1, 1, 5), 0), ((1, 3, 3, 16), 0), ((2, 3, 4, 33), 20)):
        for evaluate in (False, True):
            c = shape[3]
            inputs = {"x": offset + r.random(*shape), "weight": 0.5 + r.random(c).abs(), "bias": r.random(c),
                      "running_mean": offset + 0.3 * r.random(c), "running_var": 0.4 + r.random(c).abs(),
                      "dy": r.random(*shape)}

            def formula(dtype, inputs, evaluate=evaluate):
                mean, var = inputs["running_mean"].to(dtype).clone(), inputs["running_var"].to(dtype).clone()
                out = differentiate(dtype, inputs, ("x", "weight", "bias"),
                                    lambda t: nhwc(F.batch_norm(nchw(t["x"]), mean, var, t["weight"], t["bias"],
                                                                training=not evaluate, momentum=0.1, eps=1e-5)))
                return out | {"after_mean": mean, "after_var": var}

            r.add("batchnorm", inputs, formula, {"eval": torch.tensor([float(evaluate)])})


def add_pools_and_relu(r):
    x = r.random(2, 3, 4, 5)
    x[x.abs() < 0.3] = 0
    r.add("relu", {"x": x, "dy": r.random(*x.shape)},
          lambda dtype, inputs: differentiate(dtype, inputs, ("x",), lambda t: F.relu(t["x"])))
    for n, h, w, c in ((1, 7, 5, 3), (2, 8, 9, 4), (1, 1, 2, 2)):
        x = (2 * r.random(n, h, w, c)).round()
        dy = r.random(n, (h - 1) // 2 + 1, (w - 1) // 2 + 1, c)
        r.add("maxpool", {"x": x, "dy": dy},
              lambda dtype, inputs: differentiate(dtype, inputs, ("x",),
                                                  lambda t: nhwc(F.max_pool2d(nchw(t["x"]), 3, 2, 1))))
    for n, h, w, c in ((2, 7, 7, 3), (1, 2, 3, 9)):
        r.add("avgpool", {"x": r.random(n, h, w, c), "dy": r.random(n, c)},
              lambda dtype, inputs: differentiate(dtype, inputs, ("x",), lambda t: t["x"].mean((1, 2))))


def add_heads(r):
    for n, c, k in ((3, 7, 5), (1, 10, 1)):
        inputs = {"x": r.random(n, c), "weight": r.random(k, c), "bias": r.random(k), "dy": r.random(n, k)}
        r.add("linear", inputs,
              lambda dtype, inputs: differentiate(dtype, inputs, ("x", "weight", "bias"),
                                                  lambda t: F.linear(t["x"], t["weight"], t["bias"])))
    for n, k, scale in ((4, 5, 1), (1, 1000, 3), (3, 2, 80)):
        labels = torch.randint(k, (n,), generator=r.generator)
        r.add("entropy", {"x": scale * r.random(n, k), "labels": labels},
              lambda dtype, inputs: differentiate(dtype, inputs, ("x",),
                                                  lambda t: F.cross_entropy(t["x"], t["labels"])))
    r.add("mse", {"x": r.random(10, 3), "target": r.random(10, 3)},
          lambda dtype, inputs: differentiate(dtype, inputs, ("x",), lambda t: F.mse_loss(t["x"], t["target"])))


def operators(rows):
    r = Recorder(rows, seed=1)
    add_convolutions(r)
    add_batchnorms(r)
    add_pools_and_relu(r)
    add_heads(r)
    return r.tensors


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1),
    "sgd_decay": lambda p: torch.optim.SGD(p, lr=1, weight_decay=0.1),
    "sgd_momentum": lambda p: torch.optim.SGD(p, lr=1, momentum=0.9),
    "sgd_momentum_decay": lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.1),
    "sgd_nesterov_decay": lambda p: torch.optim.SGD(p, lr=1, momentum=0.8, nesterov=True, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=1),
    "adam_decay": lambda p: torch.optim.Adam(p, lr=1, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1, weight_decay=0.1),
    "adamw_plain": lambda p: torch.optim.AdamW(p, lr=1, weight_decay=0),
}
OPTIMIZER_STEPS, OPTIMIZER_VALUES = 12, 13


def optimizers(rows):
    """Given gradients, one of them 0 and one tiny, and a learning rate that changes: each rule's path."""
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(OPTIMIZER_VALUES, generator=generator)
    gradients = torch.randn(OPTIMIZER_STEPS, OPTIMIZER_VALUES, generator=generator)
    gradients[:, 3] = 0
    gradients[:, 5] *= 1e-6
    gradients[1:, 7] = 0
    lr = torch.tensor([0.1 if step < 5 else 0.01 * step for step in range(OPTIMIZER_STEPS)])

    def path(make, dtype):
        p = torch.nn.Parameter(start.to(dtype).clone())
        optimizer, points = make([p]), []
        for step in range(OPTIMIZER_STEPS):
            for group in optimizer.param_groups:
                group["lr"] = lr[step].item()
            p.grad = gradients[step].to(dtype)
            optimizer.step()
            points.append(p.detach().clone())
        return {"path": torch.stack(points)}

    tensors = {}
    for name, make in OPTIMIZERS.items():
        truth = path(make, torch.float64)
        rows.append((f"optimizer {name}", *worst(path(make, torch.float32), truth)))
        tensors |= {f"{name}/start": start.clone(), f"{name}/lr": lr.clone(), f"{name}/gradients": gradients.clone(),
                    f"{name}/path": truth["path"].float()}
    return tensors | schedules(rows)


# lr, gamma, step_epochs, warmup_steps, epochs, steps_per_epoch
SCHEDULES = {
    "constant": (0.1, 1, 1, 0, 3, 4),
    "constant_warm": (0.1, 1, 1, 5, 3, 4),
    "step": (0.3, 0.1, 2, 0, 7, 3),
    "step_warm": (0.3, 0.5, 1, 4, 4, 3),
    "cosine": (0.2, 1, 1, 0, 5, 4),
    "cosine_warm": (0.2, 1, 1, 6, 5, 4),
    "cosine_one_step_warm": (0.2, 1, 1, 1, 2, 4),
}


def schedule_path(name, dtype):
    """PyTorch's schedulers, stepped after every step: warm-up is LinearLR from lr/W to lr over the first W steps."""
    lr, gamma, step_epochs, warmup, epochs, per_epoch = SCHEDULES[name]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    schedulers = torch.optim.lr_scheduler
    parts = []
    if warmup:
        parts.append(schedulers.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1))
    if name.startswith("step"):
        parts.append(schedulers.StepLR(optimizer, step_epochs * per_epoch, gamma))
    if name.startswith("cosine"):
        parts.append(schedulers.CosineAnnealingLR(optimizer, epochs * per_epoch - warmup))
    # Warm-up multiplies the steps of `step`; `cosine` begins after it.
    if name.startswith("cosine") and warmup:
        whole = schedulers.SequentialLR(optimizer, parts, milestones=[warmup])
    else:
        whole = schedulers.ChainedScheduler(parts) if parts else None
    path = []
    for _ in range(epochs * per_epoch):
        path.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if whole:
            whole.step()
    return torch.tensor(path, dtype=dtype)


def schedules(rows):
    tensors = {}
    for name, options in SCHEDULES.items():
        path = schedule_path(name, torch.float64)
        rows.append((f"schedule {name}", *worst({"lr": path.float()}, {"lr": path})))
        tensors |= {f"schedule.{name}/options": torch.tensor(options, dtype=torch.float32),
                    f"schedule.{name}/lr": path.float()}
    return tensors
