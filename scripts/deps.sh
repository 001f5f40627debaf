#!/bin/sh
# deps.sh [build|check|demo|offline]: installs what is missing from the distribution; silent when nothing is missing, never asks.
#   build   what `make` needs
#   check   that, and what the tests need
#   demo    what the demo downloads with
#   offline the photos of the demo's offline path
set -eu

packages="gcc make pkg-config libc6-dev libopenblas-pthread-dev libcjson-dev libstb-dev libjpeg-dev libxxhash-dev"
case "${1:-build}" in
build) ;;
check) packages="$packages libcmocka-dev bats perl" ;;
demo) packages="curl ca-certificates unzip" ;;
offline) packages="dataset-fashion-mnist" ;;
*)
    echo "usage: deps.sh [build|check|demo|offline]" >&2
    exit 64
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    # Not a Debian: the build and the demo themselves say what they do not find.
    if ! { command -v pkg-config && pkg-config --exists openblas libcjson libxxhash; } >/dev/null 2>&1; then
        echo "freezetune needs a C compiler, make, pkg-config, OpenBLAS (single-threaded or pthread build), cJSON," \
            "stb_image, libjpeg-turbo and xxHash (with their development files); for the tests cmocka and bats." >&2
        echo "This system has no dpkg, so please install them with its package manager." >&2
    fi
    exit 0
fi

missing=""
for package in $packages; do
    case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" in
    *" installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "missing packages:$missing. Install them as root: apt-get install$missing" >&2
        exit 1
    fi
    sudo="sudo"
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is meant to be split
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
