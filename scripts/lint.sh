#!/bin/sh
# lint.sh [--walls]: checks the sources without running or compiling them (make lint). With --walls only those checks
# that need nothing but git: who includes whom, words, and the like (tests/cli/lint.bats).
# Prints each finding; exit code 1 when there are any, 64 usage or outside a git checkout.
# shellcheck disable=SC2317 # check calls the functions
set -u
walls=
case $* in
'') ;;
--walls) walls=yes ;;
*)
    echo "usage: lint.sh [--walls]" >&2
    exit 64
    ;;
esac
cd "$(dirname "$0")/.." || exit 1
# Git says which files are ours; where these are not in it, there would be nothing to find.
git ls-files --error-unmatch scripts/lint.sh >/dev/null 2>&1 || {
    echo "lint.sh: this needs a git checkout of freezetune" >&2
    exit 64
}
found=0

check() {
    name=$1
    shift
    "$@" || {
        echo "lint: $name: see above" >&2
        found=1
    }
}

# Prints the lines of C files that match a pattern and succeeds when there are none: none PATTERN FOLDER...
none() {
    pattern=$1
    shift
    ! git grep -nE "$pattern" -- "$@"
}

# Each version of clang-format has a layout of its own; Debian 12 has 14.
layout() {
    case $(clang-format --version 2>&1) in
    *" version 14."*) ;;
    *)
        echo "lint: layout: not checked: clang-format 14 is needed, and $(clang-format --version 2>&1 | head -n 1) is here" >&2
        return 0
        ;;
    esac
    git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror
}

shell() {
    git ls-files -z '*.sh' .ci/run docs/completion.bash | xargs -0 shellcheck &&
        # In bats every line may fail the test, and variables are read in other files.
        git ls-files -z '*.bats' tests/cli/common.bash | xargs -0 shellcheck -S warning -e SC2164,SC2034,SC2154
}

python() {
    git ls-files -z '*.py' | xargs -0 python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'
}

# CONTRIBUTING.md: cli has main.c, the table of commands and a cmd_NAME.c for each; the rest is in rooms.
only_commands() {
    ! git ls-files 'cli/*' | grep -vE '^cli/(shell|model|report|run)/|^cli/(main\.c|commands\.[ch]|cmd_[a-z]+\.c)$'
}

commands_named() {
    for file in cli/cmd_*.c; do
        command=${file#cli/}
        grep -q "^const struct command ${command%.c} = {" "$file" || { echo "$file"; return 1; }
    done
}

# Phrases that a native would not write, in documents, comments, messages and --help. Each has a plain word: again,
# skipped, current, by, not part of, has, the output of.
no_banned_words() {
    words='\banew\b|\b[Ww]hoever\b|\bat hand\b|\bmade again\b|\bpassed over\b|\bgoes by\b'
    words="$words|\\b(is|are|was|were) none of\\b|\\bnone of its\\b"
    words="$words|\\b(is|are|was|were) of (an?|the|one|its|no|what|this|another|whole|several) "
    words="$words|\\b(is|are|was|were) of[.,;:]"
    words="$words|\\b[Ww]hat ([a-z]+ ){1,4}gives?\\b"
    ! git grep -nE "$words" -- '*.md' docs/freezetune.1.in '*.[ch]' '*.py' '*.sh' '*.bash' '*.bats' Makefile \
        ':!scripts/lint.sh' ':!tests/cli/lint.bats' | grep .
}

# clang-format leaves comments as they are (ReflowComments).
no_long_comments() {
    # shellcheck disable=SC2016 # a variable of awk
    ! git ls-files -z '*.[ch]' | xargs -0 awk '/^ *(\/\*|\*|\/\/)/ && length($0) > 120 { print FILENAME ":" FNR ":" $0 }' |
        grep .
}

# bats before 1.9 (Debian 12 has 1.8) fails the whole file there; a skip in setup is right for every version.
no_skip_in_setup_file() {
    # shellcheck disable=SC2016 # a variable of awk
    ! git ls-files -z '*.bats' | xargs -0 awk 'FNR == 1 { inside = 0 }
        /^setup_file\(\)/ { inside = 1 }
        inside && /(^|[^a-z_])skip([^a-z_]|$)/ { print FILENAME ":" FNR ":" $0 }
        /^}/ { inside = 0 }' | grep .
}

[ "$walls" ] || {
    check "layout (make format)" layout
    check "shell" shell
    check "Python" python
}

# The arrows of CONTRIBUTING.md: who may include whom, and who may print or end the program.
check "core includes cli, models or weights" none '^#include "(cli|models|weights)/' core
check "core/base includes a room above it" none '^#include "core/(ops|net|data|features|train)/' core/base
check "core/data includes more than core/base" none '^#include "core/(ops|net|features|train)/' core/data
check "core/ops includes a room above it" none '^#include "core/(net|data|features|train)/' core/ops
check "core/net includes a room above it" none '^#include "core/(data|features|train)/' core/net
check "core/features includes core/train" none '^#include "core/train/' core/features
check "models and weights include cli, data, features or train" \
    none '^#include "(cli/|core/(data|features|train)/)' models weights
check "cli/shell includes another room of cli" none '^#include "cli/(commands|model|report|run)' cli/shell
check "cli/model includes a room above it" none '^#include "cli/(commands|report|run)' cli/model
check "cli/report includes a room above it" none '^#include "cli/(commands|run)' cli/report
check "cli/run includes the commands" none '^#include "cli/commands' cli/run
check "cli holds more than main, the commands and its rooms" only_commands
check "a command is not exported by the file of its name" commands_named
check "BLAS is called outside core/ops/gemm.c and blas.c" none 'cblas_[a-z]+\(|openblas_[a-z_]+\(' \
    'core/*.c' 'cli/*.c' 'models/*.c' 'weights/*.c' ':!core/ops/gemm.c' ':!core/ops/blas.c'
check "core, models or weights print or end the program" \
    none '\b(printf|puts|perror|exit|_exit|abort)\(|fprintf\(stderr' 'core/*.[ch]' 'models/*.[ch]' 'weights/*.[ch]'
check "rand() or time()" none '\b(rand|srand|random|time)\(' 'core/*.[ch]' 'models/*.[ch]' 'weights/*.[ch]'
check "a line '! command' of bats fails no test" none '^[[:blank:]]*! ' '*.bats'
check "a skip in setup_file of bats fails" no_skip_in_setup_file
check "a blank at the end of a line" none '[[:blank:]]+$' '*.c' '*.h' '*.sh' '*.py' '*.bats' '*.md' Makefile
check "a banned word" no_banned_words
check "a comment of more than 120 columns" no_long_comments
exit "$found"
