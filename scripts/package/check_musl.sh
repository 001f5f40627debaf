#!/bin/sh
# check_musl.sh PROGRAM MAKE_PHOTOS: does the C library change a model? Builds the program with musl in build/musl,
# trains with it and with PROGRAM on photos that MAKE_PHOTOS makes, for each instruction set, convolution and precision,
# and compares best.safetensors. Called by `make check-musl`, which installs what it needs (scripts/deps.sh musl), in the
# folder of the repository. Debian has no libraries for musl: its archives for glibc are linked, and musl_names.c has
# the few names that they do not find. Photo formats that need a library are left out.
# Exit codes: 0 the same models; 1 not, or it does not build; 64 usage.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: check_musl.sh PROGRAM MAKE_PHOTOS" >&2
    exit 64
fi
program=$(realpath "$1") photos=$(realpath "$2")
: "${MUSL_CC:=musl-gcc}"

# The headers of these libraries and no other: those of glibc are beside them.
headers=$PWD/build/musl/include
system=/usr/include/$(gcc -dumpmachine)
rm -rf "$headers"
mkdir -p "$headers"
ln -s /usr/include/cjson /usr/include/stb /usr/include/xxhash.h /usr/include/libdeflate.h /usr/include/sha2.h \
    "$system"/tiff*.h "$system"/openblas-pthread/*.h "$headers"

libraries=$(pkg-config --variable=libdir libxxhash)
$MUSL_CC -O2 -Wall -Wextra -Werror -c -o build/musl/musl_names.o scripts/package/musl_names.c
make --no-print-directory -j"$(nproc)" VARIANT=musl STATIC=yes BLAS=inside CC="$MUSL_CC" STRICT=-Werror \
    JPEG=stb PNG=stb WEBP= GIF= TIFF= UTF8PROC= BLAS_CFLAGS="-I$headers" \
    PACKAGE_CFLAGS="-I$headers -I$headers/stb" \
    PACKAGE_LIBS="$libraries/libxxhash.a $libraries/libmd.a $libraries/libdeflate.a build/musl/musl_names.o" \
    HARDEN_LDFLAGS='-static -Wl,-z,relro -Wl,-z,noexecstack' build/musl/freezetune
! grep -q 'GNU C Library' build/musl/freezetune || {
    echo "check_musl.sh: build/musl/freezetune has glibc in it" >&2
    exit 1
}
musl=$PWD/build/musl/freezetune

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"
"$photos" photos 2 8 4 40 1 >/dev/null
train() {
    # shellcheck disable=SC2086 # an option and its value
    "$1" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 \
        --freeze-until 6 --cache off --out "$2" $3 >/dev/null
}
compared=0
for set in plain avx2 avx512; do
    for options in "--conv fast" "--conv exact" "--conv im2col" "--precision bf16"; do
        export FREEZETUNE_CPU=$set # a wider set than the processor's means the widest that it has
        rm -rf ours theirs
        train "$musl" ours "$options"
        train "$program" theirs "$options"
        cmp ours/best.safetensors theirs/best.safetensors || {
            echo "check_musl.sh: FREEZETUNE_CPU=$set $options: musl's model is another" >&2
            exit 1
        }
        compared=$((compared + 1))
    done
done
echo "check_musl.sh: $compared trainings with musl gave the bytes of the ordinary program"
