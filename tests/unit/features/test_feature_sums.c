/* The bytes of features, held by a sum for each instruction set: a cache on disk outlives the program that filled it,
 * so kernels that begin to round differently must come with another FEATURE_FORMAT (core/features/feature_key.h).
 *
 * When this turns red and the change is meant: raise FEATURE_FORMAT and put in the sums that it prints.
 *
 * What is summed is what our own kernels make. With the plain set BLAS makes the 1x1 and some larger convolutions, and
 * its bytes depend on the library and on the processor that it takes itself to be on (OPENBLAS_CORETYPE); the key names
 * both, and here the network of 3x3 convolutions stands for that set. Parameters and pixels are whole numbers times a
 * power of two, so that no mathematical library has a part in them. How products and sums are contracted is the
 * compiler's choice, so a sum is that of a compiler, on x86-64; others are skipped. Of bfloat16 the sums of AVX-512 are
 * not known: it has them with and without AVX512_BF16, and the machine that made these had neither.
 */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/features/feature_key.h"
#include "core/net/freeze.h"
#include "core/net/exec.h"
#include "core/ops/cpu.h"
#include "models/resnet.h"
#include "tests/support/narrow.h"

/* 61 pixels: odd sides all the way down, so that the last tile of a map is never a full one. */
enum { PHOTOS = 3, SIZE = 61, CLASSES = 5, VALUES = SIZE * SIZE * 3, FORMAT = 6 };

static const char *const compilers[] = {"gcc 12", "clang 14"};
enum { COMPILERS = sizeof compilers / sizeof *compilers };

static const struct {
    const char *set, *net, *conv, *precision;
    uint64_t sums[COMPILERS];
} known[] = {
    {"plain", "windows", "fast", "f32", {0x6e9c9509b80be019, 0x6e9c9509b80be019}},
    {"avx2", "windows", "fast", "f32", {0x03069e434ff5868f, 0x2ac27f42d5800a18}},
    {"avx2", "windows", "exact", "f32", {0xf6c49fc06d23265a, 0xf6c49fc06d23265a}},
    {"avx2", "bottlenecks", "fast", "f32", {0x80227e7068a2e5b0, 0xc05508bced7cbd52}},
    {"avx2", "bottlenecks", "exact", "f32", {0xe7055c8581c56b90, 0xe7055c8581c56b90}},
    {"avx512", "windows", "fast", "f32", {0x1471509ca4167bca, 0x2ac27f42d5800a18}},
    {"avx512", "windows", "exact", "f32", {0xf6c49fc06d23265a, 0xf6c49fc06d23265a}},
    {"avx512", "bottlenecks", "fast", "f32", {0x325b18bcdcf6eab5, 0xc05508bced7cbd52}},
    {"avx512", "bottlenecks", "exact", "f32", {0xe7055c8581c56b90, 0xe7055c8581c56b90}},
    {"plain", "windows", "fast", "bf16", {0x8c94df1b15be8cff, 0x8c94df1b15be8cff}},
    {"plain", "windows", "exact", "bf16", {0xc7576043f8c846af, 0xc7576043f8c846af}},
    {"plain", "bottlenecks", "fast", "bf16", {0x2ce0a57223a1203e, 0x2ce0a57223a1203e}},
    {"plain", "bottlenecks", "exact", "bf16", {0x13c9cfcfd7974279, 0x13c9cfcfd7974279}},
    {"avx2", "windows", "fast", "bf16", {0xc2804c1d68a1fdcc, 0x0caae61260a1a6fc}},
    {"avx2", "windows", "exact", "bf16", {0x06aa4a7a4d44bb54, 0x06aa4a7a4d44bb54}},
    {"avx2", "bottlenecks", "fast", "bf16", {0x2ce0a57223a1203e, 0x2ce0a57223a1203e}},
    {"avx2", "bottlenecks", "exact", "bf16", {0xc07bcda0fd6df1fb, 0xc07bcda0fd6df1fb}},
    {"avx512", "windows", "fast", "bf16", {0x08320e3942956c42, 0xd47f52079bbecc47}},
    {"avx512", "windows", "exact", "bf16", {0x06aa4a7a4d44bb54, 0x06aa4a7a4d44bb54}},
    {"avx512", "bottlenecks", "fast", "bf16", {0x2ce0a57223a1203e, 0x2ce0a57223a1203e}},
    {"avx512", "bottlenecks", "exact", "bf16", {0xc07bcda0fd6df1fb, 0xc07bcda0fd6df1fb}},
    {"avx512bf16", "windows", "fast", "bf16", {0x1284b4644c44b158, 0x1284b4644c44b158}},
    {"avx512bf16", "windows", "exact", "bf16", {0x06aa4a7a4d44bb54, 0x06aa4a7a4d44bb54}},
    {"avx512bf16", "bottlenecks", "fast", "bf16", {0xdc26c22027564996, 0xdc26c22027564996}},
    {"avx512bf16", "bottlenecks", "exact", "bf16", {0xc07bcda0fd6df1fb, 0xc07bcda0fd6df1fb}},
    {"amx", "windows", "fast", "bf16", {0x9fd7063bb66c6416, 0x9fd7063bb66c6416}},
    {"amx", "windows", "exact", "bf16", {0x9fd7063bb66c6416, 0x9fd7063bb66c6416}},
    {"amx", "bottlenecks", "fast", "bf16", {0xc07bcda0fd6df1fb, 0xc07bcda0fd6df1fb}},
    {"amx", "bottlenecks", "exact", "bf16", {0xc07bcda0fd6df1fb, 0xc07bcda0fd6df1fb}},
};

