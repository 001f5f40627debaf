#!/usr/bin/env bats
# scripts/bench/bench.py and compare.py: who takes part, what is written, what is left behind. The programs are stand-ins
# that say made-up times; nothing here needs PyTorch.

load common

setup() {
    scripts=$BATS_TEST_DIRNAME/../../scripts
    cd "$BATS_TEST_TMPDIR"
    command -v git >/dev/null && command -v python3 >/dev/null || skip "needs git and python3"
    unset MAKEFLAGS MFLAGS MAKELEVEL
    # A checkout of its own, with the scripts and a Makefile that "builds" freezetune from a file.
    mkdir -p tree/scripts/bench tree/docs/benchmarks tree/cli outside
    cp "$scripts"/bench/{bench,compare,measure}.py tree/scripts/bench/
    printf '%s\n' 'freezetune: cli/program.sh' '	@$(SLOWLY)' '	@cp cli/program.sh $@ && chmod +x $@' \
        '	@echo "$(CC)" >"$(or $(SEEN),/dev/null)"' >tree/Makefile
    echo freezetune >tree/.gitignore
    program 20 '--conv fast|exact|im2col --precision f32|bf16'
    git -C tree init -q
    commit first
    export TMPDIR=$PWD/outside
    bench="python3 tree/scripts/bench/bench.py --rounds 2 --repeat 1 --threads 1"
    compare="python3 tree/scripts/bench/compare.py --rounds 3 --repeat 1"
}

# program MS HELP: freezetune, which takes MS for a forward pass, three times that for a step and half of it in bf16.
program() {
    cat >tree/cli/program.sh <<END
#!/bin/sh
case "\$*" in
*--help*) echo "$2" ;;
*--version*) echo "freezetune 9.8.7" ;;
*--precision*) echo '{"forward_ms": $(($1 / 2)), "step_ms": $(($1 * 3 / 2)), "peak_rss_mb": 70}' ;;
*) echo '{"forward_ms": $1, "step_ms": $(($1 * 3)), "peak_rss_mb": 100}' ;;
esac
echo "\$*" >>"$PWD/calls.txt"
END
    cp tree/cli/program.sh tree/freezetune
    chmod +x tree/freezetune
}

commit() {
    git -C tree add -A
    git -C tree -c user.name=n -c user.email=e@example.org commit -qm "$1"
}

# peer MS: every other program takes MS.
peer() {
    printf '%s\n' 'import sys' "print('{\"ms\": $1, \"rss_mb\": 300, \"version\": \"' + sys.argv[1] + ' 1.0\"}')" >tree/scripts/bench/peer.py
}

# Nothing is left of the other commit: neither a folder nor git's note of it.
left_clean() {
    [ -z "$(ls -A outside)" ]
    [ "$(git -C tree worktree list | wc -l)" = 1 ]
}

