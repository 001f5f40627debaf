#!/bin/sh
# fuzz.sh FOLDER SECONDS: runs every fuzz target in FOLDER (build/fuzz) for so long, from the saved inputs of
# tests/fuzz/corpus and the fixtures. What it learns is kept in FOLDER/corpus for the next time. One line for each: how
# often it ran, how many places of the code it reached. An input that breaks one is kept in FOLDER with a name that says
# what it does; put it into tests/fuzz/corpus/NAME, where `make check` runs it for ever.
# Exit codes: 0 nothing was found; 1 something was; 64 usage.
set -eu

if [ $# != 2 ]; then
    echo "usage: fuzz.sh FOLDER SECONDS" >&2
    exit 64
fi
folder=$1
seconds=$2
result=0
for target in "$folder"/tests/fuzz/fuzz_*; do
    if ! [ -f "$target" ] || ! [ -x "$target" ]; then
        continue
    fi
    name=${target##*fuzz_}
    case $name in
    zip) more=tests/fixtures/pth ;;
    photo) more=tests/fixtures/photos ;;
    *) more= ;;
    esac
    mkdir -p "$folder/corpus/$name"
    log=$folder/$name.log
    answer="nothing found"
    # shellcheck disable=SC2086 # a folder or nothing
    if ! "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="$folder/$name-" "$folder/corpus/$name" "tests/fuzz/corpus/$name" $more >"$log" 2>&1; then
        found=$(sed -n 's/^artifact_prefix=.*Test unit written to //p' "$log")
        answer="FOUND: ${found:-it did not run to its end, see $log}"
        result=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) ft: .*/\1/p' "$log" | tail -n 1)
    printf '%-12s %12s runs  %6s places reached  %s\n' "$name" "${runs:-?}" "${reached:-?}" "$answer"
done
exit $result
