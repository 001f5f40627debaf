#!/usr/bin/env bats
# Debian's package, without building it: its changelog, and whether what it declares agrees with the rest of the tree.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    root=$BATS_TEST_DIRNAME/../..
    debian=$root/scripts/package/debian
    export LC_ALL=C
}

@test "the changelog has the version that was asked for, the headings of the newest changes, a date" {
    mkdir -p scripts/package/debian
    cp "$debian/control" scripts/package/debian/
    printf '# Changes\n\n## 9.8.0 (unreleased)\n\n### Photos\n\n- a\n\n### Runs\n\n- b\n\n### Photos\n\n## 9.7.0\n\n### Old\n' >CHANGELOG.md
    SOURCE_DATE_EPOCH=86400 sh "$root/scripts/package/debian_changelog.sh" 9.8.0 >changelog
    [ "$(head -n 1 changelog)" = "freezetune (9.8.0-1) unstable; urgency=medium" ]
    [ "$(grep -c '^    - ' changelog)" = 2 ]
    grep -q '^    - Runs$' changelog
    grep -qx ' -- freezetune developers <.*@.*>  Fri, 02 Jan 1970 00:00:00 +0000' changelog
    command -v dpkg-parsechangelog >/dev/null || skip "the rest needs dpkg-parsechangelog"
    [ "$(dpkg-parsechangelog -l changelog -S Version)" = 9.8.0-1 ]
}

@test "the package is built with every library that deps.sh installs for make" {
    sed -n '/^Build-Depends:/,/^[A-Z].*:/p' "$debian/control" >declared.txt
    packages=$(sed -n '/^build)/,/;;/s/^ *packages="\(.*\)"$/\1/p' "$root/scripts/deps.sh")
    [ "$(wc -w <<<"$packages")" -ge 10 ]
    for package in $packages; do
        [ "$package" != libc6-dev ] || continue # build-essential has it
        grep -q "^ $package,$" declared.txt || { echo "$package is not in Build-Depends"; false; }
    done
}

@test "the flags of dpkg-buildflags reach the compiler, and no RUNPATH the linker" {
    # What `make` would say with the variables of debian/rules.
    sed -n 's/^export \([A-Z_]*\) = \(.*\)$/\1=\2/p' "$debian/rules" | grep -v '^DEB_' |
        sed 's/\$(DEB_HOST_MULTIARCH)/x86_64-linux-gnu/' >variables.txt
    grep -qx 'BLAS=load' variables.txt
    mapfile -t variables <variables.txt
    env "${variables[@]}" CPPFLAGS=-D_FORTIFY_SOURCE=3 CFLAGS="-O2 -DFROM_CFLAGS" LDFLAGS=-Wl,-z,relro \
        make -C "$root" -n --no-print-directory BUILD=build/none CLI_OBJECTS=build/none/core/ops/blas.o LIB_OBJECTS= \
        VARIANT=release build/none/scripts/idx_to_png build/none/core/ops/blas.o >recipe.txt
    grep -q -- '-D_FORTIFY_SOURCE=3 -O2 -DFROM_CFLAGS .*-DBLAS_SONAME=.*/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0' recipe.txt
    grep -q -- '-Wl,-z,relro.* -o build/none/scripts/idx_to_png' recipe.txt
    [ "$(grep -c -e rpath -e _FORTIFY_SOURCE=2 recipe.txt)" = 0 ]
}

@test "deb.sh says what it needs and leaves a folder alone that is no checkout" {
    run_split sh "$root/scripts/package/deb.sh" 1.0.0
    [ "$status" = 64 ]
    mkdir out
    : >out/kept
    run_split sh "$root/scripts/package/deb.sh" 1.0.0 out
    [ "$status" = 66 ]
    [ "$err" = "deb.sh: this needs a git checkout of freezetune" ]
    [ -f out/kept ]
}
