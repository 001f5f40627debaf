#include "cli/run/run_memory.h"

#include "cli/shell/group.h"
#include "cli/shell/numbers.h"
#include "core/base/cgroup.h"
#include "core/base/threads.h"

struct memory_summary run_memory_of(const struct run_setup *t, const struct train_needs *needs)
{
    size_t loaders = t->options.loader.threads;
    return (struct memory_summary){.weights = needs->weights,
                                   .plan = needs->network,
                                   .optimizer = needs->optimizer,
                                   .gradients = needs->gradients,
                                   .average = needs->average,
                                   .photos = needs->photos + needs->mixing + loaders * t->scan.photo_memory,
                                   .metrics = needs->metrics,
                                   .cache = needs->cache,
                                   .program = summary_program(pool_threads(t->pool), loaders) + group_memory()};
}

size_t run_memory(const struct run_setup *t, const struct train *train)
{
    struct train_needs needs = train_needs(train);
    struct memory_summary memory = run_memory_of(t, &needs);
    return memory_summary_total(&memory);
}

enum status run_memory_check(size_t bytes, struct error *err)
{
    char need[NUMBER_TEXT], most[NUMBER_TEXT];
    struct cgroup_limits limits;
    cgroup_limits_read(&limits, "");
    if (limits.memory == 0 || bytes <= limits.memory)
        return OK;
    return error_set(err, ERR_SYSTEM,
                     "training takes %s of memory, and the control group allows %s (%.300s): choose a smaller "
                     "--batch-size, --micro-batch or --cache off, or allow more",
                     number_bytes(need, bytes), number_bytes(most, limits.memory), limits.memory_from);
}