static const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

/* ---- the networks ------------------------------------------------------------------------------------------------ */

static void fill(struct net *net)
{
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        bool positive = param->role == PARAM_BN_WEIGHT || param->role == PARAM_RUNNING_VAR;
        for (size_t j = 0; j < param->count; j++)
            param->data[j] = positive ? 0.5f + rng_float(&rng) : rng_float(&rng) / 2 - 0.25f;
    }
}

static int windows_unit(struct net *net, int x, const char *conv, const char *bn, size_t channels)
{
    return net_batchnorm(net, net_conv(net, x, conv, channels, 3, 1, 1), bn);
}

/* Nothing but 3x3 convolutions before the head: the kernel that needs BLAS with no instruction set. */
static struct net *windows_create(void)
{
    struct net *net;
    assert_int_equal(net_create(&net, "windows", NULL), OK);
    net_child(net, "stem");
    int x = net_relu(net, windows_unit(net, net_input(net, 3), "stem.conv", "stem.bn", 40));
    x = net_maxpool(net, x, 3, 2, 1);
    net_child(net, "block");
    int inner = net_relu(net, windows_unit(net, x, "block.conv1", "block.bn1", 72));
    x = net_relu(net, net_add(net, windows_unit(net, inner, "block.conv2", "block.bn2", 40), x));
    net_child(net, "avgpool");
    x = net_avgpool(net, x);
    net_child(net, "fc");
    net_linear(net, x, "fc", CLASSES);
    assert_int_equal(net_finish(net, NULL), OK);
    return net;
}

static struct net *bottlenecks_create(void)
{
    static const struct resnet_shape shape = {"tiny50", true, {2, 1, 1, 1}, 8};
    struct net *net;
    assert_int_equal(resnet_create_shape(&net, &shape, CLASSES, NULL), OK);
    return net;
}

/* ---- their features ---------------------------------------------------------------------------------------------- */

/* Whether BLAS makes some of the features. */
static bool by_blas(const struct plan *plan)
{
    for (size_t i = 0; i < plan->cut.steps; i++) {
        const struct conv_kernel *kernel = plan->steps[i].kernel;
        if (kernel && kernel->blas && kernel->blas(&plan->steps[i].shape, false))
            return true;
    }
    return false;
}

static size_t zeros_of(const void *features, size_t count, enum precision precision)
{
    const float *wide = features;
    const uint16_t *narrow = features;
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++)
        zeros += precision == PRECISION_F32 ? wide[i] == 0 : (narrow[i] & 0x7FFF) == 0;
    return zeros;
}

/* How features are computed. */
struct way {
    enum conv_engine engine;
    enum precision precision;
};

/* *sum goes on with the features before child `until` + 1. False where BLAS makes some. */
static bool add_features(uint64_t *sum, struct net *net, int until, struct way way, struct pool *pool)
{
    struct plan_options options = {.train = true,
                                   .batch = PHOTOS,
                                   .height = SIZE,
                                   .width = SIZE,
                                   .freeze = {until, BN_EVAL, BN_BATCH},
                                   .conv = way.engine,
                                   .precision = way.precision,
                                   .threads = pool_threads(pool)};
    struct plan *plan;
    struct exec *exec;
    freeze_apply(net, &options.freeze);
    assert_int_equal(plan_create(&plan, net, &options, NULL), OK);
    bool ours = !by_blas(plan);
    if (ours && plan->cut.steps > 0) { /* no cut lies before the ReLU that is fused with conv1 */
        uint8_t *pixels = malloc(PHOTOS * VALUES);
        struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
        for (size_t i = 0; i < PHOTOS * VALUES; i++)
            pixels[i] = (uint8_t)rng_below(&rng, 256);
        assert_int_equal(exec_create(&exec, plan, &normalise, pool, NULL, NULL), OK);
        exec_features(exec, pixels, PHOTOS);
        const void *features = exec_features_place(exec);
        size_t count = PHOTOS * plan->cut.values;
        assert_true(count > 0 && zeros_of(features, count, exec_features_precision(exec)) < count * 3 / 4);
        *sum = hash_bytes(features, count * precision_size(exec_features_precision(exec)), *sum).low;
        exec_destroy(exec);
        free(pixels);
    }
    plan_destroy(plan);
    return ours;
}

