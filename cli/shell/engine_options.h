/* The options shared by all commands that compute, and the values made from them. */
#ifndef FREEZETUNE_ENGINE_OPTIONS_H
#define FREEZETUNE_ENGINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/shell/options.h"
#include "core/base/threads.h"
#include "core/data/image.h"
#include "core/ops/conv.h"
#include "core/ops/precision.h"

/* A member of the command's struct of values, named `engine`. */
struct engine_options {
    long long threads; /* 0: as many as processors_look allows */
    int conv;          /* enum conv_engine */
    int precision;     /* enum precision */
    int exif;          /* EXIF_ */
    int decode;        /* DECODE_ */
    bool quiet;
};

enum { EXIF_APPLY, EXIF_IGNORE };
enum { DECODE_EXACT, DECODE_FAST };
extern const char *const exif_choices[];   /* "apply", "ignore" */
extern const char *const decode_choices[]; /* "exact", "fast" */
extern const char *const bn_choices[];     /* "eval", "batch": by enum bn_mode */

#define ENGINE_ROW_THREADS(type)                                                                                       \
    OPTION_ROW("Engine", OPTION_INT, "threads", type, engine.threads, .placeholder = "N", .shown = "all allowed",      \
               .low = 1, .high = POOL_THREADS_MOST,                                                                    \
               .help =                                                                                                 \
                   "use N threads; results are the same with any number (all allowed: the least of the processors, "   \
                   "the CPU quota of the control groups and SLURM_CPUS_PER_TASK)")
#define ENGINE_ROW_CONV(type)                                                                                          \
    OPTION_ROW("Engine", OPTION_CHOICE, "conv", type, engine.conv, .choices = conv_engine_names, .initial = "fast",    \
               .help =                                                                                                 \
                   "fast: own kernels, with Winograd's method for 3x3; exact: own kernels, without methods that save " \
                   "multiplications; im2col: windows copied side by side and multiplied by OpenBLAS, the textbook's "  \
                   "loop")
#define ENGINE_ROW_PRECISION(type)                                                                                     \
    OPTION_ROW("Engine", OPTION_CHOICE, "precision", type, engine.precision, .choices = precision_names,               \
               .initial = "f32",                                                                                       \
               .help = "bf16: keep the maps between the layers as bfloat16, in half the memory; sums and all weights " \
                       "stay float32")
#define ENGINE_ROW_EXIF(type)                                                                                          \
    OPTION_ROW("Photos", OPTION_CHOICE, "exif", type, engine.exif, .choices = exif_choices, .initial = "apply",        \
               .help = "ignore: leave photos as they are stored, as torchvision does")
#define ENGINE_ROW_DECODE(type)                                                                                        \
    OPTION_ROW("Photos", OPTION_CHOICE, "decode", type, engine.decode, .choices = decode_choices, .initial = "exact",  \
               .help = "fast: decode large JPEG photos at 1/2, 1/4 or 1/8, never below twice the needed size")
#define ENGINE_ROW_QUIET(type)                                                                                         \
    OPTION_ROW("Output", OPTION_FLAG, "quiet", type, engine.quiet, .help = "print no progress, remarks or warnings")

size_t engine_threads(const struct engine_options *engine);
struct image_options engine_image_options(const struct engine_options *engine);

/* ERR_USAGE for a precision that the engine of --conv does not have. */
MUST_CHECK enum status engine_check(const struct engine_options *engine, struct error *err);

/* Silences remarks if asked to, and makes the pool. Errors of engine_check; ERR_SYSTEM when the
 * system refuses. */
MUST_CHECK enum status engine_start(struct pool **pool, const struct engine_options *engine, struct error *err);

#endif
