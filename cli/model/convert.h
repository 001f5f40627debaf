/* What convert writes tensor by tensor: the list of tensors and texts, the file, and the folder of another library. For
 * cmd_convert.c. */
#ifndef FREEZETUNE_CONVERT_H
#define FREEZETUNE_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/model_file.h"
#include "core/base/error.h"
#include "weights/recognise.h"
#include "weights/weight_file.h"

enum convert_format { CONVERT_SAFETENSORS, CONVERT_PTH, CONVERT_ONNX, CONVERT_HUGGING_FACE, CONVERT_TIMM };

/* What the file says of itself, in its new form: the entries that predict reads (model_file.h), rewritten when the file
 * holds a ResNet, then all others but freezetune's own, of which the calibration stays. Texts are borrowed from
 * `file`. */
struct convert_texts {
    struct weight_metadata *entries;
    size_t count;
    char *text; /* owns the rewritten values */
};

/* arch is NULL for what is no ResNet; info is then not looked at. Classes that nobody has named are not written: "0",
 * "1", ... would be names from then on, and training would take the head for one of other classes. Free with
 * convert_texts_free. */
MUST_CHECK enum status convert_texts_make(struct convert_texts *out, const struct weight_file *file, const char *arch,
                                          const struct model_info *info, struct error *err);
void convert_texts_free(struct convert_texts *texts);

struct convert_rules {
    enum convert_format format; /* not CONVERT_ONNX; CONVERT_PTH, or a safetensors file for all others */
    bool cast;                  /* float tensors become `dtype`; otherwise all stay as they are */
    enum weight_dtype dtype;
    bool hugging_face;  /* names as Hugging Face has them; otherwise as they are */
    bool counters;      /* a BatchNorm without num_batches_tracked gets one that is 0, as PyTorch reads such a file */
    const char *ignore; /* tensors whose names begin with this are left out; NULL: none */
};

struct convert_result {
    size_t tensors, bytes; /* written */
    size_t ignored;        /* tensors left out */
    const char *dtype;     /* of all float tensors, as PyTorch names it; NULL when they differ */
};

/* Writes the tensors of the file, in its order. Errors as safetensors_write, pth_create and weight_cast; ERR_DATA for a
 * name that Hugging Face has no other for. */
MUST_CHECK enum status convert_tensors(struct convert_result *out, const char *path, const struct weight_file *file,
                                       const struct convert_rules *rules, const struct convert_texts *texts,
                                       struct error *err);

/* The network of the file, which is a ResNet of that architecture, as a folder that transformers or timm opens: its
 * tensors, which must be all there and fit, and what model_export.h writes. The folder appears whole or not at all.
 * Sets what is missing in the rules. Errors as outfolder_open, convert_tensors and weights_load. */
MUST_CHECK enum status convert_folder(struct convert_result *out, const char *path, const struct weight_file *file,
                                      const struct recognised *found, const struct model_info *info,
                                      const struct convert_rules *rules, const struct convert_texts *texts,
                                      struct error *err);

#endif
