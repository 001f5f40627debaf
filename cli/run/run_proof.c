/* The freeze proof of a run, at its end. */
#include <string.h>

#include "cli/run/run_setup.h"
#include "core/base/hash.h"
#include "core/net/init.h"
#include "weights/bind.h"

/* Is the file at that path still the one that was loaded? NULL where it is not, or cannot be read. */
static struct weight_file *open_original(const struct run_setup *t)
{
    struct weight_file *file = NULL;
    struct hash128 hash;
    char hex[33] = "";
    if (weight_file_open_choice(&file, t->weights, &t->values->choice, NULL) != OK)
        return NULL;
    if (weight_file_hash(&hash, file, NULL) == OK)
        hash_hex(hex, hash);
    if (strcmp(hex, t->weights_hash) == 0)
        return file;
    weight_file_close(file);
    return NULL;
}

/* With what was loaded, which the file cannot change any more; and with the file, if that is what it was. */
static enum status prove_loaded(struct run_proof *out, const struct run_setup *t, const struct freeze *freeze,
                                struct error *err)
{
    enum status status = weights_compare_loaded(&out->frozen, t->net, freeze, t->loaded, err);
    struct weight_file *file = status == OK ? open_original(t) : NULL;
    out->weights_changed = status == OK && !file;
    if (file) {
        struct frozen_proof proof;
        status = weights_compare_frozen(&proof, t->net, freeze, file, err);
        if (status == OK)
            out->frozen = proof;
        else if (weight_file_check(file, NULL) != OK) { /* it changes just now */
            out->weights_changed = true;
            status = OK;
        }
    }
    weight_file_close(file);
    return status;
}

/* There is no file that they came from. They are drawn again, in place: a second network would need as much memory once
 * more. */
static enum status prove_drawn(struct run_proof *out, const struct run_setup *t, const struct freeze *freeze,
                               const struct weight_file *best, struct error *err)
{
    net_init(t->net, (uint64_t)t->values->seed);
    return weights_compare_frozen(&out->frozen, t->net, freeze, best, err);
}

enum status run_prove(struct run_proof *out, const struct run_setup *setup, const char *best, struct error *err)
{
    const struct freeze *freeze = train_freeze(setup->train);
    struct weight_file *file = NULL;
    struct run_proof proof = {0};
    if (setup->file) /* the address space that it held all the time is needed now */
        weight_file_let_go(setup->file);
    enum status status = weight_file_open(&file, best, err);
    if (status == OK)
        status = weights_compare_frozen(&proof.frozen, setup->net, freeze, file, err);
    if (status == OK && !setup->file)
        status = prove_drawn(&proof, setup, freeze, file, err);
    weight_file_close(file);
    if (status == OK && setup->file)
        status = prove_loaded(&proof, setup, freeze, err);
    if (status == OK)
        *out = proof;
    return status;
}
