/* What the features of a photo depend on, as hashes, so that kept features are found again by those who would compute
 * the same numbers, and by nobody else.
 *
 *   key           the network up to the cut: architecture, place of the cut, every weight and running statistic
 *                 before it; how photos become pixels: resize and its mode, crop, mean, deviation, EXIF rule, JPEG
 *                 decoder; how values are rounded: --conv, --precision, instruction set, compiler, BLAS where it is
 *                 used; the program's version
 *   feature_id    the photo's content; the view and, unless that is the plain one, what it was drawn from
 */
#ifndef FREEZETUNE_FEATURE_KEY_H
#define FREEZETUNE_FEATURE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/threads.h"
#include "core/data/folder.h"
#include "core/data/image.h"
#include "core/data/photo_view.h"
#include "core/data/preprocess.h"
#include "core/features/feature_store.h"
#include "core/net/net.h"
#include "core/ops/conv.h"
#include "core/ops/precision.h"

/* Goes up when kernels or preprocessing begin to round differently without a new version of the program:
 * tests/unit/features/test_feature_sums.c holds the bytes of each instruction set. */
enum { FEATURE_FORMAT = 6 };

/* "gcc 12": who compiled the kernels. Which products and sums become one (FMA) is the compiler's choice: gcc 12 and
 * clang 14 choose differently in Winograd's transformations, and their features differ in the last bits. */
extern const char feature_compiler[];

/* A hash of each parameter: name, shape, values in PyTorch's layout. out[params_count] is owned by the caller
 * (memory_free). ERR_SYSTEM without memory. */
MUST_CHECK enum status param_hashes(struct hash128 **out, const struct net *net, struct error *err);

/* All but the weights. */
struct feature_ground {
    struct preprocess preprocess;
    struct image_options image;
    bool fast; /* --decode fast */
    enum conv_engine conv;
    enum precision precision;
};

/* The key of the features at a cut (operators before it). `params` are the net's param_hashes. */
struct hash128 feature_key(const struct net *net, size_t cut, const struct hash128 *params,
                           const struct feature_ground *ground);

/* The name of the child that a cut (1 or more operators) lies behind or in: "layer2". */
const char *feature_cut_name(const struct net *net, size_t cut);

/* The content hash of one photo's file. {0, 0} when it cannot be read: nothing can be kept of it. */
struct hash128 photo_hash(const struct photo_list *list, size_t photo);
bool photo_hash_known(struct hash128 hash);

/* Of all photos of a list, by the pool; out[count] is owned by the caller (memory_free). ERR_SYSTEM without memory. */
MUST_CHECK enum status photo_hashes(struct hash128 **out, const struct photo_list *list, struct pool *pool,
                                    struct error *err);

/* What a view is drawn from, but for its number and the photo's. */
uint64_t feature_draw(uint64_t seed, const struct augment_extras *extras);

/* The id of a view of photo number `photo` of this content; `draw` is a feature_draw. */
struct feature_id feature_id_of(struct hash128 content, struct photo_view view, uint64_t draw, uint32_t photo);

#endif
