#!/bin/sh
#SBATCH --array=1-3 --cpus-per-task=4 --time=60
#SBATCH --signal=B:USR1@120 --requeue --open-mode=append --output=run-%a.txt
# A training for each task of an array, with the task's number as the seed; a job whose time is over saves and is put back
# into the queue until it is done (docs/batches.md). The options are those of train:
#
#   sbatch slurm-train.sh --data photos --freeze-until 6
#
# Each writes run-SEED/ in the folder where sbatch was called.
run=run-$SLURM_ARRAY_TASK_ID

# Slurm signals the shell (B:), which hands the signal on and waits until the program has saved.
trap 'kill -USR1 "$child"' USR1
"${FREEZETUNE:-freezetune}" train --quiet "$@" --seed "$SLURM_ARRAY_TASK_ID" --resume-or-start "$run" &
child=$!
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
echo "job $SLURM_JOB_ID: exit code $code"
[ "$code" != 75 ] || exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
exit "$code"
