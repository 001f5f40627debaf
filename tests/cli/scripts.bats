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

@test "check-aarch64: a folder made from another list of packages is replaced" {
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

@test "check-aarch64 unpacks the packages that deps.sh installs for the tests" {
    wanted=$(sed -n '/^check)/,/;;/s/^ *packages="\(.*\)"$/\1/p' "$scripts/deps.sh" | tr ' ' '\n' | sort)
    [ "$(wc -l <<<"$wanted")" -ge 12 ]
    diff <(echo "$wanted") <(sed -n 's/^packages=//p' "$scripts/check-aarch64.sh" | tr , '\n' | sort)
}

@test "--help is one line on stdout, a wrong option or argument one on stderr and 64" {
    export FREEZETUNE_ROOT=$PWD/none FREEZETUNE_SYSROOT=$PWD/none
    while read -r name wrong; do
        for help in --help -h; do
            run_split sh "$scripts/$name" "$help"
            [ "$status" = 0 ]
            [ -z "$err" ]
            [ "$(wc -l <stdout.txt)" = 1 ]
            [[ $out == "usage: "* ]]
        done
        # shellcheck disable=SC2086 # words
        fails 64 '^usage: ' sh "$scripts/$name" $wrong
    done <<END
check-aarch64.sh --xyzzy
check-cache.sh -x
check-cache.sh --xyzzy
check-cache.sh -k
check-cache.sh -k many
check-cache.sh more
check-fresh-root.sh --xyzzy
check-resume.sh -x
check-resume.sh --xyzzy
check-resume.sh -s 1,2
demo.sh more
get-weights.sh --v2 more
venv.sh --bench more
END
}

@test "demo.sh by hand says what to call" {
    fails 64 'make demo' env -u FREEZETUNE -u IDX_TO_PNG FREEZETUNE_DEMO="$PWD/demo" sh "$scripts/demo.sh"
    [ ! -e demo ]
}

@test "without HOME: one line says what to set" {
    for name in get-weights.sh venv.sh demo.sh; do
        fails 64 'set HOME' env -u HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME IDX_TO_PNG=tool sh "$scripts/$name"
    done
    # Where there is no curl, too: nothing is installed for a download that cannot be.
    mkdir few
    ln -s "$(command -v sh)" "$(command -v env)" "$(command -v dirname)" few
    for path in "$PATH" "$PWD/few"; do
        fails 64 'set HOME' env -u HOME -u XDG_CACHE_HOME XDG_DATA_HOME="$PWD/data" PATH="$path" \
            "$(command -v sh)" "$scripts/get-weights.sh" --v2
    done
    mkdir -p data/freezetune
    echo weights >data/freezetune/resnet50.safetensors
    run_split env -u HOME XDG_DATA_HOME="$PWD/data" XDG_CACHE_HOME="$PWD/cache" sh "$scripts/get-weights.sh"
    [ "$out" = "$PWD/data/freezetune/resnet50.safetensors" ]
}

@test "lint.sh outside a checkout says so in one line" {
    mkdir scripts
    cp "$scripts/lint.sh" scripts/
    fails 64 'git checkout' sh scripts/lint.sh
}
