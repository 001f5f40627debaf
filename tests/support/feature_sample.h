/* Entries of a store of features whose content follows from their number: what is read can be told right from wrong. */
#ifndef FREEZETUNE_FEATURE_SAMPLE_H
#define FREEZETUNE_FEATURE_SAMPLE_H

#include "core/features/feature_store.h"

struct feature_store_about feature_sample_about(size_t floats, enum feature_dtype dtype);
struct feature_id feature_sample_id(uint32_t number);
/* out[floats]: from -8 to 8. */
void feature_sample(float *out, size_t floats, uint32_t number);

/* The same as a store of about's takes them: of bfloat16 their upper halves. */
void feature_sample_entry(void *out, const struct feature_store_about *about, uint32_t number);

/* Is what was read of the entry exactly what a store of that type gives back? */
bool feature_sample_right(const void *found, const struct feature_store_about *about, uint32_t number);

#endif
