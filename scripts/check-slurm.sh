#!/bin/sh
# check-slurm.sh PROGRAM MAKE_PHOTOS [PLUGIN=PROGRAM_MPI ...]: examples/slurm-train.sh, an array of two trainings, under a Slurm of its own, on
# this machine. Slurm sends SIGUSR1 before the time is over, the jobs save, end with 75 and are put back into the queue until they are done;
# each ends with the bytes of a run that nobody disturbed. Before them `srun --mpi=PLUGIN -n 2 PROGRAM_MPI train` writes the bytes of one
# process, for each PLUGIN given that this Slurm has. Skips where Slurm and MUNGE are not installed (sh scripts/deps.sh
# slurm) and where it is not run as root. Leaves no process and no file.
set -eu

program=$1
make_photos=$2
shift 2
example=$(cd "$(dirname "$0")/.." && pwd)/examples/slurm-train.sh
for tool in munged slurmctld slurmd sbatch scontrol; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "check-slurm: skipped: $tool is not here; sh scripts/deps.sh slurm installs it"
        exit 0
    }
done
[ "$(id -u)" = 0 ] || {
    echo "check-slurm: skipped: it runs Slurm's daemons, which takes root"
    exit 0
}

work=$(mktemp -d /tmp/freezetune-slurm.XXXXXX)
daemons=
job=
clean() {
    code=$?
    [ -z "$job" ] || scancel "$job" 2>/dev/null || true
    for daemon in $daemons; do
        kill "$daemon" 2>/dev/null || true
    done
    for daemon in $daemons; do
        wait "$daemon" 2>/dev/null || true
    done
    [ $code = 0 ] || tail -n 20 "$work"/*.log "$work"/*.txt >&2 || true
    rm -rf "$work"
    exit $code
}
trap clean EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"

# ---- a cluster of one node ----
host=$(uname -n)
port=$((20000 + $$ % 20000))
mkdir -m 700 "$work/munge" "$work/state" "$work/spool"
chmod 711 "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=64 count=1 2>/dev/null
chmod 400 "$work/munge/key"
cat >"$work/slurm.conf" <<END
ClusterName=freezetune
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
SLURM_CONF=$work/slurm.conf
export SLURM_CONF
munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --seed-file="$work/munge/seed" --log-file="$work/munge/log" --force >"$work/munged.log" 2>&1 &
daemons=$!
for _ in $(seq 100); do
    [ ! -S "$work/munge/socket" ] || break
    sleep 0.1
done
slurmctld -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons="$! $daemons"
slurmd -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons="$! $daemons"
for _ in $(seq 300); do
    [ "$(sinfo -h -o %t 2>/dev/null || true)" != idle ] || break
    sleep 0.1
done
[ "$(sinfo -h -o %t)" = idle ] || {
    echo "check-slurm: the node did not become idle: $(sinfo -h -o '%t %E' 2>&1)" >&2
    exit 1
}

cd "$work"
"$make_photos" photos 3 8 4 40 1

# ---- one training by two tasks ----
several() {
    out=$1
    shift
    "$@" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 --micro-batch 2 --epochs 2 --freeze-until 5 \
        --cache off --keep-last --no-report --threads 1 --loader-threads 1 --out "$out" >"$out.txt" 2>&1
}
shared=
for pair in "$@"; do
    plugin=${pair%%=*}
    srun --mpi=list 2>&1 | grep -qw "$plugin" || continue
    [ -d alone ] || several alone "$program"
    several "by-$plugin" timeout 120 srun "--mpi=$plugin" -n 2 "${pair#*=}"
    tr -s '\r\n ' ' ' <"by-$plugin.txt" | grep -q "2 processes for 4 pieces"
    cmp "alone/last.safetensors" "by-$plugin/last.safetensors"
    cmp "alone/best.safetensors" "by-$plugin/best.safetensors"
    shared="$shared $plugin"
done

# ---- the jobs ----
# Slurm looks every 30 s who is to be signalled: a run must take longer, on any machine.
set -- --data photos --weights random --arch resnet18 --image-size 32 --batch-size 6 --freeze-until 7 --cache off \
    --keep-last --no-report --threads 1
begun=$(date +%s%N)
"$program" train --quiet "$@" --epochs 200 --out timed >/dev/null
set -- "$@" --epochs $((200 * 45000 / (($(date +%s%N) - begun) / 1000000 + 1)))
job=$(FREEZETUNE=$program sbatch --parsable --array=1-2 --cpus-per-task=1 --time=1 --signal=B:USR1@50 "$example" "$@")
is_over() {
    tail -n 1 "run-$1.txt" 2>/dev/null | grep -q 'exit code 0$'
}
for _ in $(seq 900); do
    # Not by squeue: where the machine is busy it may answer too late.
    ! is_over 1 || ! is_over 2 || break
    scontrol update "JobId=$job" StartTime=now >/dev/null 2>&1 || true # one that was put back would wait two minutes
    sleep 1
done
for seed in 1 2; do
    grep -q 'exit code 75$' "run-$seed.txt"
    is_over $seed
    "$program" train --quiet "$@" --seed $seed --out "whole-$seed" >/dev/null
    cmp "run-$seed/last.safetensors" "whole-$seed/last.safetensors"
    cmp "run-$seed/best.safetensors" "whole-$seed/best.safetensors"
done
[ -z "$shared" ] || echo "check-slurm: two tasks of srun wrote the bytes of one process, by$shared"
echo "check-slurm: two jobs were stopped $(cat run-*.txt | grep -c 'exit code 75$') times and ended with the bytes of undisturbed runs"
