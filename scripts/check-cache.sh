#!/bin/sh
# check-cache.sh [-k KILLS] [-s SEED] [-n ENTRIES]: two programs append the same features to one file
# (tests/tools/feature_writer); one of them is killed (kill -9) at KILLS random moments (50). After each kill every entry
# that is read must be right, bit for bit, or not there; at the end all of them must be there. What the kills left is
# counted: bytes of a torn entry at the end of the file, or entries whose checksum does not hold.
# Exit codes: 0 right; 1 not; 64 usage; 66 nothing is built.
set -eu

usage() {
    echo "usage: check-cache.sh [-k KILLS] [-s SEED] [-n ENTRIES]"
    exit "$1"
}
[ "${1:-}" != --help ] || usage 0

root=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-$root/build/release}
writer=$BUILD/tests/tools/feature_writer
kills=50
entries=300
seed=$$
while getopts :hk:s:n: option; do
    case $option in
    k) kills=$OPTARG ;;
    s) seed=$OPTARG ;;
    n) entries=$OPTARG ;;
    h) usage 0 ;;
    *) usage 64 >&2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# = 0 ] || usage 64 >&2
for number in "$kills" "$seed" "$entries"; do
    case $number in
    "" | *[!0-9]*) usage 64 >&2 ;;
    esac
done

[ -x "$writer" ] || {
    echo "check-cache.sh: $writer is not there: run make check, or set BUILD" >&2
    exit 66
}
work=$(mktemp -d)
pid='' other=''
trap 'kill -9 $pid $other 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

begin=$(date +%s%N)
"$writer" fill "$work/whole" "$entries"
milliseconds=$((($(date +%s%N) - begin) / 1000000))
rm -rf "$work/whole"

seed=$((seed % 2147483646 + 1))
count=0 finished=0 torn=0 damaged=0
while [ $count -lt "$kills" ]; do
    "$writer" fill "$work/cache" "$entries" &
    pid=$!
    "$writer" fill "$work/cache" $((entries / 2)) &
    other=$!
    seed=$((seed * 48271 % 2147483647))
    wait_ms=$((seed % (milliseconds / 4 + 20) + 2))
    sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
    if kill -9 $pid 2>/dev/null; then
        count=$((count + 1))
    fi
    status=0
    wait $pid 2>/dev/null || status=$?
    pid=
    [ $status = 137 ] || [ $status = 0 ] || {
        echo "check-cache.sh: a writer failed with $status" >&2
        exit 1
    }
    # The other is killed in every second round, so that nobody mends the end of the file.
    [ $((count % 2)) = 0 ] || kill -9 $other 2>/dev/null || true
    status=0
    wait $other 2>/dev/null || status=$?
    other=
    [ $status = 137 ] || [ $status = 0 ] || {
        echo "check-cache.sh: the other writer failed with $status" >&2
        exit 1
    }
    answer=$("$writer" check "$work/cache" "$entries")
    case $answer in
    *" damaged, 0 bytes torn") ;;
    *) torn=$((torn + 1)) ;;
    esac
    case $answer in
    *" 0 damaged, "*) ;;
    *) damaged=$((damaged + 1)) ;;
    esac
    # It is full: once more from nothing.
    case $answer in
    "$entries right, "*)
        finished=$((finished + 1))
        rm -rf "$work/cache"
        ;;
    esac
done
"$writer" fill "$work/cache" "$entries"
answer=$("$writer" check "$work/cache" "$entries")
[ "${answer%% right*}" = "$entries" ] || {
    echo "check-cache.sh: at the end: $answer" >&2
    exit 1
}
echo "$count kills, $torn files with a torn end, $damaged with a damaged entry, $finished filled on the way: every entry read was right"
