#!/bin/sh
# check-mpi.sh [-k KILLS] PROGRAM MAKE_PHOTOS [MPIRUN=PROGRAM_MPI ...]: trainings by several processes, under each MPIRUN given, end with the
# bytes of PROGRAM alone: best.safetensors and last.safetensors of any number of processes, with every recipe, resumed by another number,
# after one process was killed, and after the link between two hosts went down (network namespaces; skipped where there can be none); and
# the memory of each process is what --dry-run says, within 10 % (by the program of whole width beside PROGRAM_MPI's folder, ../freezetune-mpi).
# -k does something else: trainings of which one process is killed at a random moment and which are then resumed, KILLS times.
# Skips where no MPIRUN is given (sh scripts/deps.sh mpi installs them). Leaves no process and no file. The last line says
# `N passed, N failed`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kills=0
while getopts k: option; do
    case $option in
    k) kills=$OPTARG ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))
program=$1
make_photos=$2
shift 2
[ $# -gt 0 ] || {
    echo "check-mpi: skipped: no MPI is here; sh scripts/deps.sh mpi installs two of them"
    exit 0
}

work=$(mktemp -d /tmp/freezetune-mpi.XXXXXX)
# shellcheck source=scripts/hosts.sh
. "$here/hosts.sh"
trap 'hosts_remove; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"
# More processes than cores, as root, in a test: Open MPI wants to be told that each of it is meant. A waiting process lets others work.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 \
    OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_hwloc_base_binding_policy=none

"$make_photos" photos 3 7 3 40 1
"$make_photos" others 3 6 3 40 2
passed=0
failed=0
result() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2"
        tail -n 5 log.txt | sed 's/^/# /'
    fi
}

# 21 photos in batches of 8, in pieces of 2: the last batch has 5 photos in 3 pieces.
options="--data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --micro-batch 2 --epochs 3 --freeze-until 5
    --threads 1 --loader-threads 1 --cache off --keep-last --no-report --seed 3"
# alone OUT OPTION...
alone() {
    out=$1
    shift
    # shellcheck disable=SC2086 # the options are meant to be split
    "$program" train $options --out "$out" "$@" >log.txt 2>&1
}
# ranks N OUT OPTION...: by $mpirun and $mpi_program
ranks() {
    count=$1
    out=$2
    shift 2
    rm -rf "$out"
    # shellcheck disable=SC2086
    timeout 120 "$mpirun" -n "$count" "$mpi_program" train $options --out "$out" "$@" >log.txt 2>&1 </dev/null
}
resume() {
    count=$1
    out=$2
    shift 2
    timeout 120 "$mpirun" -n "$count" "$mpi_program" train --resume "$out" --threads 1 --loader-threads 1 --keep-last --no-report "$@" \
        >log.txt 2>&1 </dev/null
}
same() {
    cmp "$1/best.safetensors" "$2/best.safetensors" >>log.txt 2>&1 && cmp "$1/last.safetensors" "$2/last.safetensors" >>log.txt 2>&1
}

