/* The options shared by all commands that compute, and the values made from them. */
#ifndef FREEZETUNE_ENGINE_OPTIONS_H
#define FREEZETUNE_ENGINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/shell/options.h"
#include "core/base/threads.h"
#include "core/data/image.h"

/* A member of the command's struct of values, named `engine`. */
struct engine_options {
    long long threads; /* 0: all processors */
    int conv;          /* CONV_ */
    int exif;          /* EXIF_ */
    int decode;        /* DECODE_ */
    bool quiet;
};

enum { CONV_FAST, CONV_EXACT };
enum { EXIF_APPLY, EXIF_IGNORE };
enum { DECODE_EXACT, DECODE_FAST };
extern const char *const conv_choices[];   /* "fast", "exact" */
extern const char *const exif_choices[];   /* "apply", "ignore" */
extern const char *const decode_choices[]; /* "exact", "fast" */
extern const char *const bn_choices[];     /* "eval", "batch": by enum bn_mode */

#define ENGINE_ROW_THREADS(type)                                                                                       \
    OPTION_ROW_NUMBER("Engine", "threads", "N", OPTION_INT, type, engine.threads, NULL, "all processors", 1,           \
                      POOL_THREADS_MOST, "use N threads; results are the same with any number")
#define ENGINE_ROW_CONV(type)                                                                                          \
    OPTION_ROW_CHOICE("Engine", "conv", conv_choices, type, engine.conv, "fast",                                       \
                      "exact: compute convolutions by their definition, without methods that save multiplications")
#define ENGINE_ROW_EXIF(type)                                                                                          \
    OPTION_ROW_CHOICE("Photos", "exif", exif_choices, type, engine.exif, "apply",                                      \
                      "ignore: leave photos as they are stored, as torchvision does")
#define ENGINE_ROW_DECODE(type)                                                                                        \
    OPTION_ROW_CHOICE("Photos", "decode", decode_choices, type, engine.decode, "exact",                                \
                      "fast: decode large JPEG photos at 1/2, 1/4 or 1/8, never below twice the needed size")
#define ENGINE_ROW_QUIET(type)                                                                                         \
    OPTION_ROW_FLAG("Output", "quiet", type, engine.quiet, "print no progress, remarks or warnings")

size_t engine_threads(const struct engine_options *engine);
struct image_options engine_image_options(const struct engine_options *engine);

/* Silences remarks if asked to, and makes the pool. ERR_SYSTEM when the system refuses. */
MUST_CHECK enum status engine_start(struct pool **pool, const struct engine_options *engine, struct error *err);

#endif
