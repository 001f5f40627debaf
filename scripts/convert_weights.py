#!/usr/bin/env python3
"""Turn a PyTorch weight file (.pth) into safetensors.

    convert_weights.py resnet50-0676ba61.pth resnet50.safetensors

Reads what torch.save wrote: a state dict, or a checkpoint that holds one under "state_dict", "model" or
"model_state_dict". A "module." in front of every name is dropped. Weights become float32, counts int64. Nothing in the
file is executed (torch.load with weights_only=True). Needs the packages torch and safetensors.
"""

import argparse
import os
import sys
import tempfile

# Exit codes, as freezetune's: the data is wrong, an input is missing, PyTorch is missing, an output cannot be made.
DATA, NOINPUT, SYSTEM, CANTCREATE = 65, 66, 71, 73
CONTAINERS = ("state_dict", "model_state_dict", "model")
PREFIX = "module."


class Refused(Exception):
    """What is wrong, as one line, and the exit code."""

    def __init__(self, text, code=DATA):
        super().__init__(text)
        self.code = code


def find_state_dict(content, torch):
    """The mapping of names to tensors, whatever wraps it."""
    while isinstance(content, dict):
        inner = [key for key in CONTAINERS if isinstance(content.get(key), dict)]
        if not inner:
            break
        content = content[inner[0]]
    if not isinstance(content, dict) or not content:
        raise Refused("holds no state dict, but " + type(content).__name__)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise Refused(f"holds {name!r}, which is no tensor, so this is no state dict")
    return content


def plain_tensor(name, tensor, torch):
    """A contiguous copy on the CPU that shares memory with no other: float32, or int64 for counts."""
    tensor = tensor.detach()
    if tensor.is_sparse or tensor.is_quantized or tensor.is_complex():
        raise Refused(f"tensor {name!r} is sparse, quantised or complex")
    wanted = torch.float32 if tensor.is_floating_point() else torch.int64
    return tensor.to(device="cpu", dtype=wanted, copy=True, memory_format=torch.contiguous_format)


def load(source, torch):
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Refused(error.strerror or str(error), NOINPUT) from error
    except Exception as error:  # torch raises many kinds; their advice (weights_only=False) is not passed on
        raise Refused(f"holds more than weights, or is damaged ({type(error).__name__})") from error


def convert(source, target, torch, save_file):
    """Returns how many tensors and values were written."""
    state = find_state_dict(load(source, torch), torch)
    if all(name.startswith(PREFIX) for name in state):
        state = {name[len(PREFIX) :]: value for name, value in state.items()}
    tensors = {name: plain_tensor(name, value, torch) for name, value in state.items()}
    write_whole(target, lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    return len(tensors), sum(tensor.numel() for tensor in tensors.values())


def write_whole(target, write):
    """The file appears under its name when it is complete, or not at all."""
    folder = os.path.dirname(os.path.abspath(target))
    part = None
    try:
        handle, part = tempfile.mkstemp(prefix=os.path.basename(target) + ".", suffix=".part", dir=folder)
        os.close(handle)
        write(part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part, 0o666 & ~mask)
        os.replace(part, target)
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Refused(f"{target} cannot be written: {reason}", CANTCREATE) from error
    finally:
        if part and os.path.exists(part):
            os.unlink(part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN.pth")
    parser.add_argument("target", metavar="OUT.safetensors")
    args = parser.parse_args()
    try:
        try:
            import torch
            from safetensors.torch import save_file
        except ImportError as error:
            raise Refused(f"{error}; install it with: pip install torch safetensors", SYSTEM) from error
        if os.path.exists(args.target) and not os.path.isfile(args.target):
            raise Refused(f"{args.target} is no regular file, so it cannot be replaced", CANTCREATE)
        if os.path.exists(args.source) and os.path.exists(args.target) and os.path.samefile(args.source, args.target):
            raise Refused("the result would replace its source", CANTCREATE)
        tensors, values = convert(args.source, args.target, torch, save_file)
    except Refused as error:
        print(f"convert_weights.py: {args.source}: {error}", file=sys.stderr)
        return error.code
    print(f"{args.target}: {tensors} tensors, {values} values", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
