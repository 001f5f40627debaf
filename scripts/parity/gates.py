"""Our choices of ReLU and max pooling in PyTorch's net.

Where an input of ReLU lies within rounding of 0, two float32 programs choose differently and both are right, but their
gradients then differ by all that flows through that place. With the same choices on both sides the net is the same
smooth function on both sides, and what remains is rounding. `Gates` puts freezetune's choices (tests/support/gates.h)
into the layers that a gradient flows through, and looks at each that PyTorch would not have made: how far from 0 that
input was, over its layer's standard deviation. A wrong choice is far from 0.

`Recorder` goes the other way: it writes PyTorch's own choices to such files, for a run in another precision to follow.
"""
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F


class Gates:
    """The choices of a run: step S is in the file PREFIX.S."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.choices = 0  # all, and those that PyTorch would have made differently
        self.differing = 0
        self.farthest = 0.0  # of those that differ, and of those in the first batch
        self.first = 0.0
        self._step, self._calls, self._given = 0, {}, {}

    def put_into(self, model):
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.ReLU):
                    setattr(module, name, _Pinned(self._relu))
                elif isinstance(child, nn.MaxPool2d):
                    setattr(module, name, _Pinned(lambda x, pool=child: self._pool(x, pool)))

    def start(self, step):
        """Before the forward of this step."""
        self._given, self._calls, self._step = load_file(f"{self.prefix}.{step}"), {"relu": 0, "pool": 0}, step

    def finish(self):
        """After it: every choice must have had its layer."""
        if self._given:
            raise ValueError(f"step {self._step}: no layer asked for {', '.join(sorted(self._given))}")

    def _take(self, kind, x):
        """What was chosen for this layer, or None in a frozen prefix, where no gradient flows."""
        name = f"{kind}{self._calls[kind]}"
        self._calls[kind] += 1
        given = self._given.pop(name, None)
        if (given is not None) != x.requires_grad:
            raise ValueError(f"step {self._step}: {name} is {'not ' if x.requires_grad else ''}given, "
                             f"PyTorch has {'a' if x.requires_grad else 'no'} gradient there")
        return given

    def _look(self, differs, gap, x):
        """`gap`: by how much the value that PyTorch would have chosen is the better one, where the choices differ."""
        self.choices += differs.numel()
        count = int(differs.sum())
        if count:
            self.differing += count
            far = (gap[differs].max() / x.std()).item()
            self.farthest = self.farthest if far <= self.farthest else far  # NaN too
            if self._step == 0:
                self.first = self.farthest

    def _relu(self, x):
        given = self._take("relu", x)
        if given is None:
            return torch.relu(x)
        opened = given.bool()
        with torch.no_grad():
            self._look((x > 0) != opened, x.abs(), x)
        return torch.where(opened, x, torch.zeros((), dtype=x.dtype))

    def _pool(self, x, pool):
        given = self._take("pool", x)
        if given is None:
            return pool(x)
        rows, columns = (torch.arange(n).mul(pool.stride).sub(pool.padding) for n in given.shape[2:])
        h = rows[:, None] + given.long() // pool.kernel_size
        w = columns + given.long() % pool.kernel_size
        if not ((h >= 0) & (h < x.shape[2]) & (w >= 0) & (w < x.shape[3])).all():
            raise ValueError(f"step {self._step}: a winner of max pooling outside its image")
        y = x.flatten(2).gather(2, (h * x.shape[3] + w).flatten(2)).reshape(given.shape)
        with torch.no_grad():
            gap = pool(x) - y
            self._look(gap != 0, gap, x)
        return y


class Recorder(Gates):
    """Leaves every layer its own choice and writes those of step S to PREFIX.S, where a gradient flows through them."""

    def start(self, step):
        self._step, self._calls, self._given = step, {"relu": 0, "pool": 0}, {}

    def finish(self):
        save_file(self._given, f"{self.prefix}.{self._step}")

    def _keep(self, kind, x, choice):
        if x.requires_grad:
            self._given[f"{kind}{self._calls[kind]}"] = choice.to(torch.uint8).contiguous()
        self._calls[kind] += 1

    def _relu(self, x):
        self._keep("relu", x, x > 0)
        return torch.relu(x)

    def _pool(self, x, pool):
        y, winner = F.max_pool2d(x, pool.kernel_size, pool.stride, pool.padding, return_indices=True)
        rows, columns = (torch.arange(n).mul(pool.stride).sub(pool.padding) for n in y.shape[2:])
        h, w = winner // x.shape[3] - rows[:, None], winner % x.shape[3] - columns
        self._keep("pool", x, h * pool.kernel_size + w)
        return y


class _Pinned(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function
