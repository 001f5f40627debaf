#!/bin/sh
# deps.sh [--look] [build|check|static|musl|package|deb|download|demo|offline|lint|develop|browser|slurm|aarch64|mpi]: installs what is missing from the distribution (Debian, Ubuntu). Says
# nothing when nothing is missing and never asks a question: where it would need a password, it prints the command.
#   build    what `make` needs
#   check    that, and what the tests need
#   static   that of build, and what `make static` links into the program
#   musl     that of static, and what `make check-musl` compiles with
#   package  that of static, and what makes tarball and wheel of it
#   deb      that of build, and what `make deb` builds with
#   download what fetch.sh downloads with; wget will do as well
#   demo     that, and what the demo unpacks its photos with
#   offline  the photos of the demo's offline path
#   lint     what `make lint` and `make format` need
#   develop  that, and what `make tidy` needs
#   browser  what `make check-browser` looks at reports with
#   slurm    what `make check-slurm` runs its jobs with, and GNU parallel for the test of its example
#   aarch64  what `make check-aarch64` builds with, and what it runs the tests with
#   mpi      what `make mpi` builds freezetune-mpi with: Open MPI and MPICH, which `make check-mpi` takes both
#   --look   installs nothing: one line says what is missing
# Exit codes: 0 nothing is missing (any more), or the system is not one of these and the names were printed; 64 usage;
# 71 it could not be installed.
set -eu

look=
if [ "${1:-}" = --look ]; then
    look=yes
    shift
fi
tools=
case "${1:-build}" in
build)
    tools="cc:gcc make:make pkg-config:pkg-config"
    packages="libc6-dev libopenblas-pthread-dev libcjson-dev libstb-dev libjpeg-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libxxhash-dev libmd-dev libdeflate-dev libutf8proc-dev"
    ;;
check)
    tools="cc:gcc make:make pkg-config:pkg-config bats:bats prove:perl python3:python3 patch:patch"
    packages="libc6-dev libopenblas-pthread-dev libcjson-dev libstb-dev libjpeg-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libxxhash-dev libmd-dev libdeflate-dev libutf8proc-dev libcmocka-dev"
    ;;
static | package | musl)
    tools="cc:gcc make:make pkg-config:pkg-config dpkg-source:dpkg-dev"
    packages="libc6-dev libopenblas-pthread-dev libcjson-dev libstb-dev libjpeg-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libxxhash-dev libmd-dev libdeflate-dev libutf8proc-dev"
    [ "$1" != package ] || tools="$tools xz:xz-utils python3:python3"
    [ "$1" != musl ] || tools="$tools musl-gcc:musl-tools"
    ;;
deb)
    tools="cc:gcc make:make pkg-config:pkg-config dpkg-buildpackage:dpkg-dev dh:debhelper xz:xz-utils git:git"
    packages="build-essential libc6-dev libopenblas-pthread-dev libcjson-dev libstb-dev libjpeg-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libxxhash-dev libmd-dev libdeflate-dev libutf8proc-dev libcmocka-dev"
    ;;
download | demo)
    command -v wget >/dev/null 2>&1 || tools="curl:curl"
    [ "$1" != demo ] || tools="$tools unzip:unzip"
    packages="ca-certificates"
    ;;
offline) packages="dataset-fashion-mnist" ;;
lint)
    tools="clang:clang clang-format:clang-format shellcheck:shellcheck python3:python3"
    packages=
    ;;
browser)
    tools="python3:python3 ip:iproute2"
    packages="chromium chromium-driver python3-selenium poppler-utils"
    ;;
slurm)
    tools=
    packages="slurm-wlm munge parallel"
    ;;
aarch64)
    tools="aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user debootstrap:debootstrap pkg-config:pkg-config make:make prove:perl python3:python3"
    packages=
    ;;
mpi)
    tools=
    packages="libopenmpi-dev openmpi-bin libmpich-dev mpich"
    ;;
develop)
    tools="clang:clang clang-format:clang-format shellcheck:shellcheck python3:python3 clang-tidy:clang-tidy cppcheck:cppcheck"
    packages=
    ;;
*)
    echo "usage: deps.sh [--look] [build|check|static|musl|package|deb|download|demo|offline|lint|develop|browser|slurm|aarch64|mpi]" >&2
    exit 64
    ;;
esac

missing=
for pair in $tools; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done

# ---- a system without dpkg: say the names, and let the build try --------------------------------------------------------
if ! command -v dpkg-query >/dev/null 2>&1; then
    # What pkg-config calls the same libraries; a system's own names are not known here.
    more=
    case "${1:-build}" in
    build | check)
        more=" (with the development files; OpenBLAS in its pthread build)"
        for library in openblas:OpenBLAS libcjson:cJSON libxxhash:xxHash libmd:libmd libdeflate:libdeflate libjpeg:libjpeg-turbo libpng:libpng libwebp:libwebp libtiff-4:libtiff libutf8proc:utf8proc stb:stb_image; do
            pkg-config --exists "${library%%:*}" 2>/dev/null || missing="$missing ${library#*:}"
        done
        ;;
    esac
    [ "${1:-build}" != check ] || pkg-config --exists cmocka 2>/dev/null || missing="$missing cmocka"
    [ -z "$missing" ] || echo "deps.sh: not found here:$missing$more." \
        "This system has no dpkg: please install them with its own package manager." >&2
    exit 0
fi

for package in $packages; do
    case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" in
    *" installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0
if [ "$look" ]; then
    echo "deps.sh: missing packages:$missing. \`make deps\` installs what the build needs" >&2
    exit 0
fi

# ---- Debian, Ubuntu -----------------------------------------------------------------------------------------------------
fail() {
    echo "deps.sh: missing packages:$missing. $1:" >&2
    echo "  sudo apt-get update && sudo apt-get install$missing" >&2
    exit 71
}

as_root=
if [ "$(id -u)" != 0 ]; then
    # -n: sudo must not ask for a password either.
    sudo -n true >/dev/null 2>&1 || fail "This user may not install them unasked, so please run"
    as_root="sudo -n"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
    # shellcheck disable=SC2086 # nothing, or a command and its option
    $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -y -q -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null
}

echo "deps.sh: installing$missing" >&2
# shellcheck disable=SC2086 # the list is meant to be split
if ! apt install --no-install-recommends $missing; then
    # A new machine has no package lists yet, an old one has stale ones.
    apt update || true
    # shellcheck disable=SC2086
    if ! apt install --no-install-recommends $missing; then
        grep '^E:' "$log" | tail -n 3 >&2
        fail "apt-get failed (no network? on Ubuntu they are in 'universe'). Once it works, run"
    fi
fi
