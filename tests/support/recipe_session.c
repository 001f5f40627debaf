#include "tests/support/recipe_session.h"

#include "core/base/rng.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "tests/support/test.h"

static uint8_t pixels[PHOTOS * FLOATS];
static const int32_t labels[PHOTOS] = {0, 2, 1, 1, 0, 2, 2};
static const uint32_t numbers[PHOTOS];
const struct photo_batch session_batch = {.count = PHOTOS, .pixels = pixels, .labels = labels, .photos = numbers};

const struct recipe_options recipe_whole = {
    .label_smoothing = 0.1, .class_weight_power = 0.7, .mixup = 0.8, .cutmix = 1, .clip_norm = 0.5, .ema = 0.7};

int recipe_session_setup(void **state)
{
    (void)state;
    struct rng rng = rng_stream(31, RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++) { /* noise around a brightness of each photo's own */
        uint32_t photo = (uint32_t)(i / FLOATS);
        pixels[i] = (uint8_t)(photo * 20 + rng_below(&rng, 120));
    }
    return 0;
}

struct train_options session_options(enum bn_mode trained, struct recipe_options recipe)
{
    return (struct train_options){.seed = 5,
                                  .optimizer = optimizer_defaults(OPTIMIZER_SGD),
                                  .schedule = {.lr = 0.05, .epochs = 5, .step_epochs = 1},
                                  .freeze = {.until = 6, .bn_trained = trained},
                                  .recipe = recipe,
                                  .loader = {.threads = 1, .batch = PHOTOS, .preprocess = preprocess_for_size(SIDE)},
                                  .usable = LIST};
}

enum status create_session(struct session *s, const struct train_options *options, size_t threads, struct error *err)
{
    static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 4};
    static char *classes[] = {"a", "b", "c"};
    *s = (struct session){0};
    for (size_t i = 0; i < LIST; i++) /* 12, 6 and 3 photos */
        s->photos[i].class = i < 12 ? 0 : i < 18 ? 1 : 2;
    s->dataset = (struct dataset){.classes = {classes, CLASSES},
                                  .train = {.root = "nowhere", .names = "x", .photos = s->photos, .count = LIST},
                                  .val = {.root = "nowhere", .names = "x", .photos = s->photos, .count = 2}};
    assert_int_equal(pool_create(&s->pool, threads, err), OK);
    assert_int_equal(resnet_create_shape(&s->net, &shape, CLASSES, err), OK);
    net_init(s->net, 9);
    return train_create(&s->train, s->net, &s->dataset, options, s->pool, err);
}

void open_session(struct session *s, const struct train_options *options, size_t threads)
{
    struct error err = {0};
    if (create_session(s, options, threads, &err) != OK || train_prepare(s->train, &err) != OK)
        fail_msg("%s", err.text);
}

void close_session(struct session *s)
{
    train_destroy(s->train);
    net_destroy(s->net);
    pool_destroy(s->pool);
}

struct step_result session_step(struct session *s)
{
    struct step_result result;
    struct error err = {0};
    if (train_step(s->train, &session_batch, PHOTOS, &result, &err) != OK)
        fail_msg("%s", err.text);
    s->train->state.batch++;
    return result;
}