# trained NUMBER PATTERN: the NUMBER-th of the processes of $mpi_program whose arguments hold PATTERN; nothing where there is none
trained() {
    pgrep -f "^$mpi_program train .*$2" | sed -n "$1p"
}
count_trained() {
    pgrep -c -f "^$mpi_program train .*$1" || true
}
seconds() {
    date +%s
}
wait_for() {
    tries=0
    until [ -e "$1" ] || [ $tries = 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}
# random N: 0 to N-1
random() {
    od -An -N4 -tu4 /dev/urandom | awk -v n="$1" '{ print $1 % n }'
}

# ---- kills at random moments: one training after the other, until as many are done ----
# A life lasts up to four seconds, of which starting takes one. A run is killed again and again until it has ended.
if [ "$kills" -gt 0 ]; then
    alone alone-killed --epochs 300
    for pair in "$@"; do
        mpirun=${pair%%=*}
        mpi_program=${pair#*=}
        echo "# $mpirun"
        killed=0
        while [ $killed -lt "$kills" ]; do
            code=0
            if [ -e killed/last.safetensors ]; then
                resume 2 killed &
            else
                ranks 2 killed --epochs 300 --save-every 0.001 &
            fi
            job=$!
            sleep "$(random 4).$(random 10)"
            process=$(trained $((1 + $(random 2))) killed)
            if [ "$process" ] && kill -KILL "$process" 2>/dev/null; then
                killed=$((killed + 1))
                begun=$(seconds)
                ended=0
                wait $job || ended=$?
                took=$(($(seconds) - begun))
                # A rank that has done its work may be killed too late to matter.
                [ $took -le 10 ] && [ "$(count_trained killed)" = 0 ] || code=1
                [ ! -e killed/last.safetensors ] || "$program" inspect killed/last.safetensors >/dev/null 2>>log.txt || code=1
                result $code "kill $killed: ended after $took s with $ended"
            else
                wait $job || true
            fi
            if [ -e killed/result.json ]; then
                same alone-killed killed || code=1
                result $code "killed and resumed to the end: the bytes of one"
                rm -rf killed
            fi
        done
        [ ! -e killed/last.safetensors ] || resume 2 killed && same alone-killed killed || code=1
        result "$code" "killed and resumed to the end: the bytes of one"
        rm -rf killed
    done
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
fi

# ---- recipes: a name, then options ----
cat >cases.txt <<'END'
plain
mixup --mixup 0.4 --label-smoothing 0.1
cutmix --cutmix 1 --random-erasing 0.5
weights-and-clipping --class-weight-power 0.5 --clip-norm 0.5
average --ema 0.9 --optimizer adamw
unfreezing --freeze-until 6 --unfreeze-at 2:4 --unfreeze-at 3:0
frozen-statistics --bn-frozen batch
fixed-statistics --bn-trained eval
bf16 --precision bf16
im2col --conv im2col
sync --bn-sync
sync-of-photos --bn-sync --micro-batch 1 --bn-frozen batch --bn-trained eval --class-weight-power 0.5 --clip-norm 0.5
sync-unfreezing --bn-sync --freeze-until 6 --unfreeze-at 2:4 --unfreeze-at 3:0 --mixup 0.4
sync-bf16 --bn-sync --precision bf16
sync-im2col --bn-sync --conv im2col --freeze-until 0
END
while read -r name more; do
    # shellcheck disable=SC2086
    alone "alone-$name" $more
done <cases.txt

alone alone-views --augment flip
alone alone-head --freeze-until 9 --augment flip --clip-norm 0.5
for set in plain avx2 avx512; do
    for precision in f32 bf16; do
        FREEZETUNE_CPU=$set alone "alone-$set-$precision" --precision $precision
    done
done
alone alone-long --epochs 300
alone alone-long--bn-sync --epochs 300 --bn-sync
head="--freeze-until 9 --augment flip --cache disk --cache-dir kept-head"
# shellcheck disable=SC2086
alone alone-long--head --epochs 3000 $head

for pair in "$@"; do
    mpirun=${pair%%=*}
    mpi_program=${pair#*=}
    echo "# $mpirun"
    while read -r name more; do
        for count in 1 2 3 4; do
            case $name/$count in
            plain/* | sync/* | */2 | *unfreezing/4 | mixup/3 | sync-bf16/4) ;;
            *) continue ;;
            esac
            code=0
            # shellcheck disable=SC2086
            ranks $count "run-$name" $more && same "alone-$name" "run-$name" || code=1
            result $code "$name: $count processes write the bytes of one"
        done
    done <cases.txt

    # ---- features that are kept: 21 photos in two views, 9 to validate; in a file all have in common each is computed once ----
    computed() {
        sed -n 's/.*"features": {"computed": \([0-9]*\),.*/\1/p' "$1/log.jsonl" | paste -sd +
    }
    for cache in ram disk; do
        code=0
        rm -rf kept
        ranks 2 run-views --augment flip --cache $cache --cache-dir kept && same alone-views run-views || code=1
        if [ $cache = disk ]; then
            [ "$("$program" cache list --cache-dir kept --format tsv 2>>log.txt | sed -n 2p | cut -f6)" = 51 ] || code=1
            [ $(($(computed run-views))) = 27 ] || code=1 # rank 0: 11 of each view, 5 of those to validate
            ranks 3 run-views --augment flip --cache disk --cache-dir kept && same alone-views run-views || code=1
            [ "$(computed run-views)" = 0+0+0 ] || code=1
        fi
        result $code "--cache $cache: processes write the bytes of one without it"
    done

    # ---- the last layer alone: each process makes all steps, of as many pieces as one alone ----
    for count in 2 3 4; do
        code=0
        rm -rf kept
        ranks $count run-head --freeze-until 9 --augment flip --clip-norm 0.5 --cache disk --cache-dir kept && same alone-head run-head || code=1
        result $code "the last layer from kept features: $count processes write the bytes of one"
    done

    # ---- unlike processors: both take the instructions that both have ----
    for set in plain avx2 avx512; do
        for precision in f32 bf16; do
            code=0
            rm -rf unlike
            # shellcheck disable=SC2086
            timeout 120 "$mpirun" -n 1 "$mpi_program" train $options --out unlike --precision $precision : \
                -n 1 env FREEZETUNE_CPU=$set "$mpi_program" train $options --out unlike --precision $precision \
                >log.txt 2>&1 </dev/null || code=1
            same "alone-$set-$precision" unlike || code=1
            result $code "$precision: one process of two goes without what $set lacks: the bytes of one that does"
        done
    done

    # ---- another number of processes goes on; the time is over after each step ----
    code=0
    ranks 2 resumed --time-limit 0.0001 || code=1
    for count in 4 1 2 4; do
        resume $count resumed --time-limit 0.0001 || code=1
    done
    [ $code = 0 ] && [ ! -e resumed/result.json ] && resume 2 resumed --time-limit 100 && same alone-plain resumed || code=1
    result $code "stopped five times and resumed by 4, 1, 2, 4 and 2 processes: the bytes of one"

    code=0
    ranks 4 resumed --bn-sync --time-limit 0.0001 || code=1
    resume 1 resumed --time-limit 0.0001 && resume 2 resumed --time-limit 100 && same alone-sync resumed || code=1
    result $code "--bn-sync, resumed by 1 and 2 processes: the bytes of one"

    # ---- pieces that nobody asked for are the run's from then on ----
    code=0
    rm -rf halves
    timeout 120 "$mpirun" -n 2 "$mpi_program" train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --epochs 3 \
        --freeze-until 5 --threads 1 --loader-threads 1 --seed 3 --time-limit 0.0001 --out halves >log.txt 2>&1 </dev/null || code=1
    resume 1 halves --time-limit 100 || code=1
    alone "alone-halves-$mpirun" --micro-batch 4 && same "alone-halves-$mpirun" halves || code=1
    result $code "two processes without --micro-batch, resumed by one: the bytes of --micro-batch 4"
    code=0
    alone "whole-$mpirun" --micro-batch 8 --time-limit 0.0001 || code=1
    resume 2 "whole-$mpirun" && code=1
    tr -s "\r\n " " " <log.txt | grep -q "2 processes for a batch of 8 photos, which --micro-batch cuts into 1: start at most 1" || code=1
    result $code "a run without pieces is not cut when it is resumed by two"

    # ---- a signal to one, the death of one ----
    for case in TERM USR1 KILL USR1--bn-sync KILL--bn-sync TERM--head KILL--head; do
        code=0
        signal=${case%%--*}
        more=${case#"$signal"}
        recipe="--epochs 300 $more"
        [ "$more" != --head ] || recipe="--epochs 3000 $head"
        rm -rf stopped
        # shellcheck disable=SC2086
        timeout 120 "$mpirun" -n 2 "$mpi_program" train $options $recipe --out stopped --save-every 0.001 >log.txt 2>&1 </dev/null &
        job=$!
        wait_for stopped/last.safetensors
        # Whichever rank it is, all must end.
        process=$(trained 2 stopped)
        begun=$(seconds)
        kill -"$signal" "$process" || code=1
        ended=0
        wait $job || ended=$?
        [ $(($(seconds) - begun)) -le 10 ] && [ "$(count_trained stopped)" = 0 ] || code=1
        case $signal/$ended in
        TERM/143 | USR1/75) ;;
        KILL/0 | TERM/* | USR1/* | */124) code=1 ;;
        esac
        "$program" inspect stopped/last.safetensors >/dev/null 2>>log.txt || code=1
        resume 2 stopped && same "alone-long$more" stopped || code=1
        result $code "SIG$signal to one of two ends both ($ended)${more:+, $more}; resumed, they end with the bytes of one"
    done

    # ---- the link between two hosts goes down ----
    # Open MPI's own processes look after their connection where they are told to; MPICH's wait for as long as TCP.
    if hosts_make "$work"; then
        code=0
        hosts_mpirun=$mpirun
        rm -rf cut
        # shellcheck disable=SC2086
        OMPI_MCA_oob_tcp_keepalive_time=3 OMPI_MCA_oob_tcp_keepalive_intvl=1 OMPI_MCA_oob_tcp_keepalive_probes=6 \
            hosts_start "$mpi_program" 2 train $options --out cut --epochs 300 --save-every 0.001 >log.txt 2>&1 </dev/null &
        job=$!
        wait_for cut/last.safetensors
        [ "$(count_trained cut)" = 2 ] || code=1
        begun=$(seconds)
        ip -n "$host_a" link set "$link_a" down
        while [ "$(count_trained cut)" != 0 ] && [ $(($(seconds) - begun)) -lt 30 ]; do
            sleep 0.1
        done
        took=$(($(seconds) - begun))
        [ $took -le 10 ] || code=1
        case $mpirun in
        *openmpi*)
            ended=0
            wait $job || ended=$?
            [ $ended = 74 ] && [ $(($(seconds) - begun)) -le 20 ] || code=1
            ;;
        esac
        hosts_remove
        wait $job || true
        [ "$(tr -s '\r\n ' ' ' <log.txt | grep -o 'rank 0: nothing was heard of rank 1 for 7 seconds' | wc -l)" = 1 ] || code=1
        "$program" inspect cut/last.safetensors >/dev/null 2>>log.txt || code=1
        resume 2 cut && same alone-long cut || code=1
        result $code "the link goes down: both end ($took s) and say so; resumed, they end with the bytes of one"
    else
        echo "# skipped: a link that goes down: no network namespaces here"
        hosts_remove
    fi

    # ---- processes that are not about to do the same ----
    cat >unlike.sh <<'END'
rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}

program=$1
shift
[ "$rank" = 0 ] || exec "$program" "$@" $UNLIKE
exec "$program" "$@"
END
    for unlike in "--data others:list of photos" "--lr 0.5:options" "--bn-sync:options" "--weights gone.safetensors:gone.safetensors" "--no-such-option:no-such-option" "--out photos:photos"; do
        code=0
        rm -rf refused
        # shellcheck disable=SC2086
        UNLIKE=${unlike%%:*} timeout 120 "$mpirun" -n 2 sh unlike.sh "$mpi_program" train $options --out refused >log.txt 2>&1 </dev/null && code=1
        grep -q "rank 1.*${unlike#*:}" log.txt && [ ! -e refused ] || code=1
        result $code "rank 1 with ${unlike%%:*}: refused by name"
    done

    code=0
    timeout 60 "$mpirun" -n 3 "$mpi_program" train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --micro-batch 2 \
        --dry-run >log.txt 2>&1 </dev/null || code=1
    # Open MPI gives its processes a terminal, where lines are wrapped.
    [ "$(tr -s '\r\n ' ' ' <log.txt | grep -o 'ranks 3 processes for 4 pieces of a batch, at most 2 each; in a step each sends up to' | wc -l)" = 1 ] || code=1
    result $code "--dry-run says once how much is sent"

    code=0
    # shellcheck disable=SC2086
    timeout 60 "$mpirun" -n 2 "$mpi_program" train $options $head --dry-run >log.txt 2>&1 </dev/null || code=1
    tr -s '\r\n ' ' ' <log.txt | grep -q 'ranks 2 processes; each makes all steps by itself, from kept features' || code=1
    result $code "--dry-run says that the last layer's steps send nothing"

    code=0
    # shellcheck disable=SC2086
    sent() {
        timeout 60 "$mpirun" -n 2 "$mpi_program" train $options --dry-run --json "$@" 2>log.txt </dev/null | grep -o '"bytes_sent_per_step": [0-9]*' | grep -o '[0-9]*$'
    }
    plain=$(sent)
    synced=$(sent --bn-sync)
    # BatchNorm of layer2 to layer4 of the narrow network has 280 channels: two sums forward and two backward, of two pieces.
    [ "$((synced - plain))" = $((280 * 4 * 2 * 8)) ] || code=1
    # shellcheck disable=SC2086
    [ "$(sent $head)" = 0 ] || code=1
    result $code "--dry-run counts the sums of --bn-sync, and nothing where nothing is sent"

    # ---- the memory of each process is what the plan says, within 10 %; the ranks' blocks of pieces are unlike ----
    cat >measured.sh <<'END'
rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}
"$PEAK_MEMORY" "$@" >"out-$rank.txt" && tail -n 1 "out-$rank.txt" >"peak-$rank.txt"
END
    wide=$(dirname "$mpi_program")/../freezetune-mpi
    PEAK_MEMORY=$(dirname "$make_photos")/peak_memory
    export PEAK_MEMORY
    as_said() {
        count=$1
        shift
        rm -rf peak-*.txt measured
        set -- train --quiet --data photos --weights random --arch resnet18 --batch-size 8 --threads 1 --loader-threads 1 --cache off --no-report \
            --epochs 1 --out measured "$@"
        said=$(timeout 120 "$mpirun" -n "$count" "$wide" "$@" --dry-run --json 2>log.txt </dev/null | sed -n 's/^ *"memory": \([0-9]*\),.*/\1/p')
        timeout 120 "$mpirun" -n "$count" sh measured.sh "$wide" "$@" >>log.txt 2>&1 </dev/null || return 1
        [ "$(cat peak-*.txt | wc -l)" = "$count" ] || return 1
        # One rank takes as much as is said, or nearly; none takes more.
        sort -n peak-*.txt | awk -v said="$said" '{ print "said " said ", found " $1; most = $1 }
            END { exit !(said > 0 && most > 0.9 * said && most < 1.1 * said) }' >>log.txt
    }
    if [ "$("$PEAK_MEMORY" true)" != sanitizer ]; then
        for case in "2 --freeze-until 6 --image-size 64 --micro-batch 2" "2 --freeze-until 6 --image-size 64 --precision bf16" \
            "3 --freeze-until 0 --image-size 96 --micro-batch 1 --bn-sync" "4 --freeze-until 5 --image-size 64 --optimizer adam"; do
            code=0
            # shellcheck disable=SC2086
            as_said $case || code=1
            result $code "memory of ${case%% *} processes, ${case#* }: as --dry-run says"
        done
    fi

    code=0
    ranks 5 refused >/dev/null 2>&1 && code=1
    tr -s "\r\n " " " <log.txt | grep -q "5 processes for a batch of 8 photos.*start at most 4" || code=1
    result $code "more processes than pieces are refused"
    code=0
    timeout 60 "$mpirun" -n 2 "$mpi_program" toy >log.txt 2>&1 </dev/null && code=1
    [ "$(grep -c 'processes can only train' log.txt)" = 1 ] || code=1
    result $code "a command that cannot be shared is refused once"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
