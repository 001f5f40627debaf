#!/bin/sh
# A sweep whose combinations are trained by GNU parallel, JOBS at a time (2) with THREADS threads each (1). It may be
# stopped and started again by the same line, which leaves out what is done (docs/batches.md). The options are those of sweep:
#
#   JOBS=4 sh parallel-sweep.sh SWEEP --data photos --freeze-until 5..9 --lr 0.001,0.01
#
# On several machines that see the folder under the same name: add --sshloginfile to parallel.
set -eu
program=${FREEZETUNE:-freezetune}
sweep=$1
shift

"$program" sweep --quiet "$@" --list --resume-or-start "$sweep" >"$sweep.list"
awk '$3 != "done" && $3 != "diverged" { print $1 }' "$sweep.list" |
    parallel --quote --no-run-if-empty --jobs "${JOBS:-2}" \
        "$program" sweep --quiet --threads "${THREADS:-1}" --resume "$sweep" --run || echo "parallel: exit code $?" >&2
"$program" sweep --quiet --resume "$sweep" --finish