@test "bench: a table for each precision, ratios within it, and a line of results.csv for each row" {
    peer 40
    commit peers
    run_split $bench --freeze 6 --peers torch torch-nchw --results tree/docs/benchmarks/results.csv
    [ "$status" = 0 ]
    [ "$(grep -c '^## ' stdout.txt)" = 2 ]
    grep -qx '| forward | 1 | freezetune | 20.0 | 100 |  |' stdout.txt
    grep -qx '| forward | 1 | freezetune --conv im2col | 20.0 | 100 | 1.00 |' stdout.txt
    grep -qx '| forward | 1 | torch 1.0 | 40.0 | 300 | 0.50 |' stdout.txt
    grep -qx '| forward | 1 | torch 1.0 | 40.0 | 300 | 0.25 |' stdout.txt
    grep -qx '| step, freeze 6 | 1 | freezetune | 30.0 | 70 |  |' stdout.txt
    python3 - "$(git -C tree rev-parse --short HEAD~1)" <<'PYTHON'
import csv, sys
rows = list(csv.DictReader(open("tree/docs/benchmarks/results.csv")))
assert len(rows) == 12, len(rows)  # (3 programs and --conv im2col in f32, 2 in bf16) for two passes
assert {r["commit"] for r in rows} == {sys.argv[1]}
found = {(r["what"], r["precision"], r["program"]): (r["ms"], r["ratio"], r["peak_mb"]) for r in rows}
assert found["step, freeze 6", "bf16", "torch 1.0"] == ("40.00", "0.750", "300"), found
assert found["forward", "f32", "freezetune"] == ("20.00", "", "100"), found
PYTHON
    # More lines are added to it, and what is committed with them is no other program.
    commit results
    $bench --freeze --peers --precisions f32 --no-im2col --results tree/docs/benchmarks/results.csv
    [[ $(tail -n 1 tree/docs/benchmarks/results.csv) == "$(git -C tree rev-parse --short HEAD~2),"* ]]
    echo '# changed' >>tree/cli/program.sh
    $bench --freeze --peers --precisions f32 --no-im2col --results tree/docs/benchmarks/results.csv
    [ "$(wc -l <tree/docs/benchmarks/results.csv)" = 15 ]
    [[ $(tail -n 1 tree/docs/benchmarks/results.csv) == *-dirty,*,forward,16,224,1,freezetune,f32,20.00,100,,2 ]]
}

@test "bench: a build without --precision or im2col is not asked for them, and the row is missed aloud" {
    program 20 'nothing new'
    peer 40
    run_split $bench --freeze --peers torch --results results.csv
    [ "$status" = 0 ]
    [[ $err == *'left out: freezetune in bf16'*'left out: freezetune --conv im2col'* || $err == *'im2col'*'freezetune in bf16'* ]]
    absent im2col
    grep -qx '| forward | 1 | torch 1.0 | 40.0 | 300 | 0.50 |' stdout.txt
    [ "$(grep -c 'freezetune' stdout.txt)" = 2 ] # in the line about ratios too
    # A ratio across precisions is not kept.
    [[ $(tail -n 1 results.csv) == *,bf16,40.00,300,,2 ]]
    grep -c precision calls.txt && return 1
    grep -c conv calls.txt && return 1
    true
}

@test "bench: a peer that breaks costs its row alone" {
    echo 'raise SystemExit("broken today")' >tree/scripts/bench/peer.py
    run_split $bench --freeze --peers torch --results results.csv
    [ "$status" = 0 ]
    [[ $err == *'PyTorch'*'broken today'* ]]
    grep -qx '| forward | 1 | PyTorch | failed | | |' stdout.txt
    [ "$(grep -c PyTorch results.csv)" = 0 ]
    [ "$(grep -c freezetune results.csv)" = 3 ]
}

@test "bench: what cannot be asked" {
    fails 64 'cannot be combined' $bench --program tree/freezetune --results results.csv
    for wrong in '--peers caffe' '--rounds 0' '--precisions f64' '--rounds many'; do
        # shellcheck disable=SC2086 # words
        run_split $bench $wrong
        [ "$status" != 0 ]
        [ -z "$out" ]
        [[ $err == *"${wrong%% *}"* ]]
    done
    echo 'ms,program' >other.csv
    fails 1 'other.csv: its columns' $bench --peers --results other.csv
    [ "$(cat other.csv)" = ms,program ]
    program 20 ''
    rm tree/freezetune
    fails 1 'freezetune: No such file' $bench --peers
}

@test "compare: ratios to another commit, in both precisions, and nothing is left" {
    program 10 '--precision'
    run_split $compare HEAD --freeze 6
    [ "$status" = 0 ]
    [ "$(grep -c '| 0.500 | 0.500 to 0.500 |$' stdout.txt)" = 4 ]
    grep -qx '| forward | 1 | bf16 | 5.0 | 10.0 | 0.500 | 0.500 to 0.500 |' stdout.txt
    grep -qx '| step, freeze 6 | 1 | f32 | 30.0 | 60.0 | 0.500 | 0.500 to 0.500 |' stdout.txt
    left_clean
    # The order turns round: this, other, other, this, ...
    [ "$(grep -c forward calls.txt)" = 12 ]
}

