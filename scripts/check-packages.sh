#!/bin/sh
# check-packages.sh [SUITE [KIND...]]: do wheel, deb and tarball install where there is nothing else, work, and leave
# nothing when they are removed? In a Debian with nothing but its base, for each KIND (default: wheel deb tarball): installs,
# runs scripts/package/try_installed.sh, removes, and compares the lists of files and of packages before and after. All kinds
# must give the same best.safetensors. For developers; needs root, debootstrap and git. What is not committed is not
# tested.
#   SUITE              bookworm, trixie, bullseye, ... (default: that of this system)
#   FREEZETUNE_ROOT    start of the names of its folders (default: /tmp/freezetune-packages-SUITE): -base and -build, in
#                      which the deb is built, seen by lintian and put through autopkgtest, are kept for the next call
#   DEB_BUILD_OPTIONS  nocheck leaves out the unit tests when the deb is built
# The static program of wheel and tarball is built on this system, and an older Debian's OpenBLAS has other kernels for
# AVX-512, but the same for AVX2: on a processor that has both, all three take those of AVX2 for the products of OpenBLAS.
# Exit codes: 0 all is so; 1 something is not; 64, 66, 74.
set -eu

case "${1:-}" in
-*)
    echo "usage: check-packages.sh [SUITE [wheel|deb|tarball...]]"
    [ "$1" = -h ] || [ "$1" = --help ] || exit 64
    exit 0
    ;;
esac

here=$(cd "$(dirname "$0")/.." && pwd)
me=check-packages.sh
# shellcheck source=scripts/roots.sh
. "$here/scripts/roots.sh"
suite=${1:-$(own_suite)}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- wheel deb tarball
roots=${FREEZETUNE_ROOT:-/tmp/freezetune-packages-$suite}
base=$roots-base try=$roots-try build=$roots-build files=$roots-files
failed=0
coretype=$(sed -n '/^flags.* avx512f/ { s/.*/Haswell/p; q; }' /proc/cpuinfo)

fail() {
    echo "$me: $suite: $1" >&2
    failed=1
}

# The files in $files, each made by one target.
make_files() {
    rm -rf "$files"
    mkdir -p "$files"
    for kind in "$@"; do
        case $kind in
        wheel | tarball)
            [ ! -f "$files/static" ] || continue
            rm -rf "$files/source"
            git clone -q "$here" "$files/source"
            make -s -C "$files/source" wheel >"$files/static"
            mv "$files"/source/build/dist/*.whl "$files"/source/build/dist/*.tar.xz "$files"
            rm -rf "$files/source"
            ;;
        deb) make_deb ;;
        *)
            echo "usage: check-packages.sh [SUITE [wheel|deb|tarball...]]" >&2
            exit 64
            ;;
        esac
    done
}

# Builds in a root that has what the package declares, and little else; then lintian, and autopkgtest of the package.
make_deb() {
    if [ ! -f "$build/.complete" ]; then
        root_remove "$build"
        cp -a "$base" "$build"
    fi
    root_enter "$build"
    root_apt "$build" update
    root_apt "$build" install --no-install-recommends make git lintian autopkgtest
    rm -rf "$build/root/freezetune"
    git clone -q "$here" "$build/root/freezetune"
    echo "== make deb in $build"
    root_run "$build" ${DEB_BUILD_OPTIONS:+DEB_BUILD_OPTIONS="$DEB_BUILD_OPTIONS"} sh -c 'cd /root/freezetune && make deb' ||
        fail "make deb failed"
    cp "$build"/root/freezetune/build/deb/freezetune_*.deb "$files"
    echo "== autopkgtest in $build"
    if root_run "$build" sh -c 'cd /root/freezetune/build/deb && autopkgtest -q -B *.changes -- null' >"$roots-autopkgtest.log" 2>&1; then
        grep -E '^[a-z-]+ +(PASS|SKIP)' "$roots-autopkgtest.log"
    else
        tail -n 5 "$roots-autopkgtest.log" >&2
        fail "autopkgtest failed"
    fi
    root_leave
}

# Everything that somebody could find: what apt and dpkg write down for themselves is left out, the list of packages is in.
inventory() {
    (cd "$try" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/cache -o -path ./var/log \
        -o -path ./var/lib/apt -o -path ./var/lib/dpkg \) -prune -o -print | LC_ALL=C sort)
    root_run "$try" dpkg -l | awk '/^[a-z]/ { print $1, $2 }'
}

# try KIND: how it is installed, where it is found, how it is removed.
try_kind() {
    root_remove "$try"
    cp -a "$base" "$try"
    root_enter "$try"
    root_apt "$try" update
    cp "$here/scripts/package/try_installed.sh" "$try/tmp"
    case $1 in
    wheel)
        cp "$files"/*.whl "$try/tmp"
        root_apt "$try" install --no-install-recommends man-db python3-venv
        root_run "$try" python3 -m venv /opt/venv
        bin=/opt/venv/bin
        install="$bin/pip install --no-cache-dir --disable-pip-version-check -q --no-index /tmp/*.whl && $bin/python -m freezetune --version"
        remove="$bin/pip uninstall -q -y freezetune"
        ;;
    deb)
        cp "$files"/*.deb "$try/tmp"
        root_apt "$try" install --no-install-recommends man-db
        bin=/usr/bin
        install="apt-get -q -y install --no-install-recommends /tmp/*.deb"
        remove="apt-get -q -y purge --autoremove freezetune"
        ;;
    tarball)
        cp "$files"/*.tar.xz "$try/tmp"
        root_apt "$try" install --no-install-recommends man-db xz-utils
        bin=/opt/freezetune/bin
        install="mkdir /opt/freezetune && tar -xf /tmp/*.tar.xz --strip-components=1 -C /opt/freezetune"
        remove="rm -r /opt/freezetune"
        ;;
    esac
    inventory >"$roots-before.txt"
    echo "== $1 in $suite"
    tried=no
    in_try "$install" && in_try "PATH=$bin:\$PATH sh /tmp/try_installed.sh" && tried=yes
    tee "$try/tmp/tried.txt" <"$try/tmp/out.txt"
    [ "$tried" = yes ] || fail "$1 did not work"
    in_try "$remove" || fail "$1 was not removed"
    # pip leaves the empty folders of man pages and completions; a file in them would be found.
    [ "$1" != wheel ] || find "$try/opt/venv/share" -depth -type d -empty -delete
    inventory >"$roots-after.txt"
    diff "$roots-before.txt" "$roots-after.txt" || fail "$1 leaves these files"
    root_leave
    grep '/best\.safetensors$' "$try/tmp/tried.txt" >"$roots-bytes-$1.txt" || fail "$1 made no model"
    root_remove "$try"
}

# What a step prints is shown where it fails, and what the last one prints.
in_try() {
    if ! root_run "$try" DEBIAN_FRONTEND=noninteractive ${coretype:+OPENBLAS_CORETYPE="$coretype"} \
        sh -c "$1" >"$try/tmp/out.txt" 2>&1; then
        tail -n 8 "$try/tmp/out.txt" >&2
        return 1
    fi
}

roots_need git
root_make "$suite" "$base"
make_files "$@"
for kind in "$@"; do
    try_kind "$kind"
done
for kind in "$@"; do
    cmp "$roots-bytes-$1.txt" "$roots-bytes-$kind.txt" || fail "$1 and $kind give different models"
done
[ $failed != 0 ] || echo "$me: $suite: $*: installed, tried, removed; nothing was left, and the models are the same bytes"
exit $failed
