#!/usr/bin/env bats
# The documents name what is in the tree (scripts/check_docs.py).

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    root=$BATS_TEST_DIRNAME/../..
}

# A tree with one file of code, one function and the documents that name them.
small_tree() {
    mkdir -p tree/docs tree/scripts tree/core/net tree/tests
    echo 'int plan_make(void);' >tree/core/net/plan.h
    echo 'int plan_make(void) { return 0; }' >tree/core/net/plan.c
    echo 'all:' >tree/Makefile
    cp "$root/scripts/check_docs.py" tree/scripts/
    echo '`check_docs.py`' >tree/scripts/README.md
    cat >tree/docs/architecture.md <<'END'
# Map
`core/net` is core/net/plan.[ch]; `plan.h` declares `plan_make()`. [This](#map), [code](../core/net/plan.c).
core/net/{plan}.c, core/net/*.h, cli/cmd_NAME.c, [The scripts](../scripts/README.md).
END
}

@test "every path and name in the documents is in the tree, every folder and script is named" {
    run python3 "$root/scripts/check_docs.py"
    [ "$status" = 0 ]
}

@test "a path, a file, a function, a link, a folder and a script that are not there are found" {
    small_tree
    run python3 tree/scripts/check_docs.py
    [ "$status" = 0 ]
    cat >>tree/docs/architecture.md <<'END'
core/net/exec.h is gone, and `exec.c`, `exec_make()`, `struct exec` and [more](exec.md), [less](#less).
END
    mkdir tree/weights
    touch tree/weights/bind.c tree/scripts/new.sh
    run python3 tree/scripts/check_docs.py
    [ "$status" = 1 ]
    for line in "4: core/net/exec.h is not in the tree" "4: no file of the tree is called exec.c" \
        "4: exec_make() occurs in no source file" "4: struct exec occurs in no source file" "4: the link exec.md leads nowhere" \
        "4: #less: there is no such heading" "1: does not name the folder weights" "1: does not name scripts/new.sh"; do
        grep -F "md:$line" <<<"$output"
    done
    [ "$(wc -l <<<"$output")" = 9 ]
}

@test "what a diff in a document makes is there" {
    small_tree
    printf '%s\n' '`core/net/exec.c` and `exec_make()`.' '```diff' '+++ b/core/net/exec.c' '+int exec_make(void);' '```' >tree/docs/howto-exec.md
    run python3 tree/scripts/check_docs.py
    [ "$status" = 0 ]
}
