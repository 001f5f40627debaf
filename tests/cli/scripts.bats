#!/usr/bin/env bats
# What a person who calls a script of scripts/ by hand is told.

load common

setup() {
    scripts=$BATS_TEST_DIRNAME/../../scripts
    cd "$BATS_TEST_TMPDIR"
}

# stand_in NAME BODY: a command before all others on the PATH.
stand_in() {
    mkdir -p bin
    printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
    chmod +x "bin/$1"
}

@test "check-aarch64: a folder made from another list of packages is made anew" {
    for tool in aarch64-linux-gnu-gcc qemu-aarch64 apt-get; do
        stand_in "$tool" ''
    done
    stand_in debootstrap 'echo called; exit 1'
    stand_in make 'exit 3'
    mkdir sysroot
    export PATH=$PWD/bin:$PATH FREEZETUNE_SYSROOT=$PWD/sysroot
    : >sysroot/.complete
    fails 74 '^called$' sh "$scripts/check-aarch64.sh"
    # What a call leaves is taken by the next one.
    stand_in debootstrap 'exit 0'
    stand_in dpkg-deb ''
    run_split sh "$scripts/check-aarch64.sh"
    [ "$status" = 3 ]
    stand_in debootstrap 'echo called; exit 1'
    run_split sh "$scripts/check-aarch64.sh"
    [ "$status" = 3 ]
}
