/* Where the time of a run goes: seconds and calls by step and pass. A run without a profile measures nothing. */
#ifndef FREEZETUNE_PROFILE_H
#define FREEZETUNE_PROFILE_H

#include "core/net/plan.h"

enum profile_pass { PROFILE_FORWARD, PROFILE_DATA, PROFILE_WEIGHT, PROFILE_PASSES }; /* the latter two are backward's */

struct profile_row {
    size_t calls;
    size_t images;  /* that went through */
    double seconds; /* of wall time; a depth-first step's is that of all threads over their number */
};

struct profile {
    const struct plan *plan;
    struct profile_row *rows; /* [threads][steps][PROFILE_PASSES] */
    /* Wall time of whole passes: folded prefix, the rest of forward, backward with what the sink does. */
    double prefix, suffix, backward;
};

/* Owned by the caller (profile_destroy); the plan must outlive it. */
MUST_CHECK enum status profile_create(struct profile **out, const struct plan *plan, struct error *err);
void profile_destroy(struct profile *profile);
void profile_reset(struct profile *profile);

/* Called by the run: what began at `start` (clock_seconds) is done. */
void profile_add(struct profile *profile, size_t thread, size_t step, enum profile_pass pass, size_t images,
                 double start);
/* A further part of such a call. */
void profile_add_seconds(struct profile *profile, size_t thread, size_t step, enum profile_pass pass, double start);

/* Summed over threads. */
struct profile_row profile_row_get(const struct profile *profile, size_t step, enum profile_pass pass);

/* A name for a step, as its operators are called: "layer3.0.conv2", "maxpool", "layer3.0 add". Borrows nothing. */
void profile_step_name(char out[NET_NAME], const struct plan *plan, size_t step);

/* What the profiles of several plans add up to: a training run evaluates with another plan than it trains with. */
struct profile_sum {
    char name[NET_NAME]; /* as profile_step_name */
    const char *kernel;  /* "" where the step is no product */
    const char *pass;    /* "forward", "backward data", "backward weight", or what the caller calls it */
    size_t calls, images;
    double seconds;
    double flops; /* of all its images, a convolution counted as its definition does */
};

/* Begins as zeros; owns its rows (profile_sums_free). */
struct profile_sums {
    struct profile_sum *rows;
    size_t count, room;
};

/* Makes room for what profile_sums_add will add for these plans; `other` may be NULL. ERR_SYSTEM without memory. */
MUST_CHECK enum status profile_sums_reserve(struct profile_sums *sums, const struct plan *plan,
                                            const struct plan *other, struct error *err);
/* ADDS every step and pass that took time, rows of the same name, kernel and pass together, in the order of the
 * network. `forward` names the forward pass, a string that outlives the sums. There must be room. */
void profile_sums_add(struct profile_sums *sums, const struct profile *profile, const char *forward);
double profile_sums_seconds(const struct profile_sums *sums);
void profile_sums_free(struct profile_sums *sums);

#endif
