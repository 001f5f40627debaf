/* What rename.c, rename_find.c and rename_head.c share: the networks of a file, and one that is given torchvision's
 * names. */
#ifndef FREEZETUNE_WEIGHTS_RENAME_PRIVATE_H
#define FREEZETUNE_WEIGHTS_RENAME_PRIVATE_H

#include <string.h>

#include "weights/names.h"
#include "weights/weight_file_private.h"

/* How the tensors of a network are called. */
enum { TORCHVISION, HUGGING_FACE, SEQUENTIAL, STYLES };

enum { MOST_NETWORKS = 16 };
struct networks {
    struct network {
        int style;
        const char *prefix; /* begins a name of the file; `length` bytes of it */
        size_t length;
    } items[MOST_NETWORKS];
    size_t count;
};

struct renaming {
    struct weight_file *file;
    struct network network;
    const struct networks *all;
    char *names; /* [count][WEIGHT_NAME_MAX] */
    size_t kept;
    bool has_fc;      /* by torchvision's name */
    bool linear_head; /* mmpretrain's, beside "backbone." */
    bool beside;      /* there is a tensor beside fc that may stand before it */
    struct error *err;
};

/* The file's ResNets, in the order of its names; at most MOST_NETWORKS. */
void networks_find(struct networks *out, const struct weight_file *file);

/* The network that --prefix names, the only one, or the one that is used of a known pair; NULL where the file has none.
 * ERR_DATA where there are several, or none under --prefix. */
enum status networks_choose(const struct network **out, const struct weight_file *file, const struct networks *all,
                            struct error *err);

bool network_prefix_ends(const struct network *network, const char *text);

/* Looks for the last layer by the libraries' names, before any name changes. */
void rename_find_head(struct renaming *r);

/* Writes "fc.weight" or "fc.bias" where `name`, which is not called so, is the last layer by the names of the library
 * that wrote the file. */
bool rename_head_name(char out[WEIGHT_NAME_MAX], const struct renaming *r, const char *name);

/* Keeps a last layer that answers, and leaves any other out by name. */
enum status rename_settle_head(struct renaming *r);

/* Notes a tensor of the file that is not taken, with what it is. */
enum status rename_leave(const struct renaming *r, const char *name, const char *what);

static inline bool name_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

#endif
