#!/usr/bin/env bats
# The how-tos that a user sees (command, format): each diff fits the tree, builds, and its test passes.

load common
load howto

setup() {
    cd "$BATS_TEST_TMPDIR"
}

@test "howto-command: the diff builds a command, which --help lists and its test finds good" {
    apply_howto command
    "$program" --help | grep -q '^  classes '
    run_howto
}

@test "howto-format: the diff builds a reader of a format, and its test finds it good" {
    apply_howto format
    run_howto
}

@test "a diff whose test fails, or which does not fit, is found" {
    mkdir -p other/docs other/tests/cli
    BATS_TEST_DIRNAME=$PWD/other/tests/cli
    for part in cli core models weights scripts Makefile README.md LICENSE; do
        touch "other/$part"
    done
    printf 'freezetune:\n\ttouch built\n' >other/Makefile
    BUILD=$PWD/none/release
    printf '%s\n' '```diff' '--- /dev/null' '+++ b/tests/cli/red.bats' '@@ -0,0 +1 @@' '+@test "red" { false; }' '```' >other/docs/howto-red.md
    apply_howto red
    run run_howto
    [ "$status" = 1 ]
    rm -r tree
    printf '%s\n' '```diff' '--- a/README.md' '+++ b/README.md' '@@ -1 +1 @@' '-other' '+text' '```' >other/docs/howto-red.md
    run apply_howto red
    [ "$status" = 1 ]
}
