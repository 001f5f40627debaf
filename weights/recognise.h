/* Which of our architectures a weight file belongs to, by the names and shapes in it. */
#ifndef FREEZETUNE_RECOGNISE_H
#define FREEZETUNE_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>

#include "weights/weight_file.h"

enum { RECOGNISE_LAYERS = 15 };

struct recognised {
    char arch[32];  /* "resnet50", "mlp" */
    size_t classes; /* outputs of the last layer; 0: a body without one */
    /* mlp only: inputs, then the outputs of each layer, as mlp_create wants them. */
    size_t sizes[RECOGNISE_LAYERS + 1], layers;
};

/* False, with *out untouched, when it is none. Looks at the tensors that tell architectures apart, no others: that all
 * tensors are there and fit is for weights_load (bind.h) to say. */
bool weights_recognise(struct recognised *out, const struct weight_file *file);

/* ERR_DATA, with what to do, when the file's network is one of ours but pruned or quantized; OK, with *err untouched,
 * otherwise. */
MUST_CHECK enum status weights_refuse_special(const struct weight_file *file, struct error *err);

/* Writes that the file holds none of our ResNets, and what keeps it from being one where that can be seen. Returns
 * ERR_DATA. */
enum status weights_refuse_unknown(const struct weight_file *file, struct error *err);

/* Writes that the file's network has no last layer that can answer, and what stands in its place. Returns ERR_DATA. */
enum status weights_refuse_body(const struct weight_file *file, struct error *err);

#endif
