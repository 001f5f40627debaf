/* What this program was made of and runs on: for --version, and for the config.json of a run. */
#ifndef FREEZETUNE_VERSION_H
#define FREEZETUNE_VERSION_H

#include <stdbool.h>
#include <stddef.h>

struct version_part {
    const char *name; /* "cJSON" */
    const char *text; /* "1.7.15" */
};

size_t version_part_count(void);

/* Part i; its text may stand in `space`. `load`: a BLAS that nothing has needed so far is loaded to ask it, and its
 * text says why where that is impossible. */
struct version_part version_part(size_t i, bool load, char space[256]);

#endif
