/* Where the state dicts are in the tree of a pickle: dictionaries of tensors by name, at any key or place of the
 * dictionaries, lists and tuples around them. For torch_state.c. */
#ifndef FREEZETUNE_TORCH_STATES_H
#define FREEZETUNE_TORCH_STATES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "weights/torch/pickle_read.h"

enum {
    TORCH_MAX_DEPTH = 6,  /* keys on the way to a state dict */
    TORCH_MAX_STATES = 64 /* that are told apart; a file with more holds something else */
};

struct torch_state_found {
    pickle_id dict;
    size_t key;   /* where its path begins in `text`: "model_ema", "0.state_dict"; "" for the file's own */
    bool is_dict; /* under keys alone, no places of lists */
    bool resnet;  /* by the names in it, whatever stands before them */
};

struct torch_states {
    struct torch_state_found items[TORCH_MAX_STATES]; /* in the order of their depth, then of the file */
    size_t count;
    struct bytes text; /* the paths, each with its NUL */
    pickle_id module;  /* an object where a state dict was looked for in vain, or PICKLE_NOTHING */
};

/* ERR_DATA when the pickle is an object as a whole: a model, or something to be run. */
MUST_CHECK enum status torch_states_check(const struct pickle *pickle);

/* All of them. ERR_SYSTEM without memory. Free text with bytes_free, also after a failure. */
MUST_CHECK enum status torch_states_find(struct torch_states *out, const struct pickle *pickle, struct error *err);

const char *torch_states_key(const struct torch_states *states, size_t i);

/* *chosen = the one to read: `key` when it is named; else a ResNet's, the only one or the one that its library would
 * take; without a ResNet the one that torch users look into first. ERR_DATA when there is none, and, naming all of
 * them, when several could be meant. */
MUST_CHECK enum status torch_states_choose(size_t *chosen, const struct torch_states *states,
                                           const struct pickle *pickle, const char *key);

#endif
