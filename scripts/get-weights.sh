#!/bin/sh
# get-weights.sh [--v2]: torchvision's pretrained ResNet-50 as ${XDG_DATA_HOME:-~/.local/share}/freezetune/resnet50.safetensors,
# where `freezetune train` looks for it. The official .pth comes from the torch hub cache of this user or by download, its
# SHA-256 is checked before it is opened, and freezetune converts it ($FREEZETUNE, ./freezetune beside this folder, or the
# installed one). Does nothing when the result is there.
#   --v2   the weights IMAGENET1K_V2, as resnet50-v2.safetensors, which remembers their resize to 232
# Exit codes: 0 done, 64 usage or no HOME, 65 the wrong bytes came, 66 no network or no freezetune, 71 no curl and it cannot be
# installed, 73/74 the result cannot be written.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

case "$*" in
"")
    pth=resnet50-0676ba61.pth name=resnet50.safetensors
    sha256=0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a
    ;;
--v2)
    pth=resnet50-11ad3fa6.pth name=resnet50-v2.safetensors
    sha256=11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca
    ;;
-h | --help)
    echo "usage: get-weights.sh [--v2]"
    exit 0
    ;;
*)
    echo "usage: get-weights.sh [--v2]" >&2
    exit 64
    ;;
esac

if [ -z "${HOME:-}" ] && { [ -z "${XDG_DATA_HOME:-}" ] || [ -z "${XDG_CACHE_HOME:-}" ]; }; then
    echo "get-weights.sh: no folder for the weights: set HOME, or both XDG_DATA_HOME and XDG_CACHE_HOME" >&2
    exit 64
fi
out=${XDG_DATA_HOME:-$HOME/.local/share}/freezetune/$name
cache=${XDG_CACHE_HOME:-$HOME/.cache}
hub=${TORCH_HOME:-$cache/torch}/hub/checkpoints/$pth
url=${FREEZETUNE_MODELS_URL:-https://download.pytorch.org/models}/$pth

if [ -s "$out" ]; then
    echo "$out"
    exit 0
fi

is_right() {
    echo "$sha256  $1" | sha256sum --check --status
}

# ---- the program, asked for before 98 MB are downloaded for nothing
program=${FREEZETUNE:-$here/../freezetune}
[ -x "$program" ] || program=$(command -v freezetune) || {
    echo "get-weights.sh: the official file is a .pth, which freezetune converts; build it first with make, or put a" \
        "resnet50.safetensors with torchvision's tensor names at $out" >&2
    exit 66
}

# ---- the .pth
if [ -f "$hub" ] && is_right "$hub"; then
    echo "using $hub" >&2
    from=$hub
else
    from=$cache/freezetune/$pth
    echo "downloading $url (98 MB)" >&2
    sh "$here/fetch.sh" "$url" "$from" "$sha256" || {
        status=$?
        [ "$status" = 73 ] || echo "get-weights.sh: the same without a download: copy $pth to $hub, or any" \
            "resnet50.safetensors with torchvision's tensor names to $out" >&2
        exit "$status"
    }
fi

# ---- converted
mkdir -p "$(dirname "$out")" || exit 73
"$program" convert "$from" "$out" >&2
[ "$from" = "$hub" ] || rm -f "$from"
echo "$out"
