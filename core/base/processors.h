/* How many threads this process should compute with, and what keeps it from using more. */
#ifndef FREEZETUNE_PROCESSORS_H
#define FREEZETUNE_PROCESSORS_H

#include <stddef.h>

enum processors_by {
    PROCESSORS_ALL,      /* the machine has no more */
    PROCESSORS_AFFINITY, /* the affinity mask: taskset, cpusets */
    PROCESSORS_QUOTA,    /* the processor time of a control group */
    PROCESSORS_SLURM     /* SLURM_CPUS_PER_TASK */
};

enum { PROCESSORS_WHY = 512 };

struct processors {
    size_t threads; /* 1..POOL_THREADS_MOST */
    size_t online;  /* of the machine */
    enum processors_by by;
    char why
        [PROCESSORS_WHY]; /* in words, for a person: "the control group's quota is 1.5 (/sys/.../cpu.max)"; "": all */
};

/* The least of the processors that the affinity mask allows, the quota of the control groups (cgroup.h; 1.5 are 2
 * threads, docs/decisions/processors.md) and $SLURM_CPUS_PER_TASK. OVERWRITES *out. `root` is that of
 * cgroup_limits_read, `slurm` the text of the variable or NULL; what is no number above 0 is ignored. */
void processors_limit(struct processors *out, const char *root, const char *slurm);

/* The same for this process as it is. */
void processors_look(struct processors *out);

#endif
