#!/usr/bin/env bats
# scripts/deps.sh on machines that are not this one: its PATH holds stand-ins for dpkg-query, apt-get, sudo and id.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    deps=$BATS_TEST_DIRNAME/../../scripts/deps.sh
    mkdir bin
    for tool in sh env mktemp rm grep tail cat; do
        ln -s "$(command -v "$tool")" bin/
    done
    stand_in id 'echo "${TEST_UID:-0}"'
}

# stand_in NAME BODY: a command on the script's PATH.
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
    chmod +x "bin/$1"
}

run_deps() {
    run_split env -i PATH="$PWD/bin" TEST_UID="${TEST_UID:-0}" bin/sh "$deps" "$@"
}

# A Debian with every tool, and apt-get that writes down what it was asked. $1: the packages that are not installed.
debian() {
    for tool in cc make pkg-config; do
        stand_in "$tool" ""
    done
    stand_in dpkg-query "case \" $1 \" in *\" \$3 \"*) exit 1 ;; *) printf 'install ok installed' ;; esac"
    stand_in apt-get 'echo "$*" >>apt.log'
    : >apt.log
}

@test "nothing missing: silence, and apt-get is not called" {
    debian ""
    run_deps build
    [ "$status" = 0 ]
    [ -z "$out$err" ]
    [ ! -s apt.log ]
}

@test "root: exactly what is missing is installed, without a question" {
    debian "libcjson-dev libopenblas-pthread-dev"
    rm bin/cc
    run_deps build
    [ "$status" = 0 ]
    [ "$err" = "deps.sh: installing gcc libopenblas-pthread-dev libcjson-dev" ]
    grep -q '^-y .*install --no-install-recommends gcc libopenblas-pthread-dev libcjson-dev$' apt.log
    [ "$(wc -l <apt.log)" = 1 ]
}

@test "--look only names what is missing" {
    debian "libstb-dev"
    run_deps --look build
    [ "$status" = 0 ]
    [[ $err == "deps.sh: missing packages: libstb-dev."* ]]
    [ ! -s apt.log ]
}

@test "a machine without package lists: update, then again" {
    debian "libstb-dev"
    stand_in apt-get 'echo "$*" >>apt.log; case "$*" in *update*) : >updated ;; *) [ -f updated ] ;; esac'
    run_deps build
    [ "$status" = 0 ]
    [ "$(grep -c 'install' apt.log)" = 2 ]
    [ "$(grep -c 'update$' apt.log)" = 1 ]
}

@test "no network: the reason, the names and the command, and 71" {
    debian "libstb-dev"
    stand_in apt-get 'echo "E: Unable to fetch"; exit 100'
    run_deps build
    [ "$status" = 71 ]
    [[ $err == *"E: Unable to fetch"* ]]
    [[ $err == *"sudo apt-get update && sudo apt-get install libstb-dev"* ]]
}

@test "no root: without sudo the command is printed, with a sudo that wants a password too" {
    debian "libstb-dev"
    TEST_UID=1000
    for sudo in none asking; do
        [ "$sudo" = none ] || stand_in sudo '[ "$1" = -n ] && exit 1; sleep 1000'
        run_deps build
        [ "$status" = 71 ]
        [[ $err == *"sudo apt-get install libstb-dev" ]]
        [ ! -s apt.log ]
    done
}

@test "no root, a sudo without a password" {
    debian "libstb-dev"
    TEST_UID=1000
    stand_in sudo '[ "$1" = -n ] || exit 1; shift; [ "$1" = true ] || exec "$@"'
    run_deps build
    [ "$status" = 0 ]
    grep -q 'install --no-install-recommends libstb-dev$' apt.log
}

@test "a system without dpkg: the names, no failure" {
    stand_in pkg-config '[ "$2" != libcjson ]'
    stand_in cc ""
    stand_in make ""
    run_deps build
    [ "$status" = 0 ]
    [[ $err == "deps.sh: not found here: cJSON (with"* ]]
    stand_in pkg-config ""
    run_deps build
    [ "$status" = 0 ]
    [ -z "$out$err" ]
}

@test "make without a compiler says nothing of its own before deps.sh does" {
    run_split make --no-print-directory -C "$BATS_TEST_DIRNAME/../.." -n CC=no-such-compiler PKG_CONFIG=no-such-pkg-config help
    [ "$status" = 0 ]
    [ -z "$err" ]
}

@test "usage" {
    run_deps everything
    [ "$status" = 64 ]
}