/* All cuts before the head. */
static bool features_sum(uint64_t *sum, struct net *net, struct way way)
{
    struct pool *pool;
    bool ours = true;
    assert_int_equal(pool_create(&pool, 2, NULL), OK);
    *sum = 0;
    for (int until = 1; ours && until < (int)net->children; until++)
        ours = add_features(sum, net, until, way, pool);
    pool_destroy(pool);
    return ours;
}

/* Sanitizers break up expressions, and with them what is contracted. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static const bool plain_build = true;
#else
static const bool plain_build = false;
#endif

/* ---- the test ---------------------------------------------------------------------------------------------------- */

/* The column of this compiler; COMPILERS where there is none. */
static size_t column_of_compiler(void)
{
    size_t column = 0;
    while (column < COMPILERS && strcmp(compilers[column], feature_compiler) != 0)
        column++;
    return column;
}

enum knowledge { SUM_RIGHT, SUM_WRONG, SUM_UNKNOWN };

/* Of a set with rows for the precision a sum that has none is wrong. */
static enum knowledge look_up(const char *set, const char *net, const char *conv, const char *precision, uint64_t sum)
{
    enum knowledge knowledge = SUM_UNKNOWN;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].set, set) != 0 || strcmp(known[i].precision, precision) != 0)
            continue;
        if (strcmp(known[i].net, net) == 0 && strcmp(known[i].conv, conv) == 0)
            return known[i].sums[column_of_compiler()] == sum ? SUM_RIGHT : SUM_WRONG;
        knowledge = SUM_WRONG;
    }
    return knowledge;
}

struct tally {
    size_t right, wrong;
};

static void check_sum(struct tally *tally, struct net *net, const char *name, struct way way)
{
    const char *set = cpu_set_name(cpu_set_get()), *conv = conv_engine_names[way.engine];
    const char *precision = precision_names[way.precision];
    if (way.precision == PRECISION_BF16 && cpu_multiplies_bf16())
        set = cpu_bf16_name(cpu_bf16());
    uint64_t sum;
    if (!features_sum(&sum, net, way)) {
        print_message("# skipped: %s, %s, --conv %s, %s: BLAS makes some of the features\n", set, name, conv,
                      precision);
        return;
    }
    enum knowledge knowledge = look_up(set, name, conv, precision, sum);
    tally->right += knowledge == SUM_RIGHT;
    tally->wrong += knowledge == SUM_WRONG;
    if (knowledge != SUM_RIGHT)
        print_message("%s{\"%s\", \"%s\", \"%s\", \"%s\", 0x%016llx}, %s\n",
                      knowledge == SUM_WRONG ? "    " : "# skipped, no sum is known: ", set, name, conv, precision,
                      (unsigned long long)sum, feature_compiler);
}

static void features_have_the_bytes_of_their_format(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct net *(*create)(void);
    } nets[] = {{"windows", windows_create}, {"bottlenecks", bottlenecks_create}};
    if (!plain_build || column_of_compiler() == COMPILERS) {
        print_message("# skipped: no sums are known of %s%s\n", feature_compiler,
                      plain_build ? "" : " on this processor or with a sanitizer");
        skip();
    }
    struct tally tally = {0};
    for (size_t n = 0; n < 2; n++) {
        struct net *net = nets[n].create();
        fill(net);
        for (int engine = 0; conv_engine_names[engine]; engine++)
            for (int precision = 0; precision < PRECISIONS; precision++)
                if (precision == PRECISION_F32 || engine != CONV_IM2COL)
                    check_sum(&tally, net, nets[n].name,
                              (struct way){(enum conv_engine)engine, (enum precision)precision});
        net_destroy(net);
    }
    if (tally.wrong)
        fail_msg("features have other bytes than FEATURE_FORMAT %d: raise it and put these sums in their place",
                 FORMAT);
    assert_true(tally.right > 0);
}

static void the_sums_are_those_of_the_format(void **state)
{
    (void)state;
    assert_int_equal(FORMAT, FEATURE_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_have_the_bytes_of_their_format),
        cmocka_unit_test(the_sums_are_those_of_the_format),
        cmocka_unit_test(narrow_test),
    };
    for (int set = (int)cpu_set_get() + 1; !getenv("FREEZETUNE_CPU") && set < CPU_SETS; set++)
        print_message("# skipped: %s: not of this processor\n", cpu_set_name((enum cpu_set)set));
    return cmocka_run_group_tests_name("feature sums", tests, NULL, NULL);
}
