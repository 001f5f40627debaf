/* The state that a run needs to continue to the same bytes: tensors by name and a text.
 *
 *   tensors   the network's parameters, running statistics and counts, under PyTorch's names: a checkpoint is a model
 *             file that holds more
 *             "optimizer.<buffer>.<parameter>"   momentum, exp_avg, exp_avg_sq, with the parameter's shape
 *             "optimizer.step.<parameter>"       one integer
 *             with --ema, under the name that PyTorch has for the number of updates:
 *             "optimizer.ema.n_averaged"         one integer
 *             "optimizer.ema.<tensor>"           the average of all that moves, num_batches_tracked as an integer
 *   text      JSON: place in the run, best so far, photos found bad, photos that were away in some epoch, and a
 *             fingerprint of the list of photos
 *
 * Random numbers need no state: they follow from (seed, epoch, photo). Files are not this file's business; the caller
 * (cli) writes the rows and the text, and hands them back.
 */
#ifndef FREEZETUNE_CHECKPOINT_H
#define FREEZETUNE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/train/train.h"

#define CHECKPOINT_PREFIX "optimizer."
enum { CHECKPOINT_NAME = NET_NAME + 32 };

/* A tensor beyond the network's own. Either floats (laid out as the parameter is) or an integer;
 * both may be written. */
struct checkpoint_row {
    char name[CHECKPOINT_NAME];
    const struct param *param; /* NULL for n_averaged */
    float *floats;             /* [param->count], or NULL */
    int64_t *integer;          /* or NULL */
};

/* After train_prepare. */
size_t checkpoint_row_count(const struct train *train);
/* Rows in a fixed order. Pointers live as long as the run. */
struct checkpoint_row checkpoint_row_get(const struct train *train, size_t index);

/* A hash over the names and classes of both lists, in hexadecimal:
 * the order of an epoch is an order of their numbers. */
void checkpoint_photos(char hex[33], const struct dataset *dataset);

/* The text, owned by the caller (memory_free). ERR_SYSTEM without memory. */
MUST_CHECK enum status checkpoint_text(char **out, const struct train *train, struct error *err);

/* After train_prepare, with the parameters loaded: takes the state from the text, marks the bad photos and enters the
 * stage that the state was saved in. After that the optimizer has a row for each that was saved; a file may hold more
 * (it was stopped before the first step of a stage), of which none has done a step. `where` begins an error's message.
 * ERR_DATA when the text is not a state, does not fit the run's options, or was made with other photos; the run is then
 * not to be used. */
MUST_CHECK enum status checkpoint_restore(struct train *train, const char *text, const char *where, struct error *err);

#endif
