/* The freeze proof: at the end of a run every frozen tensor is compared, bit by bit, with what was loaded.
 *
 * With the weight file, as long as it is still the one that was loaded; with hashes taken at the start, where it was
 * replaced, cut or removed meanwhile.
 */
#ifndef FREEZETUNE_FREEZE_PROOF_H
#define FREEZETUNE_FREEZE_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/net/freeze.h"
#include "core/net/net.h"
#include "weights/weight_file.h"

struct frozen_proof {
    size_t tensors, values; /* compared and found equal, bit by bit; counts of batches count as a value each */
    bool rounded;  /* the file holds some of them as float64: compared as float32, which they were rounded to */
    size_t moving; /* running statistics left out because freeze->bn_frozen lets them move */
};

/* Compares every frozen tensor of the net, running statistics and counts included, with the file that it was loaded
 * from. ERR_PROMISE names the first value that differs; ERR_DATA when the file is no longer the one that was loaded.
 * *out is filled in both cases with what was compared before. */
MUST_CHECK enum status weights_compare_frozen(struct frozen_proof *out, const struct net *net,
                                              const struct freeze *freeze, const struct weight_file *file,
                                              struct error *err);

/* What a parameter was when it was loaded: the file may be gone at the end, or hold something else. */
struct loaded_param {
    struct hash128 hash; /* of its values as the net holds them, or of its count of batches */
    bool rounded;        /* the file had it as float64 */
};

/* Of all parameters, after weights_load from that file; out[params_count] is owned by the caller (memory_free). */
MUST_CHECK enum status weights_remember(struct loaded_param **out, const struct net *net,
                                        const struct weight_file *file, struct error *err);
/* weights_compare_frozen with what was remembered. ERR_PROMISE names the first tensor that differs. */
MUST_CHECK enum status weights_compare_loaded(struct frozen_proof *out, const struct net *net,
                                              const struct freeze *freeze, const struct loaded_param *loaded,
                                              struct error *err);

#endif
