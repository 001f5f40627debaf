#!/usr/bin/env bats
# The how-tos of docs: the diff of each is applied to a copy of the tree, which is built, and the test that the diff
# brings is run.

bats_require_minimum_version 1.5.0

setup() {
    load common
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    # The copy takes over what is built already; other builds have other flags.
    [ "${BUILD##*/}" = release ] || skip "the how-tos are built as the release is"
}

# copy_tree: a copy of the sources in ./tree, with the objects, so that make compiles only what the diff changes.
copy_tree() {
    mkdir tree
    (cd "$root" && tar -cf - --exclude=tests/fixtures CONTRIBUTING.md Makefile README.md cli core docs models scripts \
        tests weights) | tar -C tree -xf -
    (cd "$root" && find build/release \( -name '*.o' -o -name '*.d' -o -name '*.a' -o -name flags \) \
        -not -path '*/tests/fuzz/*' -not -path '*/tests/tools/*' -not -name 'test_*' -print0 | tar -cf - --null -T -) |
        tar -C tree -xf -
}

# apply_howto NAME: the diff in docs/howto-NAME.md, to a copy of the tree; what it touches is in changed.txt and the
# tests that it brings are in tests.txt, as their sources.
apply_howto() {
    copy_tree
    awk '/^```diff$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/docs/howto-$1.md" >howto.diff
    [ -s howto.diff ]
    patch -d tree -p1 --fuzz=0 --no-backup-if-mismatch <howto.diff
    sed -n 's/^+++ b\///p' howto.diff | sort >changed.txt
    grep '^tests/.*/test_[a-z0-9_]*\.c$' changed.txt >tests.txt || true
}

# in_tree COMMAND...: in the copy, without what a `make check` around it hands on.
in_tree() {
    (cd tree && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS "$@")
}

# build_test SOURCE: one unit test of the copy, at build/release/... there.
build_test() {
    in_tree make "build/release/${1%.c}" >make.txt 2>&1 || {
        tail -n 30 make.txt
        return 1
    }
}

# run_tests: builds and runs each test that the diff brought.
run_tests() {
    local source
    [ -s tests.txt ]
    while read -r source; do
        build_test "$source"
        (cd tree && CMOCKA_MESSAGE_OUTPUT=TAP "build/release/${source%.c}") >ran.txt
        grep -q '^ok 1' ran.txt
    done <tests.txt
}

@test "the operator of docs/howto-operator.md: one file, one line, its declaration and a test" {
    cd "$BATS_TEST_TMPDIR"
    apply_howto operator
    [ "$(wc -l <changed.txt)" = 4 ]
    grep -qx core/net/net.h changed.txt
    grep -qx core/net/op_info.h changed.txt
    grep -qx 'core/net/op_[a-z_]*\.c' changed.txt
    # One line of the table, and nothing taken away.
    [ "$(awk '/^\+\+\+ /  { file = $2 } /^\+[^+]/ && file == "b/core/net/op_info.h"' howto.diff | wc -l)" = 1 ]
    [ "$(grep -c '^-[^-]' howto.diff)" = 0 ]
    run_tests
    # Its test can fail.
    sed -i 's/slope = 0.01f/slope = 0.02f/' tree/core/net/op_leaky_relu.c
    build_test "$(cat tests.txt)"
    run -2 "tree/build/release/$(sed 's/\.c$//' tests.txt)" # two tests of it failed
}
