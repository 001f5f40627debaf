"""The ways in which people save a state dict with PyTorch: name -> what is to be pickled. For make_pth_fixtures.py and
check_pth.py."""

from collections import OrderedDict

import torch


def parameters(state):
    """Learnable tensors as Parameters, as state_dict(keep_vars=True) gives them."""
    learnt = ("weight", "bias")
    return OrderedDict(
        (name, torch.nn.Parameter(value) if name.split(".")[-1] in learnt and value.is_floating_point() else value)
        for name, value in state.items()
    )


def cast(state, dtype):
    return OrderedDict((n, v.to(dtype) if v.is_floating_point() else v) for n, v in state.items())


def prefixed(state, prefix):
    return OrderedDict((prefix + name, value) for name, value in state.items())


def channels_last(state):
    return OrderedDict(
        (n, v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v) for n, v in state.items()
    )


def transposed(state):
    """The same values with other strides, as t().contiguous().t() leaves them."""
    return OrderedDict((n, v.t().contiguous().t() if v.dim() == 2 else v) for n, v in state.items())


def one_storage(state):
    """All float32 tensors are views of one storage, each at its own offset."""
    floats = [v for v in state.values() if v.dtype == torch.float32]
    flat, result, at = torch.cat([v.reshape(-1) for v in floats]), OrderedDict(), 0
    for name, value in state.items():
        if value.dtype == torch.float32:
            result[name] = flat[at : at + value.numel()].view(value.shape)
            at += value.numel()
        else:
            result[name] = value
    return result


def checkpoint(state):
    """What a training script writes, with the momentum of an optimizer."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {"epoch": 7, "model_state_dict": state, "optimizer_state_dict": optimizer.state_dict(), "loss": 0.25,
            "best": True, "note": None, "huge": 2**100, "negative": -3}


VARIANTS = {
    "tensors": lambda s: s,
    "dict": dict,
    "parameters": parameters,
    "state_dict": lambda s: {"epoch": 1, "state_dict": s},
    "model": lambda s: {"model": s, "epoch": 300, "lr": 1e-3},
    "checkpoint": checkpoint,
    "model_ema": lambda s: {"model_ema": OrderedDict(n_averaged=torch.tensor(9), **prefixed(s, "module."))},
    "module": lambda s: prefixed(s, "module."),
    "compiled": lambda s: {"model": prefixed(s, "module._orig_mod.")},
    "f16": lambda s: cast(s, torch.float16),
    "bf16": lambda s: cast(s, torch.bfloat16),
    "f64": lambda s: cast(s, torch.float64),
    "channels_last": channels_last,
    "transposed": transposed,
    "one_storage": one_storage,
}


def save(content, path, *, legacy=False, protocol=2):
    torch.save(content, path, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