@test "compare: a precision that one side lacks is left out" {
    program 10 'nothing new'
    run_split $compare HEAD --freeze
    [ "$status" = 0 ]
    [[ $err == *'left out: bf16: this build cannot'* ]]
    [ "$(grep -c '^| forward' stdout.txt)" = 1 ]
    left_clean
}

@test "compare: make's variables reach the other build, its REV and options do not" {
    printf '%s\n' 'run:' '	@python3 scripts/bench/compare.py --rounds 1 $(COMPARE) -- "$(REV)"' >>tree/Makefile
    run_split make -C tree run REV=HEAD COMPARE='--freeze 9 --precision f32' CC='other cc' SEEN="$PWD/seen.txt"
    [ "$status" = 0 ]
    [ "$(cat seen.txt)" = 'other cc' ]
    grep -q '^| step, freeze 9 | 1 | f32' stdout.txt
    absent '| bf16'
    left_clean
}

@test "compare: no commit, a wrong commit, a commit that does not build" {
    fails 64 'REV=' $compare ''
    fails 66 'nowhere: no such commit' $compare nowhere
    fails 66 'no such commit' $compare --freeze 6 -- --upload-pack
    printf '%s\n' 'freezetune:' '	@echo "no rule for flour" >&2; exit 1' >tree/Makefile
    commit broken
    run_split $compare HEAD
    [ "$status" = 1 ]
    [[ $err == *'no rule for flour'*'exit code 2'* ]]
    left_clean
}

@test "compare: interrupted while it builds or measures, it takes everything away" {
    for signal in INT TERM HUP; do
        # bats starts what runs in the background with SIGINT ignored; Python asks for it again.
        MAKEFLAGS=" -- SLOWLY=touch\\ $PWD/slow.txt;\\ sleep\\ 300" $compare HEAD >out.txt 2>err.txt 3>&- &
        pid=$!
        for _ in $(seq 100); do
            [ ! -e slow.txt ] || break
            sleep 0.1
        done
        [ -n "$(ls -A outside)" ]
        kill -s "$signal" "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" = $((128 + $(kill -l "$signal"))) ]
        left_clean
        rm slow.txt
    done
    printf '%s\n' '#!/bin/sh' 'case "$*" in *--help*) ;; *) : >'"$PWD/slow.txt"'; exec sleep 300 ;; esac' >tree/cli/program.sh
    commit slow
    $compare HEAD >out.txt 2>err.txt 3>&- &
    pid=$!
    for _ in $(seq 100); do
        [ ! -e slow.txt ] || break
        sleep 0.1
    done
    kill "$pid"
    wait "$pid" || code=$?
    [ "$code" = 143 ]
    left_clean
}

@test "scaling.py prints the tables of docs/several-machines.md, and takes a step that it is given" {
    root=$BATS_TEST_DIRNAME/../..
    python3 "$root/scripts/bench/scaling.py" >told.txt
    [ "$(grep -c '^| [0-9]' told.txt)" = 16 ]
    while read -r line; do
        [ -z "$line" ] || grep -qxF "$line" "$root/docs/several-machines.md" || {
            echo "not in the document: $line"
            return 1
        }
    done <told.txt
    grep -q "1.72 s a step, 88.8 MB sent; this says 1.54 s and 88.3 MB: +12 % measured" told.txt
    # Half the time of a step, and nothing for the exchange.
    python3 "$root/scripts/bench/scaling.py" --step 6=1e9 --gbit 1000 --latency 0 | grep -q '^| 6 | 1000 | 2 | 4 | 8 | 16 | 32 | 64 | 128 | 256 |$'
    run python3 "$root/scripts/bench/scaling.py" --step 5=1
    [ "$status" = 2 ]
    [[ $output == *"freeze must be one of 0, 6, 7, 9" ]]
}
