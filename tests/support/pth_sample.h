/* .pth files made byte by byte: pickles opcode by opcode, zip files with every field's place known, and the legacy
 * format around a pickle. Nothing here checks what it writes. */
#ifndef FREEZETUNE_PTH_SAMPLE_H
#define FREEZETUNE_PTH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

/* ---- pickles ---- */
void pickle_op(struct bytes *out, uint8_t opcode);
void pickle_text(struct bytes *out, const char *text);                       /* BINUNICODE */
void pickle_int(struct bytes *out, int64_t value);                           /* LONG1 of 8 bytes */
void pickle_global(struct bytes *out, const char *module, const char *name); /* GLOBAL */
void pickle_start(struct bytes *out);                                        /* PROTO 2, EMPTY_DICT, MARK */
void pickle_stop(struct bytes *out);                                         /* SETITEMS, STOP */

/* A tensor: _rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict()). */
struct tensor_sample {
    const char *storage_type, *key;
    int64_t storage_values, offset;
    size_t rank;
    int64_t shape[10], strides[10];
};
void pickle_tensor(struct bytes *out, const struct tensor_sample *tensor, bool legacy);

/* ---- zip files ---- */
struct zip_part {
    const char *name;
    const void *data;
    size_t size;
};
enum zip_style {
    ZIP_PLAIN = 0,
    ZIP_WITH_DESCRIPTORS = 1,  /* as torch.save does */
    ZIP_WITH_ENDING64 = 2,     /* as torch.save does */
    ZIP_WITH_WIDE_ENTRIES = 4, /* sizes and places in zip64 fields though they would fit */
    ZIP_WITH_UNPACKED_WIDE = 8 /* the packed size in a local zip64 field is 0, as torch.save has it beyond 4 GiB */
};
enum { ZIP_SAMPLE_PARTS = 16 };
/* Where in the file each record begins. */
struct zip_places {
    size_t count, local[ZIP_SAMPLE_PARTS], data[ZIP_SAMPLE_PARTS], descriptor[ZIP_SAMPLE_PARTS];
    size_t central[ZIP_SAMPLE_PARTS], ending64, locator, ending;
};
void zip_sample(struct bytes *out, struct zip_places *places, const struct zip_part *parts, size_t count, int style);

/* A whole .pth file around a pickle: with one storage "0" of `values` float32 counting 0, 1, 2, ... */
void pth_zip(struct bytes *out, struct zip_places *places, const struct bytes *pickle, size_t values, int style);
void pth_legacy(struct bytes *out, const struct bytes *pickle, size_t values);

/* A state dict of one tensor, "w" of 2 x 3 values, and the zip file around it. */
void pth_good_pickle(struct bytes *out);
void pth_good_zip(struct bytes *out, struct zip_places *places, int style);

#endif
