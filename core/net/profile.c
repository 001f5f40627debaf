#include "core/net/profile.h"

#include <assert.h>
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
    row->calls++;
    row->images += images;
    row->seconds += clock_seconds() - start;
}

void profile_add_seconds(struct profile *profile, size_t thread, size_t step, enum profile_pass pass, double start)
{
    row_at(profile, thread, step, pass)->seconds += clock_seconds() - start;
}

struct profile_row profile_row_get(const struct profile *profile, size_t step, enum profile_pass pass)
{
    struct profile_row sum = {0};
    size_t threads = profile->plan->options.threads;
    for (size_t thread = 0; thread < threads; thread++) {
        const struct profile_row *row = row_at(profile, thread, step, pass);
        sum.calls += row->calls;
        sum.images += row->images;
        sum.seconds += row->seconds;
    }
    if (step < profile->plan->depth_first_steps)
        sum.seconds /= (double)threads;
    return sum;
}

/* "layer3.0", the block of an operator that has no parameter of its own: of the one before it that has. */
static void block_name(char out[NET_NAME], const struct net *net, int op)
{
    while (op > 0 && net->ops[op].param < 0)
        op--;
    snprintf(out, NET_NAME, "%s", net->ops[op].param < 0 ? "" : net->params[net->ops[op].param].name);
    char *dot = strchr(out, '.');
    if (dot && (dot = strchr(dot + 1, '.')))
        *dot = '\0';
}

void profile_step_name(char out[NET_NAME], const struct plan *plan, size_t step)
{
    const struct fused_op *planned = &plan->program->steps[step];
    const struct op *op = &plan->net->ops[planned->op];
    const char *child = plan->net->child_names[planned->child];
    if (planned->kind == OP_CONV) {
        snprintf(out, NET_NAME, "%s", plan->net->params[op->param].name);
        char *suffix = strrchr(out, '.');
        if (suffix)
            *suffix = '\0';
    } else if (planned->kind == OP_ADD) {
        char block[NET_NAME];
        block_name(block, plan->net, planned->op);
        snprintf(out, NET_NAME, "%.50s add", block);
    } else {
        snprintf(out, NET_NAME, "%s", child);
    }
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */
enum status profile_sums_reserve(struct profile_sums *sums, const struct plan *plan, const struct plan *other,
                                 struct error *err)
{
    void *memory = sums->rows;
    size_t steps = plan->program->steps_count + (other ? other->program->steps_count : 0);
    enum status status =
        memory_grow(&memory, &sums->room, sums->count + steps * PROFILE_PASSES, sizeof *sums->rows, "the profile", err);
    sums->rows = memory;
    return status;
}

static struct profile_sum *sum_of(struct profile_sums *sums, const char *name, const char *kernel, const char *pass)
{
    for (size_t i = 0; i < sums->count; i++) {
        struct profile_sum *sum = &sums->rows[i];
        if (strcmp(sum->pass, pass) == 0 && strcmp(sum->kernel, kernel) == 0 && strcmp(sum->name, name) == 0)
            return sum;
    }
    assert(sums->count < sums->room);
    struct profile_sum *sum = &sums->rows[sums->count++];
    *sum = (struct profile_sum){.kernel = kernel, .pass = pass};
    memcpy(sum->name, name, NET_NAME);
    return sum;
}

void profile_sums_add(struct profile_sums *sums, const struct profile *profile, const char *forward)
{
    const char *const passes[PROFILE_PASSES] = {forward, "backward data", "backward weight"};
    for (int pass = 0; pass < PROFILE_PASSES; pass++)
        for (size_t step = 0; step < profile->plan->program->steps_count; step++) {
            const struct plan_step *planned = &profile->plan->steps[step];
            struct profile_row row = profile_row_get(profile, step, (enum profile_pass)pass);
            char name[NET_NAME];
            if (row.images == 0)
                continue;
            profile_step_name(name, profile->plan, step);
            struct profile_sum *sum = sum_of(sums, name, planned->kernel ? planned->kernel->name : "", passes[pass]);
            sum->calls += row.calls;
            sum->images += row.images;
            sum->seconds += row.seconds;
            sum->flops += planned->flops * (double)row.images;
        }
}

double profile_sums_seconds(const struct profile_sums *sums)
{
    double total = 0;
    for (size_t i = 0; i < sums->count; i++)
        total += sums->rows[i].seconds;
    return total;
}

void profile_sums_free(struct profile_sums *sums)
{
    memory_free(sums->rows);
    *sums = (struct profile_sums){0};
}
