# For bats: the diffs in docs/howto-*.md, applied to a copy of the tree.

# apply_howto NAME: makes $tree, a copy of the sources with every ```diff block of docs/howto-NAME.md, and builds the program and the
# unit tests of the diff there. Objects that the diff does not touch are copied from the build that is tested. Sets
# $program, $bats_files and $unit_tests, all of the diff.
apply_howto() {
    local root variant part
    command -v git >/dev/null || skip "no git, which applies the diffs"
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    variant=${BUILD##*/}
    [ "$variant" = release ] || skip "the diffs are built in the release build alone"
    unset MAKEFLAGS MFLAGS MAKELEVEL VARIANT
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/build/$variant/tests"
    for part in cli core models weights docs scripts tests Makefile README.md LICENSE; do
        cp -a "$root/$part" "$tree/"
    done
    for part in flags cli core models weights libfreezetune.a libfreezetune-cli.a tests/support; do
        [ ! -e "$BUILD/$part" ] || cp -a "$BUILD/$part" "$tree/build/$variant/$(dirname "$part")/"
    done
    awk '/^```diff/ { on = 1; next } /^```/ { on = 0 } on' "$root/docs/howto-$1.md" >"$BATS_TEST_TMPDIR/howto.diff"
    [ -s "$BATS_TEST_TMPDIR/howto.diff" ] && (cd "$tree" && git apply "$BATS_TEST_TMPDIR/howto.diff") || return 1
    mapfile -t bats_files < <(sed -n 's|^+++ b/\(tests/.*\.bats\)$|\1|p' "$BATS_TEST_TMPDIR/howto.diff")
    mapfile -t unit_tests < <(sed -n "s|^+++ b/\(tests/unit/.*test_[^/]*\)\.c$|build/$variant/\1|p" "$BATS_TEST_TMPDIR/howto.diff")
    program=$tree/build/$variant/freezetune
    make -C "$tree" -j2 STRICT=-Werror freezetune "${unit_tests[@]}" >"$BATS_TEST_TMPDIR/make.txt" 2>&1 || {
        grep -E 'error|warning|Error' "$BATS_TEST_TMPDIR/make.txt" || tail "$BATS_TEST_TMPDIR/make.txt"
        return 1
    }
}

# run_howto: the tests of the diff, in the copy.
run_howto() {
    local test
    [ $((${#bats_files[@]} + ${#unit_tests[@]})) -gt 0 ] || return 1
    for test in "${bats_files[@]}"; do
        (cd "$tree" && FREEZETUNE=$program BUILD=$BUILD bats "$test") >"$BATS_TEST_TMPDIR/test.txt" 2>&1 || {
            cat "$BATS_TEST_TMPDIR/test.txt"
            return 1
        }
        grep -q '^ok' "$BATS_TEST_TMPDIR/test.txt" || return 1
    done
    for test in "${unit_tests[@]}"; do
        (cd "$tree" && "./$test") || return 1
    done
}
