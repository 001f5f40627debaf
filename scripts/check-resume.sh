#!/bin/sh
# check-resume.sh [-c] [-k KILLS] [-s SEED] -- OPTION...: `freezetune train OPTION...` once without a break, once killed
# (kill -9) at KILLS random moments (20) and resumed after each, and once with each of --threads 1, 2, 3 and
# --loader-threads 1, 2, 3: best.safetensors and last.safetensors must be the same bytes every time.
#
# -c: the unbroken run has no feature cache, all others share one, which is filled while they are killed. OPTION... must
# then have views that come back (--augment none or flip, or --views).
#
# Without options: a ResNet-18 with random weights on made photos, many short epochs, a checkpoint after nearly every step,
# so that many of the kills come while a file is written. With real ones, for instance:
#   scripts/check-resume.sh -- --data ~/photos --weights resnet50.safetensors --freeze-until 6 --epochs 4
# Exit codes: 0 right; 1 not; 64 usage; 66 nothing is built.
set -eu

usage() {
    echo "usage: check-resume.sh [-c] [-k KILLS] [-s SEED] [-- OPTION...]"
    exit "$1"
}
[ "${1:-}" != --help ] || usage 0

root=$(cd "$(dirname "$0")/.." && pwd)
FREEZETUNE=${FREEZETUNE:-$root/freezetune}
BUILD=${BUILD:-$root/build/release}
kills=20
seed=$$
cached=
while getopts :hck:s: option; do
    case $option in
    c) cached=yes ;;
    k) kills=$OPTARG ;;
    s) seed=$OPTARG ;;
    h) usage 0 ;;
    *) usage 64 >&2 ;;
    esac
done
shift $((OPTIND - 1))
for number in "$kills" "$seed"; do
    case $number in
    "" | *[!0-9]*) usage 64 >&2 ;;
    esac
done

[ -x "$FREEZETUNE" ] || {
    echo "check-resume.sh: $FREEZETUNE is not there: run make, or set FREEZETUNE" >&2
    exit 66
}
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ $# = 0 ]; then
    "$BUILD/tests/tools/make_photos" "$work/photos" 3 8 2 40 1
    set -- --data "$work/photos" --weights random --arch resnet18 --image-size 32 --freeze-until 5 --epochs 12 \
        --batch-size 6 --augment standard --save-every 0.001
    [ -z "$cached" ] || set -- "$@" --views 3
fi

same() {
    cmp "$work/whole/best.safetensors" "$1/best.safetensors" && cmp "$work/whole/last.safetensors" "$1/last.safetensors"
}

# Starts again: without a cache, so that the next kills come while it is filled.
forget() {
    rm -rf "$work/broken" "$work/cache"
}

echo "unbroken run"
begin=$(date +%s%N)
set -- "$@" --keep-last
"$FREEZETUNE" train --quiet "$@" ${cached:+--cache=off} --out "$work/whole" >/dev/null
milliseconds=$((($(date +%s%N) - begin) / 1000000))
[ -z "$cached" ] || set -- "$@" --cache disk --cache-dir "$work/cache"

# The moments are spread over the time that the run needs; what a kill costs is done again, so there are always some left.
seed=$((seed % 2147483646 + 1))
count=0 finished=0
while [ $count -lt "$kills" ]; do
    if [ -e "$work/broken/config.json" ]; then
        "$FREEZETUNE" train --quiet --resume "$work/broken" >/dev/null 2>"$work/stderr.txt" &
    else
        rm -rf "$work/broken"
        "$FREEZETUNE" train --quiet "$@" --out "$work/broken" >/dev/null 2>"$work/stderr.txt" &
    fi
    pid=$!
    seed=$((seed * 48271 % 2147483647))
    wait_ms=$((seed % (2 * milliseconds / kills + 200) + 20))
    sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
    if kill -9 $pid 2>/dev/null; then
        count=$((count + 1))
    else
        finished=$((finished + 1))
    fi
    status=0
    wait $pid 2>/dev/null || status=$?
    pid=
    if [ $status != 137 ] && [ $status != 0 ]; then
        echo "check-resume.sh: a resumed run failed with $status: $(cat "$work/stderr.txt")" >&2
        exit 1
    fi
    # It came to its end before all kills were used: once more from the start.
    if [ $status = 0 ]; then
        same "$work/broken"
        forget
    fi
done
if [ -e "$work/broken/config.json" ]; then
    "$FREEZETUNE" train --quiet --resume "$work/broken" >/dev/null
else
    rm -rf "$work/broken"
    "$FREEZETUNE" train --quiet "$@" --out "$work/broken" >/dev/null
fi
same "$work/broken"
[ -z "$(find "$work/broken" -name '*.part')" ]
echo "$count kills, $finished runs to the end on the way: the same bytes"

for threads in 1 2 3; do
    rm -rf "$work/threads"
    "$FREEZETUNE" train --quiet "$@" --threads $threads --loader-threads $((4 - threads)) --out "$work/threads" >/dev/null
    same "$work/threads"
    echo "--threads $threads --loader-threads $((4 - threads)): the same bytes"
done
