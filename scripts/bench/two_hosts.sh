#!/bin/sh
# two_hosts.sh [-r RATE] [-n ROUNDS] PROGRAM PROGRAM_MPI OPTION...: `train OPTION...` by one process of two threads, and by two
# processes of one thread on two hosts that this machine stands in for: network namespaces joined by a veth pair, each with a
# host name of its own, limited to RATE (tc's tbf, 1gbit; none: no limit). In turn, ROUNDS times (3); prints the seconds of
# each epoch, and whether the model is the same. PROGRAM_MPI is by Open MPI. Needs root and iproute2.
# For instance, with --batch-size 16 --micro-batch 8 --cache off and a few photos to validate with.
# Exit codes: 0 the models are the same; 1 they are not; 64 usage; 66 something is missing.
set -eu

rate=1gbit
rounds=3
while getopts r:n: option; do
    case $option in
    r) rate=$OPTARG ;;
    n) rounds=$OPTARG ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 3 ] || {
    echo "usage: two_hosts.sh [-r RATE] [-n ROUNDS] PROGRAM PROGRAM_MPI OPTION..." >&2
    exit 64
}
program=$1
program_mpi=$2
shift 2
for tool in ip tc unshare mpirun.openmpi; do
    command -v "$tool" >/dev/null || {
        echo "two_hosts.sh: $tool is not here (sh scripts/deps.sh mpi; iproute2; util-linux)" >&2
        exit 66
    }
done

work=$(mktemp -d)
# shellcheck source=scripts/hosts.sh
. "$(dirname "$0")/../hosts.sh"
trap 'hosts_remove; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
hosts_make "$work" "$rate" || {
    echo "two_hosts.sh: network namespaces cannot be made here" >&2
    exit 66
}
two_hosts() {
    hosts_start "$program_mpi" 2 train "$@" --threads 1 --loader-threads 1 --out "$work/two" >"$work/log" 2>&1
}
# shellcheck disable=SC2016 # awk's own
sent() {
    ip netns exec "$host_a" awk -v dev="$link_a:" '$1 == dev { print $10 }' /proc/net/dev
}
seconds() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") at = i } NR > 1 { printf " %s", $at }' "$1/metrics.csv"
}
code=0
while [ "$rounds" -gt 0 ]; do
    rounds=$((rounds - 1))
    rm -rf "$work/one" "$work/two"
    "$program" train "$@" --threads 2 --out "$work/one" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2 && exit 1; }
    before=$(sent)
    two_hosts "$@" || { tail -n 5 "$work/log" >&2 && exit 1; }
    echo "one process:$(seconds "$work/one"); two hosts at $rate:$(seconds "$work/two"); $((($(sent) - before) / 1000000)) MB sent by one"
    cmp "$work/one/best.safetensors" "$work/two/best.safetensors" || code=1
done
exit $code
