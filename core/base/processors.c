#define _GNU_SOURCE
#include "core/base/processors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/cgroup.h"
#include "core/base/text.h"
#include "core/base/threads.h"

void processors_limit(struct processors *out, const char *root, const char *slurm)
{
    struct cgroup_limits limits;
    long long asked;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t mask = threads_available();
    *out = (struct processors){.threads = mask, .online = online > (long)mask ? (size_t)online : mask};
    if (out->threads < out->online) {
        out->by = PROCESSORS_AFFINITY;
        snprintf(out->why, sizeof out->why, "the affinity mask of this process has no more");
    }
    cgroup_limits_read(&limits, root);
    if (limits.processors > 0 && ceil(limits.processors) < (double)out->threads) {
        out->threads = (size_t)ceil(limits.processors);
        out->by = PROCESSORS_QUOTA;
        snprintf(out->why, sizeof out->why, "the control group's quota is %.3g (%.400s)", limits.processors,
                 limits.processors_from);
    }
    if (slurm && text_to_long(&asked, slurm) && asked > 0 && (unsigned long long)asked < out->threads) {
        out->threads = (size_t)asked;
        out->by = PROCESSORS_SLURM;
        snprintf(out->why, sizeof out->why, "SLURM_CPUS_PER_TASK is %lld", asked);
    }
}

void processors_look(struct processors *out)
{
    processors_limit(out, "", getenv("SLURM_CPUS_PER_TASK"));
}
