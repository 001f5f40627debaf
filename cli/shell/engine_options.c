#include "cli/shell/engine_options.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cli/shell/remark.h"
#include "core/base/cgroup.h"
#include "core/base/memory.h"
#include "core/base/processors.h"
#include "core/net/freeze.h"

const char *const exif_choices[] = {"apply", "ignore", NULL};
const char *const decode_choices[] = {[DECODE_EXACT] = "exact", [DECODE_FAST] = "fast", [DECODE_FAST + 1] = NULL};
const char *const bn_choices[] = {[BN_EVAL] = "eval", [BN_BATCH] = "batch", [BN_BATCH + 1] = NULL};

size_t engine_threads(const struct engine_options *engine)
{
    struct processors processors;
    if (engine->threads)
        return (size_t)engine->threads;
    processors_look(&processors);
    return processors.threads;
}

struct image_options engine_image_options(const struct engine_options *engine)
{
    return (struct image_options){.ignore_exif = engine->exif == EXIF_IGNORE};
}

/* A decoded photo can take many megabytes. The C library would keep them for the next one, in every thread, the more so
 * as it makes a thread's heap as large as the first request; the plan of memory that a person is shown would then not
 * hold. One heap is enough: a photo takes a handful of requests. */
static void return_large_blocks(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_ARENA_MAX, 1);
#endif
}

/* A control group does not refuse memory: it ends the program that uses more. So no block is asked for that cannot fit
 * beside the program itself. */
static void respect_memory_limit(void)
{
    const uint64_t program = 10 << 20;
    struct cgroup_limits limits;
    cgroup_limits_read(&limits, "");
    memory_ceiling_set(limits.memory > 2 * program ? limits.memory - program : limits.memory / 2);
}

enum status engine_check(const struct engine_options *engine, struct error *err)
{
    if (engine->precision == PRECISION_BF16 && engine->conv == CONV_IM2COL)
        return error_set(err, ERR_USAGE,
                         "--precision bf16 cannot be combined with --conv im2col, since BLAS computes in float32; use "
                         "--precision f32 or another --conv");
    return OK;
}

enum status engine_start(struct pool **pool, const struct engine_options *engine, struct error *err)
{
    if (engine->quiet)
        remarks_silence();
    return_large_blocks();
    respect_memory_limit();
    enum status status = engine_check(engine, err);
    return status == OK ? pool_create(pool, engine_threads(engine), err) : status;
}
