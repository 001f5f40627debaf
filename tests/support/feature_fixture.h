/* A folder with one file of three entries of features, numbers 0 to 2 of feature_sample.h, recreated for each test. */
#ifndef FREEZETUNE_FEATURE_FIXTURE_H
#define FREEZETUNE_FEATURE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/features/feature_store.h"

enum { FEATURE_FLOATS = 11, FEATURE_RECORD = 32 + 48 };

extern char feature_folder[256], feature_path[300]; /* of the file */
extern struct feature_store_about feature_about;
extern uint8_t *feature_good; /* what the file held at first */
extern size_t feature_good_size;

/* cmocka setup and teardown of a test. */
int feature_fixture_enter(void **state);
int feature_fixture_leave(void **state);

/* The file, open. */
struct feature_store *feature_fixture_open(void);
/* Entries first..first+count-1, at most 100. The second ends the test on failure. */
enum status feature_fixture_append(struct feature_store *store, uint32_t first, uint32_t count, struct error *err);
void feature_fixture_append_all(struct feature_store *store, uint32_t first, uint32_t count);
/* Is the entry there? It must be right then. */
bool feature_fixture_holds(struct feature_store *store, uint32_t number);

#endif
