/* Between weight files and the parameters of a network: loading and saving.
 *
 * Names and shapes are PyTorch's on the file's side ("layer3.0.conv2.weight", OIHW) and the network's on the other;
 * what lies in memory differently is turned row by row, so no tensor is held twice.
 */
#ifndef FREEZETUNE_BIND_H
#define FREEZETUNE_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/net.h"
#include "weights/safetensors/safetensors.h"
#include "weights/weight_file.h"

struct weights_rules {
    bool new_head; /* the last linear layer may be missing, or have another number of outputs in the file: it is then
                      re-initialised */
    uint64_t seed; /* for that draw (init.h) */
    const char *ignore; /* tensors whose names begin with this belong to something else ("optimizer."), or NULL */
};

struct weights_loaded {
    size_t tensors, values; /* read from the file, counts of batches included */
    bool head_drawn;        /* by new_head */
    size_t file_classes;    /* outputs of the file's last linear layer; 0 when it has none */
};

/* OVERWRITES every parameter of the net with the file's, values of any float type as float32. Every tensor must be
 * there with its exact shape, but for num_batches_tracked (0 when missing), and the file may hold no others. ERR_DATA
 * names the tensor with the found and the wanted shape, or the place of a NaN, an infinity or a negative running_var,
 * or a convolution or running_var of zeros alone; ERR_IO when the file was cut or written to meanwhile; the net's
 * values are then unspecified. `out` may be NULL. */
MUST_CHECK enum status weights_load(struct net *net, const struct weight_file *file, const struct weights_rules *rules,
                                    struct weights_loaded *out, struct error *err);

/* out[0..params_count-1] = the net's parameters as tensors of a file, in the order of PyTorch's state_dict. Names are
 * borrowed from the net; data is NULL (weights_append delivers it). */
void weights_describe(struct weight_tensor *out, const struct net *net);

/* Appends the data of all parameters, in that order, to a file whose header lists them. */
MUST_CHECK enum status weights_append(struct safetensors_writer *writer, const struct net *net, struct error *err);
/* The same for one float buffer that is laid out like the parameter: a momentum. */
MUST_CHECK enum status weights_append_buffer(struct safetensors_writer *writer, const struct param *param,
                                             const float *buffer, struct error *err);
/* And back: OVERWRITES buffer[param->count] with a tensor of the parameter's shape; ERR_DATA for another shape, another
 * type than a float one, or values that are not finite. */
MUST_CHECK enum status weights_read_buffer(float *buffer, const struct param *param, const struct weight_tensor *tensor,
                                           const struct weight_file *file, struct error *err);

/* A file with the net's parameters alone. Errors as safetensors_write. */
MUST_CHECK enum status weights_save(const char *path, const struct net *net, const struct weight_metadata *metadata,
                                    size_t metadata_count, struct error *err);

#endif
