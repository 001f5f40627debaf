#!/bin/sh
# fuzz.sh FOLDER SECONDS: runs every fuzz target in FOLDER (build/fuzz) for so long, from the saved inputs of
# tests/fuzz/corpus and the fixtures, with the words of tests/fuzz/NAME.dict where there are such. What it learns is kept
# in FOLDER/corpus for the next time. A table at the end, a line for each: how often it ran, how many places of the code it
# reached (libFuzzer's edges and features), how many inputs it takes to reach them. An input that breaks one is kept in
# FOLDER with a name that says what it does; put it into tests/fuzz/corpus/NAME, where `make check` runs it for ever.
# Exit codes: 0 nothing was found; 1 something was; 64 usage.
set -eu

if [ $# != 2 ]; then
    echo "usage: fuzz.sh FOLDER SECONDS" >&2
    exit 64
fi
folder=$1
seconds=$2
result=0
table=$folder/table.txt
printf '%-12s %12s %9s %7s %9s %7s  %s\n' target executions "a second" edges features inputs result >"$table"
for target in "$folder"/tests/fuzz/fuzz_*; do
    if ! [ -f "$target" ] || ! [ -x "$target" ]; then
        continue
    fi
    name=${target##*fuzz_}
    case $name in
    zip) more=tests/fixtures/pth ;;
    photo) more=tests/fixtures/photos ;;
    webp | gif | tiff | heif) more=tests/fixtures/formats ;; # each keeps its own
    *) more= ;;
    esac
    mkdir -p "$folder/corpus/$name"
    words=
    [ ! -f "tests/fuzz/$name.dict" ] || words=-dict=tests/fuzz/$name.dict
    log=$folder/$name.log
    answer="nothing found"
    # shellcheck disable=SC2086 # words and a folder, or nothing
    if ! "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 $words \
        -artifact_prefix="$folder/$name-" "$folder/corpus/$name" "tests/fuzz/corpus/$name" $more >"$log" 2>&1; then
        found=$(sed -n 's/^artifact_prefix=.*Test unit written to //p' "$log")
        answer="FOUND: ${found:-it did not run to its end, see $log}"
        result=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    # "#1234 REDUCE cov: 870 ft: 3021 corp: 412/25Kb ...", of which the last counts
    reached=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 \2 \3/p' "$log" | tail -n 1)
    # shellcheck disable=SC2086 # three words, or three that stand for nothing
    printf '%-12s %12s %9s %7s %9s %7s  %s\n' "$name" "${runs:-?}" "${speed:-?}" ${reached:-? ? ?} "$answer" >>"$table"
    echo "fuzz.sh: $name: $answer" >&2
done
cat "$table"
exit $result
