#include "core/net/profile.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum status profile_create(struct profile **out, const struct plan *plan, struct error *err)
{
    void *memory, *rows;
    enum status status = memory_alloc(&memory, 1, sizeof(struct profile), "the profile", err);
    if (status != OK)
        return status;
    status = memory_alloc(&rows, plan->options.threads * plan->program->steps_count * PROFILE_PASSES,
                          sizeof(struct profile_row), "the profile", err);
    if (status != OK) {
        memory_free(memory);
        return status;
    }
    struct profile *profile = memory;
    profile->plan = plan;
    profile->rows = rows;
    *out = profile;
    return OK;
}

void profile_destroy(struct profile *profile)
{
    if (!profile)
        return;
    memory_free(profile->rows);
    memory_free(profile);
}

void profile_reset(struct profile *profile)
{
    const struct plan *plan = profile->plan;
    memset(profile->rows, 0,
           plan->options.threads * plan->program->steps_count * PROFILE_PASSES * sizeof *profile->rows);
    profile->prefix = profile->suffix = profile->backward = 0;
}

static struct profile_row *row_at(const struct profile *profile, size_t thread, size_t step, enum profile_pass pass)
{
    return &profile->rows[(thread * profile->plan->program->steps_count + step) * PROFILE_PASSES + (size_t)pass];
}

void profile_add(struct profile *profile, size_t thread, size_t step, enum profile_pass pass, size_t images,
                 double start)
{
    struct profile_row *row = row_at(profile, thread, step, pass);
    row->images += images;
    row->seconds += clock_seconds() - start;
}

struct profile_row profile_row_get(const struct profile *profile, size_t step, enum profile_pass pass)
{
    struct profile_row sum = {0};
    size_t threads = profile->plan->options.threads;
    for (size_t thread = 0; thread < threads; thread++) {
        const struct profile_row *row = row_at(profile, thread, step, pass);
        sum.images += row->images;
        sum.seconds += row->seconds;
    }
    if (step < profile->plan->depth_first_steps)
        sum.seconds /= (double)threads;
    return sum;
}

void profile_step_name(char out[NET_NAME], const struct plan *plan, size_t step)
{
    const struct step *planned = &plan->program->steps[step];
    const struct op *op = &plan->net->ops[planned->op];
    const char *child = plan->net->child_names[planned->child];
    if (planned->kind == STEP_CONV) {
        snprintf(out, NET_NAME, "%s", plan->net->params[op->param].name);
        char *suffix = strrchr(out, '.');
        if (suffix)
            *suffix = '\0';
    } else {
        snprintf(out, NET_NAME, "%.50s%s", child, planned->kind == STEP_MERGE ? " add" : "");
    }
}
