"""One peer, one measurement, in a process of its own: the driver (bench.py) starts it again for every round.

  python peer.py torch|torch-nchw|torch-compile|onnxruntime|openvino|darknet forward|step --threads T --batch-size B ...

Prints one JSON object: ms (per photo, median of --repeat passes after one to warm up), rss_mb (the process's peak) and
the version. forward: inference of a batch. step: the PyTorch recipe, forward, cross-entropy, backward, SGD with
momentum, children 1..N frozen and in eval mode. --precision bf16: forward and loss under torch.autocast, as PyTorch's
documentation has it; OpenVINO by its hint.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["torch", "torch-nchw", "torch-compile", "onnxruntime", "openvino", "darknet"])
    parser.add_argument("what", choices=["forward", "step"])
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--freeze-until", type=int, default=6)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--onnx", help="the network as ONNX, for onnxruntime and openvino")
    return parser.parse_args()


def torch_pass(a):
    import torch
    import torchvision

    torch.set_num_threads(a.threads)
    layout = torch.contiguous_format if a.peer == "torch-nchw" else torch.channels_last
    model = torchvision.models.resnet50().to(memory_format=layout)
    x = torch.randn(a.batch_size, 3, a.image_size, a.image_size).contiguous(memory_format=layout)
    version = "PyTorch " + torch.__version__.split("+")[0] + a.peer[5:].replace("-", " ")

    def rounded():
        return torch.autocast("cpu", torch.bfloat16, enabled=a.precision == "bf16")

    if a.what == "forward":
        model.eval()
        run = model
        if a.peer == "torch-compile":
            torch._inductor.config.freezing = True
            run = torch.compile(model)

        def forward():
            with torch.no_grad(), rounded():
                run(x)

        return forward, version
    frozen = list(model.children())[: a.freeze_until]
    model.train()
    for child in frozen:
        child.eval()
        for parameter in child.parameters():
            parameter.requires_grad = False
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()
    labels = torch.arange(a.batch_size) % 1000
    run = torch.compile(model) if a.peer == "torch-compile" else model

    def step():
        optimizer.zero_grad()
        with rounded():
            loss = loss_of(run(x), labels)
        loss.backward()
        optimizer.step()

    return step, version


def onnxruntime_pass(a):
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(a.onnx, options, providers=["CPUExecutionProvider"])
    x = numpy.random.rand(a.batch_size, 3, a.image_size, a.image_size).astype("float32")
    return lambda: session.run(None, {"input": x}), "ONNX Runtime " + onnxruntime.__version__


def openvino_pass(a):
    import numpy
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(a.onnx), "CPU",
                                  {"INFERENCE_NUM_THREADS": a.threads, "INFERENCE_PRECISION_HINT": a.precision})
    x = numpy.random.rand(a.batch_size, 3, a.image_size, a.image_size).astype("float32")
    return lambda: compiled([x]), "OpenVINO " + openvino.__version__.split("-")[0]


def darknet_network(size):
    """ResNet-50 as darknet reads it: torchvision's layers, a block's second path by `route`."""
    lines = [f"[net]\nbatch=1\nsubdivisions=1\nheight={size}\nwidth={size}\nchannels=3"]

    def conv(filters, kernel, stride, activation, norm=1):
        lines.append(f"[convolutional]\nbatch_normalize={norm}\nfilters={filters}\nsize={kernel}\nstride={stride}\npad=1\n"
                     f"activation={activation}")

    conv(64, 7, 2, "relu")
    lines.append("[maxpool]\nsize=3\nstride=2")
    for layer, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << layer
        for block in range(blocks):
            stride = 2 if block == 0 and layer > 0 else 1
            conv(width, 1, 1, "relu")
            conv(width, 3, stride, "relu")
            conv(4 * width, 1, 1, "linear")
            if block == 0:
                lines.append("[route]\nlayers=-4")
                conv(4 * width, 1, stride, "linear")
            lines.append(f"[shortcut]\nfrom={-3 if block == 0 else -4}\nactivation=relu")
    lines.append("[avgpool]")
    conv(1000, 1, 1, "linear", norm=0)
    return "\n\n".join(lines) + "\n"


def darknet(a):
    """`darknet speed` makes random weights and says how long its forward passes of one photo took."""
    with tempfile.TemporaryDirectory() as folder:
        network = pathlib.Path(folder) / "resnet50.cfg"
        network.write_text(darknet_network(a.image_size))
        said = subprocess.run(["darknet", "speed", network, str(a.repeat)], check=True, capture_output=True, text=True)
    seconds = float(re.search(r"Speed: ([0-9.]+) sec/eval", said.stdout)[1])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(json.dumps({"ms": seconds * 1e3, "rss_mb": peak, "version": "darknet"}))


def main():
    a = arguments()
    if a.precision == "bf16" and a.peer in ("onnxruntime", "darknet"):
        sys.exit(f"peer.py: {a.peer} does not compute in bf16")
    if a.peer == "darknet":
        darknet(a)
        return
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    make = {"onnxruntime": onnxruntime_pass, "openvino": openvino_pass}.get(a.peer, torch_pass)
    run, version = make(a)
    run()
    times = []
    for _ in range(a.repeat):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3 / a.batch_size)
    # Not getrusage: that counts what the parent had before it became this process.
    status = pathlib.Path("/proc/self/status").read_text()
    rss = int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024 / 1e6
    print(json.dumps({"ms": statistics.median(times), "rss_mb": rss, "version": version}))


if __name__ == "__main__":
    main()
