/* Pickles for hostile.h: each is put into a whole file of either format, with one storage "0" of six float32. */
#ifndef FREEZETUNE_HOSTILE_PICKLE_H
#define FREEZETUNE_HOSTILE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/rng.h"
#include "tests/support/hostile.h"
#include "tests/support/pth_sample.h"

/* All six values of the storage, [2,3]. */
extern const struct tensor_sample tensor_plain;

/* None to three entries of a state dict, named after `prefix`, by chance. */
void pickle_good_values(struct bytes *out, struct rng *rng, const char *prefix, bool legacy);

/* A file of the zip format as torch.save writes it, or of the legacy one, with `values` float32 in its storage. */
void pth_file(struct bytes *out, const struct bytes *pickle, size_t values, bool legacy);

/* hostile_assert_refused and hostile_refused_or_rewritten of the file around the pickle. */
void hostile_pickle_refused(const struct bytes *pickle, bool legacy, const char *wanted);
bool hostile_pickle_read(const struct bytes *pickle, bool legacy);

#endif
