#!/usr/bin/env bats
# The program is built as one that reads strangers' files; the parts of `make static` that need no build of their own.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    root=$BATS_TEST_DIRNAME/../..
    export LC_ALL=C
}

# Only these variants are hardened, and only with the flags of the Makefile.
skip_unless_release() {
    [ "$(basename "$BUILD")" = release ] || skip "only the release build is hardened"
    command -v readelf >/dev/null || skip "no readelf"
}

@test "the program is position independent, bound at its start, without an executable stack" {
    skip_unless_release
    readelf -hlW "$FREEZETUNE" >headers.txt
    readelf -dW "$FREEZETUNE" >dynamic.txt
    grep -qE 'Type: +DYN' headers.txt
    grep -q ' GNU_RELRO ' headers.txt
    grep -qE ' GNU_STACK .* RW +0x' headers.txt
    grep -qE 'FLAGS_1.* NOW.* PIE' dynamic.txt
    [ "$(grep -c TEXTREL dynamic.txt)" = 0 ]
}

@test "the stack protector, FORTIFY and CET are in the program" {
    skip_unless_release
    readelf -sW "$FREEZETUNE" >symbols.txt
    grep -q ' __stack_chk_fail' symbols.txt
    grep -q ' __snprintf_chk' symbols.txt
    [ "$(uname -m)" = x86_64 ] || return 0
    readelf -nW "$BUILD/cli/main.o" | grep -q 'IBT, SHSTK'
}

@test "CPPFLAGS, CFLAGS and LDFLAGS reach the compiler and come after the hardening" {
    # How one file would be compiled, and the program linked.
    recipe() {
        make -C "$root" -n V=1 --no-print-directory VARIANT=none BUILD=build/none HARDEN=yes "$@" >recipe.txt
    }
    recipe CPPFLAGS=-DFROM_CPPFLAGS CFLAGS='-O1 -DFROM_CFLAGS' LDFLAGS=-Wl,-z,lazy build/none/scripts/idx_to_png CLI_OBJECTS= LIB_OBJECTS=
    grep -qE -- '-fstack-protector-strong.* -DFROM_CPPFLAGS .*-DFROM_CFLAGS .*-o build/none/scripts/idx_to_png.o' recipe.txt
    grep -qE -- '-z,now.*-Wl,-z,lazy.* -o build/none/scripts/idx_to_png ' recipe.txt
    recipe CPPFLAGS=-D_FORTIFY_SOURCE=3 build/none/cli/main.o
    grep -q -- -D_FORTIFY_SOURCE=3 recipe.txt
    [ "$(grep -c -- -D_FORTIFY_SOURCE=2 recipe.txt)" = 0 ]
    recipe HARDEN= build/none/cli/main.o
    [ "$(grep -c -e -fstack-protector -e relro recipe.txt)" = 0 ]
}

@test "check_static.sh finds what a program is not" {
    skip_unless_release
    run sh "$root/scripts/package/check_static.sh" "$FREEZETUNE" "$BUILD"
    [ "$status" = 1 ]
    grep -q 'asks for an interpreter' <<<"$output"
    grep -q 'needs a library or a path' <<<"$output"
}

@test "a tarball has the same bytes whatever the dates and rights of its files" {
    command -v xz >/dev/null || skip "no xz"
    for tree in one two; do
        mkdir -p $tree/name/bin
        echo program >$tree/name/bin/b
        echo text >$tree/name/a
        chmod 755 $tree/name/bin/b
    done
    touch -d 2001-01-01 two/name/a
    chmod 600 two/name/a
    SOURCE_DATE_EPOCH=1000000000 sh "$root/scripts/package/dist.sh" one name out1
    SOURCE_DATE_EPOCH=1000000000 sh "$root/scripts/package/dist.sh" two name out2
    cmp out1/name.tar.xz out2/name.tar.xz
    (cd out1 && sha256sum --check name.tar.xz.sha256)
    SOURCE_DATE_EPOCH=1000000001 sh "$root/scripts/package/dist.sh" two name out3
    run cmp out1/name.tar.xz out3/name.tar.xz
    [ "$status" = 1 ]
}
