#!/usr/bin/env bats
# scripts/mutants.py (make mutants): its list fits the code, and on a small tree it tells what it should.

load common

setup() {
    root=$BATS_TEST_DIRNAME/../..
    cd "$BATS_TEST_TMPDIR"
    unset MAKEFLAGS MFLAGS MAKELEVEL
}

# A tree with one file of code, larger(), and one test, which sees what it answers for 1 and 2.
small_tree() {
    command -v git >/dev/null || skip "no git, which names the files of the tree"
    mkdir -p tree/scripts tree/docs tree/tests/unit/base tree/tests/support
    cp "$root/scripts/mutants.py" tree/scripts/
    cp "$root/tests/support/run_test.sh" tree/tests/support/
    cat >tree/larger.c <<'END'
int larger(int a, int b)
{
    int both = a + b;
    while (both > 2)
        both--;
    return a > b ? a : b;
}
END
    cat >tree/tests/unit/base/test_larger.c <<'END'
#include <stdio.h>
int larger(int a, int b);
int main(void)
{
    int good = larger(1, 2) == 2 && larger(2, 1) == 2;
    printf("1..1\n%s 1 - larger\n", good ? "ok" : "not ok");
    return !good;
}
END
    printf 'build/mutants/tests/unit/base/test_larger: larger.c tests/unit/base/test_larger.c\n\tmkdir -p $(@D)\n\tcc -o $@ $^\n' >tree/Makefile
    git -C tree init -q
}

# change OLD NEW [REASON]: a line of the list.
change() {
    printf 'larger.c\t%s\t%s\ttest_larger%s\n' "$1" "$2" "${3:+$'\t'$3}" >>tree/docs/mutants.tsv
}

@test "the list fits the code: each text occurs once, and its tests are there" {
    run_split python3 "$root/scripts/mutants.py" --check
    [ "$status" = 0 ] || echo "$err"
    [ "$status" = 0 ]
    [[ $out == *" changes in "*" files" ]]
}

@test "killed, hanging, survived, not compiled" {
    small_tree
    change 'return a > b' 'return a < b'
    change 'both--' '(void)both'
    change 'return a > b' 'return a >= b' 'equal numbers are the same number'
    change 'int both = ' 'int both = )'
    before=$(cat tree/larger.c)
    run_split python3 tree/scripts/mutants.py --grace 1 --results results.tsv
    [ "$status" = 0 ]
    grep -qF '4 changes in 0 minutes: 2 killed, 1 survived, 1 not compiled' stdout.txt
    grep -qF 'survived as expected: larger.c:6: return a > b -> return a >= b: equal numbers are the same number' stdout.txt
    grep -qF 'not compiled: larger.c:3: ' stdout.txt
    [ "$(cut -f4,5 results.tsv | tail -n +2 | tr '\t\n' ' ;')" = \
        "killed test_larger;killed test_larger (hangs);survived ;not compiled ;" ]
    # The tree is as it was.
    [ "$(cat tree/larger.c)" = "$before" ]
    [ ! -e tree/build ]
}

@test "a change that survives without a reason is 1, and so is one that is killed with one" {
    small_tree
    change 'both > 2' 'both > 3'
    run_split python3 tree/scripts/mutants.py
    [ "$status" = 1 ]
    grep -qF 'SURVIVED: larger.c:4: both > 2 -> both > 3' stdout.txt
    rm tree/docs/mutants.tsv
    change 'return a > b' 'return a < b' 'none'
    run_split python3 tree/scripts/mutants.py
    [ "$status" = 1 ]
    grep -qF 'KILLED by test_larger, but the list gives a reason why no test sees it: larger.c:6' stdout.txt
}

@test "a list that does not fit, a test that fails without a change: 65" {
    small_tree
    for wrong in 'int c = ' 'both'; do # not there, and there more than once
        change "$wrong" 'x'
        fails 65 'expected once' python3 tree/scripts/mutants.py --check
        rm tree/docs/mutants.tsv
    done
    change 'both > 2' 'both > 2'
    fails 65 'changes nothing' python3 tree/scripts/mutants.py --check
    printf 'larger.c\tboth > 2\tboth > 1\ttest_none\n' >tree/docs/mutants.tsv
    fails 65 'test_none.c is not there' python3 tree/scripts/mutants.py --check
    printf 'larger.c\tboth > 2\tboth > 1\n' >tree/docs/mutants.tsv
    fails 65 'four or five columns' python3 tree/scripts/mutants.py --check
    rm tree/docs/mutants.tsv
    change 'both > 2' 'both > 1'
    sed -i 's/larger(2, 1) == 2/larger(2, 1) == 1/' tree/tests/unit/base/test_larger.c
    run_split python3 tree/scripts/mutants.py
    [ "$status" = 65 ]
    grep -qF 'test_larger fails without a change' stderr.txt
    fails 64 'unrecognized' python3 tree/scripts/mutants.py --wrong
}
