#!/bin/sh
# check-aarch64.sh [TEST...]: builds for aarch64 with a cross compiler, reads the inner loops of the products, and runs the
# program's toy and the unit tests (or the named ones, build/aarch64/tests/unit/ROOM/test_NAME) under qemu. For developers, on
# Debian, as root; deps.sh installs cross compiler, qemu-user and debootstrap. The aarch64 packages are unpacked in a folder and
# not installed, so that this system stays as it is. The last line counts: N passed, N failed; the exit code is 1 where any failed.
#   FREEZETUNE_SYSROOT   that folder (default: /tmp/freezetune-aarch64), kept for the next call
# qemu is 20 to 50 times slower than a processor. Tests know by TEST_EMULATOR that it runs them (tests/README.md).
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: check-aarch64.sh [TEST...]"
    exit 0
    ;;
-*)
    echo "usage: check-aarch64.sh [TEST...]" >&2
    exit 64
    ;;
esac

cd "$(dirname "$0")/.."
sysroot=${FREEZETUNE_SYSROOT:-/tmp/freezetune-aarch64}
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
packages=libc6-dev,libopenblas-pthread-dev,libcjson-dev,libstb-dev,libjpeg-dev,libpng-dev,libwebp-dev,libgif-dev,libtiff-dev,libxxhash-dev,libmd-dev,libdeflate-dev,libutf8proc-dev,libcmocka-dev

sh scripts/deps.sh aarch64 || true # what is missing still is named here
for tool in aarch64-linux-gnu-gcc qemu-aarch64 debootstrap; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "check-aarch64.sh: $tool is missing (apt-get install gcc-aarch64-linux-gnu qemu-user debootstrap)" >&2
        exit 66
    }
done

# The mark of a whole folder says what is in it: one made from another list is replaced.
if [ "$(cat "$sysroot/.complete" 2>/dev/null)" != "$suite $packages, usr and lib" ]; then
    # shellcheck disable=SC2016 # apt's own variables
    mirror=$(apt-get indextargets --format '$(SITE)|$(COMPONENT)|$(CODENAME)' 'Created-By: Packages' |
        awk -F'|' -v name="$suite" '$2 == "main" && $3 == name { print $1; exit }')
    rm -rf "$sysroot" "$sysroot.debs"
    echo "== the aarch64 packages of $suite, unpacked in $sysroot"
    # The first stage only downloads and unpacks; nothing of it can run here.
    debootstrap --foreign --arch=arm64 --variant=minbase --include="$packages" "$suite" "$sysroot.debs" "$mirror" \
        >"$sysroot.log" 2>&1 || {
        tail -n 3 "$sysroot.log" >&2
        exit 74
    }
    mkdir "$sysroot"
    for deb in "$sysroot.debs"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$deb" "$sysroot"
    done
    rm -rf "$sysroot.debs"
    # qemu looks for a path in this folder first: an empty /proc would hide the one of the kernel.
    find "$sysroot" -mindepth 1 -maxdepth 1 ! -name usr ! -name 'lib*' -exec rm -rf {} +
    echo "$suite $packages, usr and lib" >"$sysroot/.complete"
fi

libraries=$sysroot/usr/lib/aarch64-linux-gnu
# BLAS by folder: its links are made by update-alternatives, which has not run there.
run_make() {
    PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_LIBDIR=$libraries/pkgconfig:$sysroot/usr/share/pkgconfig \
        make --no-print-directory -j"$(nproc)" VARIANT=aarch64 CC="aarch64-linux-gnu-gcc --sysroot=$sysroot" \
        AR=aarch64-linux-gnu-ar STRICT=-Werror BLAS=load BLAS_SONAME=libopenblas.so.0 BLAS_LIBS=-ldl \
        BLAS_CFLAGS="-I$sysroot/usr/include/aarch64-linux-gnu/openblas-pthread" "$@"
}
run_make freezetune programs
# The inner loops of the products are what they were measured as.
OBJDUMP=aarch64-linux-gnu-objdump python3 scripts/bench/mca_aarch64.py --check

cat >build/aarch64/run <<END
#!/bin/sh
# Runs an aarch64 program here.
exec qemu-aarch64 -L '$sysroot' -E LD_LIBRARY_PATH='$libraries/openblas-pthread' "\$@"
END
chmod +x build/aarch64/run
build/aarch64/run build/aarch64/freezetune --version
build/aarch64/run build/aarch64/freezetune toy
if [ $# -eq 0 ]; then
    for source in tests/unit/*/test_*.c; do
        set -- "$@" "build/aarch64/${source%.c}"
    done
fi
TEST_RESULTS=$(mktemp)
export TEST_RESULTS
trap 'rm -f "$TEST_RESULTS"' EXIT
trap 'exit 130' INT TERM
begin=$(date +%s)
code=0
TEST_EMULATOR=$PWD/build/aarch64/run BUILD=$PWD/build/aarch64 sh tests/support/run_tests.sh "$@" || code=$?
echo "$(($(date +%s) - begin)) seconds"
awk -v code="$code" '{ passed += $1; failed += $2; skipped += $3 }
    END {
        if (skipped)
            print skipped " skipped: what qemu cannot do, or what is not here; docs/decisions/aarch64.md"
        printf "%d passed, %d failed\n", passed, failed
        exit code != 0 || failed > 0
    }' "$TEST_RESULTS"
