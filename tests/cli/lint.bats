#!/usr/bin/env bats
# make lint sees each fault that it looks for: they are planted one at a time, in a copy of the sources.

bats_require_minimum_version 1.5.0

load common

setup_file() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cd "$BATS_FILE_TMPDIR"
    git -C "$root" ls-files --error-unmatch scripts/lint.sh >/dev/null 2>&1 || return 0
    mkdir tree
    # The files as they are now, not as they were committed.
    (cd "$root" && git ls-files -z cli core docs models scripts weights '*.md' Makefile 'tests/*.bats' |
        tar -cf - --null -T -) | tar -C tree -xf -
    git -C tree init -q
    git -C tree add -A
    git -C tree -c user.name=lint -c user.email=lint@localhost commit -q -m copy
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    [ -d tree ] || skip "no git, or this is not a git checkout"
    git -C tree reset -q --hard
}

# is_found NAME: lint ends with 1, and NAME is its only finding. Then the copy is as before.
is_found() {
    git -C tree add -A
    run_split sh tree/scripts/lint.sh --walls
    [ "$status" = 1 ]
    [ "$err" = "lint: $1: see above" ]
    echo "$1" >>found.txt
    git -C tree reset -q --hard
}

# planted FILE LINE NAME: with one more line at the end of a file of the copy, lint finds NAME.
planted() {
    [ -f "tree/$1" ]
    echo "$2" >>"tree/$1"
    is_found "$3"
}

@test "the sources have no finding, and an unknown option is 64" {
    run_split sh tree/scripts/lint.sh --walls
    [ "$status" = 0 ]
    run_split sh tree/scripts/lint.sh --wall
    [ "$status" = 64 ]
    [ "$err" = "usage: lint.sh [--walls]" ]
}

@test "an include against the direction of the walls" {
    planted core/train/train.c '#include "cli/shell/options.h"' "core includes cli, models or weights"
    planted core/net/net.c '#include "weights/bind.h"' "core includes cli, models or weights"
    planted core/base/error.c '#include "core/net/net.h"' "core/base includes a room above it"
    planted core/data/loader.c '#include "core/features/feature_plan.h"' "core/data includes more than core/base"
    planted core/data/image.h '#include "core/ops/gemm.h"' "core/data includes more than core/base"
    planted core/ops/gemm.c '#include "core/net/net.h"' "core/ops includes a room above it"
    planted core/net/net.c '#include "core/data/image.h"' "core/net includes a room above it"
    planted core/features/feature_plan.c '#include "core/train/train.h"' "core/features includes core/train"
    planted models/resnet.c '#include "cli/shell/options.h"' "models and weights include cli, data, features or train"
    planted weights/bind.c '#include "core/train/train.h"' "models and weights include cli, data, features or train"
    planted cli/shell/options.c '#include "cli/run/session.h"' "cli/shell includes another room of cli"
    planted cli/model/model_file.c '#include "cli/report/report.h"' "cli/model includes a room above it"
    planted cli/report/report.c '#include "cli/run/session.h"' "cli/report includes a room above it"
    planted cli/run/session.c '#include "cli/commands.h"' "cli/run includes the commands"
}

@test "a stray file in cli, and a command in a file of another name" {
    echo "int stray;" >tree/cli/stray.c
    is_found "cli holds more than main, the commands and its rooms"
    sed -i 's/^const struct command cmd_toy = {/const struct command cmd_game = {/' tree/cli/cmd_toy.c
    is_found "a command is not exported by the file of its name"
}

@test "calls that belong elsewhere" {
    planted core/ops/conv.c 'void f(void) { cblas_sgemm(0); }' "BLAS is called outside core/ops/gemm.c and blas.c"
    planted core/train/train.c 'void f(void) { printf("done"); }' "core, models or weights print or end the program"
    planted weights/bind.c 'void f(void) { exit(1); }' "core, models or weights print or end the program"
    planted core/data/augment.c 'int f(void) { return rand(); }' "rand() or time()"
}

@test "a phrase that a native would not write: in a document, a message, --help, a comment" {
    planted README.md 'The features are computed anew.' "a banned word"
    planted docs/weights.md 'What frozen children give is computed once.' "a banned word"
    planted docs/freezetune.1.in 'The file is for whoever comes later.' "a banned word"
    planted cli/cmd_train.c 'const char *message = "--profile is of one run";' "a banned word"
    planted weights/bind.c 'const char *message = "is none of the tensors";' "a banned word"
    planted core/train/train.h '/* The stage at hand. */' "a banned word"
    planted core/net/plan.c '/* Maps are of the plan. */' "a banned word"
    planted scripts/demo.sh '# It is made again by the next call.' "a banned word"
}

@test "lines that say nothing, and blanks at an end" {
    planted tests/cli/basics.bats '    ! grep x file' "a line '! command' of bats fails no test"
    planted tests/cli/basics.bats 'setup_file() { command -v git || skip "no git"; }' "a skip in setup_file of bats fails"
    planted core/base/error.c 'int x; ' "a blank at the end of a line"
    planted core/base/error.c "/* $(printf '%0118d' 0) */" "a comment of more than 120 columns"
}

# The last test of the file: a check of lint that is new wants its fault above.
@test "each check of lint was seen to fail" {
    sed -n '/^# The arrows/,$ s/^check "\([^"]*\)".*/\1/p' tree/scripts/lint.sh | sort >checks.txt
    [ "$(wc -l <checks.txt)" -ge 18 ]
    [ "$(sort -u found.txt)" = "$(cat checks.txt)" ]
}
