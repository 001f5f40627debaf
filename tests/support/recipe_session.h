/* A run over photos that need not exist, one step at a time: for the tests of recipes. */
#ifndef FREEZETUNE_TESTS_RECIPE_SESSION_H
#define FREEZETUNE_TESTS_RECIPE_SESSION_H

#include "core/train/train_private.h"

enum { PHOTOS = 7, CLASSES = 3, SIDE = 34, FLOATS = SIDE * SIDE * 3, LIST = 21 };

/* The batch of every step, after recipe_session_setup. */
extern const struct photo_batch session_batch;
/* Everything that a recipe has, but pieces. */
extern const struct recipe_options recipe_whole;

struct session {
    struct net *net;
    struct pool *pool;
    struct photo photos[LIST];
    struct dataset dataset;
    struct train *train;
};

/* A cmocka setup: fills the pixels. */
int recipe_session_setup(void **state);

struct train_options session_options(enum bn_mode trained, struct recipe_options recipe);
/* train_create alone; close_session afterwards whatever it returned. */
enum status create_session(struct session *s, const struct train_options *options, size_t threads, struct error *err);
void open_session(struct session *s, const struct train_options *options, size_t threads);
void close_session(struct session *s);
struct step_result session_step(struct session *s);

#endif
