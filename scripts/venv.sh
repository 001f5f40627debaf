#!/bin/sh
# venv.sh [--bench | --sources]: the developers' Python with PyTorch, for parity and benchmarks; the program itself needs none.
# Makes ${XDG_CACHE_HOME:-~/.cache}/freezetune/venv from PyPI, installs what is missing, prints the path of its python.
#   --bench     onnxruntime, openvino and onnx as well
#   --sources   the libraries that write files of ResNets, for scripts/check_sources.py (some 3 GB)
# Exit codes: 0 done, 64 usage or no HOME, 66 no python3 that can make the folder, 74 pip failed.
set -eu

packages="torch torchvision safetensors numpy pillow"
case "$*" in
"") ;;
--bench) packages="$packages onnxruntime openvino onnx" ;;
--sources)
    packages="$packages timm transformers accelerate lightning fastai mmengine omegaconf segmentation-models-pytorch"
    packages="$packages lightly pytorch-ignite skorch ultralytics pretrainedmodels six thop ema-pytorch torch-ema monai"
    packages="$packages onnx h5py"
    ;;
-h | --help)
    echo "usage: venv.sh [--bench | --sources]"
    exit 0
    ;;
*)
    echo "usage: venv.sh [--bench | --sources]" >&2
    exit 64
    ;;
esac

if [ -z "${HOME:-}${XDG_CACHE_HOME:-}" ]; then
    echo "venv.sh: no folder for the packages: set HOME or XDG_CACHE_HOME" >&2
    exit 64
fi
venv=${XDG_CACHE_HOME:-$HOME/.cache}/freezetune/venv
python=$venv/bin/python
log=$venv/pip.log

if [ ! -x "$python" ]; then
    if ! command -v python3 >/dev/null 2>&1; then
        echo "venv.sh: python3 is missing (on Debian: apt-get install python3-venv)" >&2
        exit 66
    fi
    mkdir -p "$(dirname "$venv")"
    if ! python3 -m venv "$venv" >&2; then
        echo "venv.sh: python3 cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2
        exit 66
    fi
fi

# The names that are not installed, from the packages' metadata: importing torch to find out would take seconds.
missing=$("$python" - "$packages" <<'PYTHON'
import importlib.metadata, sys

for name in sys.argv[1].split():
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        print(name)
PYTHON
)
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # the list is meant to be split
    set -- $missing
    echo "venv.sh: installing $* into $venv (PyTorch is a download of some gigabytes)" >&2
    if ! "$python" -m pip install --disable-pip-version-check -q "$@" >"$log" 2>&1; then
        tail -n 3 "$log" >&2
        echo "venv.sh: pip failed; its whole output is in $log" >&2
        exit 74
    fi
fi
echo "$python"
