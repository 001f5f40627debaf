/* Whether a run keeps the features of its frozen prefix, where, and what that will take: decided before anything is
 * computed. Features are worth keeping when the pixels they come from are seen again (a fixed number of views) and when
 * no step changes what makes them (the prefix is frozen, its BatchNorm is in eval mode). */
#ifndef FREEZETUNE_FEATURE_PLAN_H
#define FREEZETUNE_FEATURE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/features/feature_key.h"
#include "core/features/feature_store.h"
#include "core/net/freeze.h"
#include "core/net/plan.h"

enum cache_mode { CACHE_AUTO, CACHE_OFF, CACHE_RAM, CACHE_DISK };
extern const char *const cache_mode_names[]; /* "auto", "off", "ram", "disk", NULL */

struct cache_options {
    enum cache_mode mode;
    const char *dir;  /* of the files */
    bool half;        /* float32 features are rounded to half precision, kept or not, so that keeping them changes
                         nothing; bfloat16 ones stay as they are */
    uint64_t limit;   /* bytes that a run's caches may take together */
    uint64_t reserve; /* bytes on the disk of `dir` that others will take: the run's own files */
};

/* A run as far as it is known before it is planned. Borrowed. */
struct cache_ask {
    const struct cache_options *options;
    const struct net *net; /* with its weights */
    const struct freeze *freeze;
    const struct feature_ground *ground;
    enum augment augment;
    size_t views, epochs;              /* views: 0 for a new one in every epoch */
    size_t train, val;                 /* photos */
    size_t train_repeats, val_repeats; /* of these, repeats of an earlier photo's bytes; train counts before val */
    bool mixes;                        /* pixels of different photos (--mixup, --cutmix) */
    uint64_t kept; /* bytes of the limit that caches of other stages take, from feature_plan_size on */
};

struct feature_plan {
    enum cache_mode mode; /* CACHE_OFF, CACHE_RAM or CACHE_DISK */
    char why[256];        /* CACHE_OFF: the reason, when it was not asked for: "every epoch sees other pixels ..." */
    size_t entries;       /* at most: photos of the same bytes share those of the views that are not drawn */
    uint64_t bytes;
    uint64_t there; /* of them, on disk by now */
    struct feature_store_about about;
    /* A file of the same folder with features of the same photos at a cut before it, to start from. */
    size_t from; /* operators, 0: there is none */
    struct feature_store_about from_about;
};

/* First part, before the network is planned: whether a cache is wanted at all, its key and `from`. `params` are the
 * net's param_hashes. ERR_USAGE when a cache was asked for that cannot be. */
MUST_CHECK enum status feature_plan_begin(struct feature_plan *out, const struct cache_ask *ask,
                                          const struct hash128 *params, struct error *err);

/* Second part: the size, from a plan with the cut (and the from) in it. ERR_USAGE when what was asked for would be
 * larger than the limit, ERR_CANTCREATE when the disk has no room for it; CACHE_AUTO becomes CACHE_OFF instead. */
MUST_CHECK enum status feature_plan_size(struct feature_plan *cache, const struct cache_ask *ask,
                                         const struct plan *plan, struct error *err);

#endif
