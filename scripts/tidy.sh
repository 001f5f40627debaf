#!/bin/sh
# tidy.sh [FILE...]: clang-tidy (.clang-tidy) and cppcheck over the named C files, by default all of the program; `make tidy`
# writes the build/tidy/compile_commands.json that they are compiled by first. Prints each finding once but for those that
# scripts/tidy_known.txt and scripts/cppcheck.txt give a reason for; exit code 1 when there are any.
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
found=0
whole=
if [ $# -eq 0 ]; then
    whole=yes
    # shellcheck disable=SC2046 # no file of ours has a blank in its name
    set -- $(git ls-files 'cli/*.c' 'core/*.c' 'models/*.c' 'weights/*.c' 'scripts/*.c')
fi

# A finding in a header comes once for each file that includes it. One file at a time: clang-tidy 14 takes each va_list for
# uninitialized in all files but the first one.
echo "== clang-tidy: $# files"
# shellcheck disable=SC2016 # the inner sh expands them
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 sh -c 'found=$(clang-tidy --quiet -p build/tidy "$1" 2>/dev/null); printf "%s\n" "$found"' sh |
    awk '
        FNR == NR { if (!/^#/ && NF == 2) known[$1] = known[$1] " " $2; next }
        /: (warning|error): / {
            on = !seen[$0]++
            for (file in known)
                if (index($0, file ":")) {
                    split(known[file], checks, " ")
                    for (i in checks)
                        on = on && !index($0, "[" checks[i])
                }
        }
        on && NF { print; bad = 1 }
        END { exit bad }' scripts/tidy_known.txt - || found=1

# cppcheck sees all files together, so a part of them would be told from the whole.
[ -n "$whole" ] || exit "$found"
echo "== cppcheck"
cppcheck --quiet -j "$jobs" --std=c11 --enable=warning,performance,portability --inline-suppr \
    --suppressions-list=scripts/cppcheck.txt --error-exitcode=1 --template=gcc -I . "$@" || found=1
exit "$found"
