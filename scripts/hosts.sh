# hosts.sh: two hosts that this machine stands in for, to be sourced by a script that has set -eu: network namespaces joined by a
# veth pair, each with a host name and an address of its own. Needs root and iproute2.
#
#   hosts_make FOLDER [RATE]   makes $host_a (10.99.0.1, interface $link_a) and $host_b (10.99.0.2, $link_b), limited to RATE by tc's
#                              tbf, and writes FOLDER/agent. Fails where that cannot be done
#   hosts_start PROGRAM N ARGUMENT...   starts N processes in turn on both hosts by $hosts_mpirun, which is Open MPI's or MPICH's and
#                              runs on $host_a. Their only way to each other is TCP over the link
#   hosts_remove               ends what is left on both and removes them
# shellcheck shell=sh

host_a=ft-a-$$
host_b=ft-b-$$
link_a=va$$
link_b=vb$$
hosts_mpirun=mpirun.openmpi

hosts_remove() {
    for hosts_name in "$host_a" "$host_b"; do
        # shellcheck disable=SC2046 # a list of numbers
        kill -9 $(ip netns pids "$hosts_name" 2>/dev/null) 2>/dev/null || true
        ip netns del "$hosts_name" 2>/dev/null || true
    done
}

hosts_make() {
    hosts_folder=$1
    ip netns add "$host_a" 2>/dev/null && ip netns add "$host_b" 2>/dev/null || return 1
    ip link add "$link_a" type veth peer name "$link_b" 2>/dev/null || return 1
    hosts_join "$host_a" "$link_a" 10.99.0.1 "${2:-none}" && hosts_join "$host_b" "$link_b" 10.99.0.2 "${2:-none}" || return 1
    # What mpirun starts the process of a host with, in the place of ssh.
    cat >"$hosts_folder/agent" <<AGENT
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
case \$1 in
10.99.0.1) host=$host_a ;;
*) host=$host_b ;;
esac
shift
exec ip netns exec \$host unshare --uts sh -c "hostname \$host; \$*"
AGENT
    chmod +x "$hosts_folder/agent"
}
hosts_join() {
    ip link set "$2" netns "$1" && ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up && ip -n "$1" link set lo up || return 1
    [ "$4" = none ] || ip netns exec "$1" tc qdisc add dev "$2" root tbf rate "$4" burst 256kb latency 50ms
}

hosts_start() {
    hosts_program=$1
    hosts_count=$2
    shift 2
    case $hosts_mpirun in
    *openmpi*)
        set -- "$hosts_mpirun" --mca plm_rsh_agent "$hosts_folder/agent" --mca plm_rsh_no_tree_spawn 1 --host 10.99.0.1,10.99.0.2 \
            -n "$hosts_count" --map-by node --oversubscribe --bind-to none --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include 10.99.0.0/24 \
            --mca oob_tcp_if_include 10.99.0.0/24 "$hosts_program" "$@"
        ;;
    *) # UCX would find that both hosts share a memory
        set -- env UCX_TLS=tcp,self "$hosts_mpirun" -launcher ssh -launcher-exec "$hosts_folder/agent" -iface "$link_a" \
            -hosts 10.99.0.1,10.99.0.2 -n "$hosts_count" "$hosts_program" "$@"
        ;;
    esac
    # shellcheck disable=SC2016 # the inner shell's arguments
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ip netns exec "$host_a" unshare --uts sh -c 'hostname "$0"; exec "$@"' \
        "$host_a" "$@"
}
