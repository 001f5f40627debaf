/* RUN/probabilities_val.csv: the probability of every class for every validated photo, from the epoch of
 * best.safetensors; rows in the order of predictions_val.csv.
 *
 *   file,class,ants,bees
 *   ants/1.jpg,ants,0.981233597,0.0187664032
 *
 * A column for each class, by its name, in the order of the outputs: softmax of the network's outputs, in double and
 * with nine digits, before any temperature (temperature.h). Texts are cells as cell.h has them. A row is a line.
 */
#ifndef FREEZETUNE_PROBABILITIES_H
#define FREEZETUNE_PROBABILITIES_H

#include <stddef.h>
#include <stdio.h>

#include "core/data/folder.h"

/* Whether writing worked is asked of the stream. */
void probabilities_put_head(FILE *out, const struct class_names *classes);
/* logits[classes] are finite. */
void probabilities_put_row(FILE *out, const char *file, const char *class, const float *logits, size_t classes);

#endif
