#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/record_checkpoint.h"
#include "core/base/memory.h"
#include "core/net/init.h"
#include "core/train/checkpoint.h"
#include "core/train/train_private.h"
#include "tests/support/test_files.h"
#include "tests/support/train_sample.h"

static void open_fixture(struct train_sample *f, enum optimizer_kind kind, double momentum, char letter)
{
    struct error err = {0};
    if (train_sample_open(f, kind, momentum, letter, &err) != OK)
        fail_msg("%s", err.text);
}

/* Owned by the caller (memory_free). */
static char *take_text(const struct train_sample *f)
{
    struct error err = {0};
    char *text = NULL;
    if (checkpoint_text(&text, f->train, &err) != OK)
        fail_msg("%s", err.text);
    return text;
}

static void restore(struct train_sample *f, const char *text)
{
    struct error err = {0};
    if (checkpoint_restore(f->train, text, "here", &err) != OK)
        fail_msg("%s", err.text);
}

/* Within the fourth epoch, behind its second batch. */
static const struct train_state midway = {
    .epoch = 3, .position = 9, .batch = 2, .step = 11, .steps_per_epoch = 3, .left_out = 1, .count = 8, .top1 = 5};

static void the_state_comes_back_exactly(void **state)
{
    (void)state;
    struct train_sample a, b;
    struct error err;
    open_fixture(&a, OPTIMIZER_SGD, 0.9, 't');
    struct train_state *saved = &a.train->state;
    *saved = midway;
    saved->loss_sum = 0.1 + 0.2;
    saved->has_best = true;
    saved->best_epoch = 1;
    saved->best_accuracy = 1.0 / 3;
    saved->best_loss = 1e-300;
    saved->seconds = 12.1;
    assert_int_equal(train_mark_bad(a.train, false, 7, "truncated: the JPEG", &err), OK);
    assert_int_equal(train_mark_bad(a.train, true, 2, "an \"odd\"\n\xff reason", &err), OK);
    char *text = take_text(&a);
    open_fixture(&b, OPTIMIZER_SGD, 0.9, 't');
    restore(&b, text);
    char *again = take_text(&b);
    assert_string_equal(strstr(text, "\"epoch\""), strstr(again, "\"epoch\""));
    assert_memory_equal(&a.train->state, &b.train->state, sizeof a.train->state);
    /* Versions before did not write it: it is then 0. */
    char *older = strstr(again, ",\"seconds\":");
    assert_non_null(older);
    size_t length = 1 + strcspn(older + 1, ",");
    memmove(older, older + length, strlen(older + length) + 1);
    restore(&b, again);
    assert_true(b.train->state.seconds == 0);
    assert_int_equal(train_bad_count(b.train, false), 1);
    assert_int_equal(train_skipped_get(b.train, false, 0).photo, 7);
    assert_string_equal(train_skipped_get(b.train, false, 0).reason, "truncated: the JPEG");
    assert_int_equal(train_skipped_get(b.train, true, 0).photo, 2);
    memory_free(text);
    memory_free(again);
    train_sample_close(&a);
    train_sample_close(&b);
}

/* So are the photos that were away, and what could not be compared; without such the text has none of it. */
static void trouble_comes_back(void **state)
{
    (void)state;
    struct train_sample a, b;
    struct error err;
    bool again;
    char *text = NULL, *later = NULL;
    open_fixture(&a, OPTIMIZER_SGD, 0, 't');
    a.train->state.has_best = true;
    a.train->state.best_photos = 4;
    text = take_text(&a);
    assert_null(strstr(text, "away"));
    assert_null(strstr(text, "uncompared"));
    assert_null(strstr(text, "best_photos"));
    memory_free(text);
    assert_int_equal(absence_note(&a.train->absence[0], 9, 1, "elsewhere", &again, &err), OK);
    assert_false(again);
    assert_int_equal(absence_note(&a.train->absence[0], 9, 3, "gone", &again, &err), OK);
    assert_false(again);
    assert_int_equal(absence_note(&a.train->absence[0], 9, 3, "gone", &again, &err), OK);
    assert_int_equal(absence_note(&a.train->absence[0], 3, 3, "gone", &again, &err), OK);
    assert_int_equal(absence_note(&a.train->absence[1], 2, 2, "an \"odd\" one", &again, &err), OK);
    a.train->state = (struct train_state){.epoch = 3,
                                          .position = 9,
                                          .batch = 2,
                                          .step = 2,
                                          .steps_per_epoch = 3,
                                          .uncompared = 2,
                                          .uncompared_lately = 1,
                                          .has_best = true,
                                          .best_uncompared = true,
                                          .best_photos = 3,
                                          .best_right = 2,
                                          .best_accuracy = 2.0 / 3};
    text = take_text(&a);
    open_fixture(&b, OPTIMIZER_SGD, 0, 't');
    restore(&b, text);
    assert_memory_equal(&a.train->state, &b.train->state, sizeof a.train->state);
    later = take_text(&b);
    assert_string_equal(strstr(text, "\"epoch\""), strstr(later, "\"epoch\""));
    assert_int_equal(absence_in(&b.train->absence[0], 3), 2);
    assert_int_equal(absence_in(&b.train->absence[0], 2), 0);
    assert_int_equal(absence_in(&b.train->absence[1], 2), 1);
    assert_false(absence_takes_class(&b.train->absence[0], 9));
    for (uint32_t photo = 1; photo < 9; photo += 2) /* the rest of its class */
        assert_int_equal(absence_note(&b.train->absence[0], photo, 3, "gone", &again, &err), OK);
    assert_true(absence_takes_class(&b.train->absence[0], 9));
    assert_false(absence_takes_class(&b.train->absence[0], 0));
    memory_free(text);
    memory_free(later);
    train_sample_close(&a);
    train_sample_close(&b);
}

/* The loader finds none of the photos. They are no bad ones when the run goes on: they may be back. */
static void photos_that_are_away_are_not_kept_as_bad(void **state)
{
    (void)state;
    static const uint32_t order[] = {0, 1, 2, 3};
    struct train_sample f;
    struct error err = {0};
    const struct photo_batch *batch;
    char *text = NULL;
    open_fixture(&f, OPTIMIZER_SGD, 0, 't');
    assert_int_equal(train_mark_bad(f.train, false, 7, "truncated", &err), OK);
    loader_start(f.train->loader, order, 4, 0, 0, AUGMENT_NONE);
    do {
        assert_int_equal(loader_next(f.train->loader, &batch, &err), OK);
    } while (batch);
    assert_int_equal(train_skipped_count(f.train, false), 5);
    text = take_text(&f);
    assert_non_null(strstr(text, "\"bad\":[{\"list\":\"train\",\"photo\":7,\"reason\":\"truncated\"}]"));
    memory_free(text);
    train_sample_close(&f);
}

static void other_photos_are_refused(void **state)
{
    (void)state;
    struct train_sample a, b;
    struct error err;
    open_fixture(&a, OPTIMIZER_SGD, 0, 't');
    open_fixture(&b, OPTIMIZER_SGD, 0, 'u');
    char *text = take_text(&a);
    assert_int_equal(checkpoint_restore(b.train, text, "here", &err), ERR_DATA);
    assert_non_null(strstr(err.text, "photos have changed"));
    restore(&a, text);
    /* A photo of another class, in either list. */
    for (int val = 0; val < 2; val++) {
        struct photo *photo = val ? &a.val_photos[3] : &a.train_photos[0];
        photo->class ^= 1;
        assert_int_equal(checkpoint_restore(a.train, text, "here", &err), ERR_DATA);
        photo->class ^= 1;
    }
    /* The first photo to validate is trained on instead: all names and their order stay. */
    struct dataset *moved = &a.dataset;
    struct photo_list train = moved->train, val = moved->val;
    char names[128], one[33], other[33];
    struct photo photos[11];
    checkpoint_photos(one, moved);
    size_t length = 10 * 3;
    memcpy(names, train.names, length);
    memcpy(names + length, val.names, 3);
    memcpy(photos, train.photos, sizeof train.photos[0] * 10);
    photos[10] = (struct photo){.name = length, .class = val.photos[0].class};
    moved->train = (struct photo_list){.root = "nowhere", .names = names, .photos = photos, .count = 11};
    moved->val.photos++;
    moved->val.count--;
    checkpoint_photos(other, moved);
    assert_string_not_equal(one, other);
    moved->train = train;
    moved->val = val;
    memory_free(text);
    train_sample_close(&a);
    train_sample_close(&b);
}

/* Each replacement makes the text wrong. */
static void what_is_no_state_is_refused(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"\"format\":1", "\"format\":2"},
        {"\"format\":1", "\"format\":\"1\""},
        {"\"epoch\":0", "\"epoch\":6"},
        {"\"epoch\":0", "\"epoch\":-1"},
        {"\"epoch\":0", "\"epoch\":0.5"},
        {"\"epoch\":0", "\"epoch\":1e99"},
        {"\"epoch\":0", "\"epoch\":null"},
        {"\"epoch\":0", "\"apoch\":0"},
        {"\"position\":0", "\"position\":11"},
        {"\"steps_per_epoch\":3", "\"steps_per_epoch\":0"},
        {"\"loss_sum\":\"0x0p+0\"", "\"loss_sum\":\"nan\""},
        {"\"loss_sum\":\"0x0p+0\"", "\"loss_sum\":\"inf\""},
        {"\"loss_sum\":\"0x0p+0\"", "\"loss_sum\":\"0x1p+9999\""},
        {"\"loss_sum\":\"0x0p+0\"", "\"loss_sum\":\"0x0p+0 \""},
        {"\"loss_sum\":\"0x0p+0\"", "\"loss_sum\":0"},
        {"\"has_best\":false", "\"has_best\":0"},
        {"\"best_accuracy\":\"0x0p+0\"", "\"best_accuracy\":\"0x1.1p+0\""},
        {"\"best_accuracy\":\"0x0p+0\"", "\"best_accuracy\":\"-0x1p-9\""},
        {"\"step\":0", "\"step\":18446744073709551616"},
        {"\"bad\":[]", "\"bad\":[{\"list\":\"train\",\"photo\":10,\"reason\":\"x\"}]"},
        {"\"bad\":[]", "\"bad\":[{\"list\":\"val\",\"photo\":4,\"reason\":\"x\"}]"},
        {"\"bad\":[]", "\"bad\":[{\"list\":\"train\",\"photo\":1}]"},
        {"\"bad\":[]", "\"bad\":[7]"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[10,1,0,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,0,0,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,1,5,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,2,0,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]", /* an epoch that is not yet there */
         "\"bad\":[],\"away\":{\"train\":[1,1,1,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,1,0,1],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1.5,1,0,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,1,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]",
         "\"bad\":[],\"away\":{\"train\":[1,1,0,0,1,1,0,0],\"train_reasons\":[\"x\"],\"val\":[],\"val_reasons\":[]}"},
        {"\"bad\":[]", "\"bad\":[],\"away\":{\"train\":[],\"train_reasons\":[\"x\"]}"},
        {"\"bad\":[]", "\"bad\":[],\"away\":7"},
        {"\"bad\":[]", "\"bad\":[],\"best_right\":1"}, /* of no photos, and of no best epoch */
        {"\"bad\":[]", "\"bad\":[],\"best_photos\":3,\"best_right\":0"},
        {"\"bad\":[]", "\"bad\":[],\"best_photos\":5"},
        {"\"bad\":[]", "\"bad\":[],\"uncompared\":-1"},
        {"{", "["},
        {"\"best_epoch\":0", "\"best_epoch\":1"},
        {"\"bad\":[]", "\"bad\":[{\"list\":\"train\",\"photo\":1,\"reason\":\"a\\u0000b\"}]"},
        {"\"bad\":[]}", "\"bad\":[]} 7"},
        {"\"bad\":[]", "\"bad\":[{\"list\":\"train\",\"photo\":1,\"reason\":\"\xff\"}]"},
    };
    struct train_sample f;
    struct error err;
    open_fixture(&f, OPTIMIZER_SGD, 0, 't');
    char *text = take_text(&f);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char broken[4096];
        const char *at = strstr(text, changes[i][0]);
        assert_non_null(at);
        snprintf(broken, sizeof broken, "%.*s%s%s", (int)(at - text), text, changes[i][1], at + strlen(changes[i][0]));
        if (checkpoint_restore(f.train, broken, "here", &err) != ERR_DATA)
            fail_msg("accepted: %s", broken);
        assert_memory_equal(err.text, "here: ", 6);
    }
    assert_int_equal(checkpoint_restore(f.train, "", "here", &err), ERR_DATA);
    memory_free(text);
    train_sample_close(&f);
}

/* Each number is in its range, and no run comes to all of them together. */
static void a_state_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    struct train_state right = midway;
    right.uncompared = 2;
    right.uncompared_lately = 1;
    right.has_best = true;
    right.best_epoch = 2;
    right.best_photos = 3;
    right.best_right = 1;
    right.best_accuracy = 1.0 / 3;
    struct train_state wrong[] = {right, right, right, right, right, right, right, right, right, right};
    static const char *const keys[] = {
        NULL,         "batch",      "step",      "count", "top1", "uncompared", "uncompared_lately",
        "best_epoch", "best_right", "best_right"};
    wrong[1].batch = 10;
    wrong[2].step = 1;
    wrong[3].left_out = 2;
    wrong[4].top1 = 9;
    wrong[5].uncompared = 4;
    wrong[6].uncompared_lately = 3;
    wrong[7].best_epoch = 3;
    wrong[8].best_right = 4;
    wrong[9].best_accuracy = 2.0 / 3;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct train_sample a, b;
        struct error err = {0};
        bool again;
        char *text = NULL, key[64];
        open_fixture(&a, OPTIMIZER_SGD, 0, 't');
        assert_int_equal(absence_note(&a.train->absence[0], 3, 1, "gone", &again, &err), OK);
        a.train->state = wrong[i];
        text = take_text(&a);
        open_fixture(&b, OPTIMIZER_SGD, 0, 't');
        snprintf(key, sizeof key, "'%s'", keys[i] ? keys[i] : "");
        assert_int_equal(checkpoint_restore(b.train, text, "here", &err), keys[i] ? ERR_DATA : OK);
        if (keys[i] && !strstr(err.text, key))
            fail_msg("%s: %s", key, err.text);
        memory_free(text);
        train_sample_close(&a);
        train_sample_close(&b);
    }
}

static void rows_cover_what_is_trained(void **state)
{
    (void)state;
    static const struct {
        enum optimizer_kind kind;
        double momentum;
        size_t each;
        const char *second, *third;
    } cases[] = {{OPTIMIZER_SGD, 0, 1, NULL, NULL},
                 {OPTIMIZER_SGD, 0.9, 2, "optimizer.momentum.layer3.0.conv1.weight", NULL},
                 {OPTIMIZER_ADAM, 0, 3, "optimizer.exp_avg.layer3.0.conv1.weight",
                  "optimizer.exp_avg_sq.layer3.0.conv1.weight"}};
    for (size_t c = 0; c < 3; c++) {
        struct train_sample f;
        size_t trainable = 0;
        open_fixture(&f, cases[c].kind, cases[c].momentum, 't');
        for (size_t i = 0; i < f.net->params_count; i++)
            trainable += f.net->params[i].trainable;
        assert_int_equal(checkpoint_row_count(f.train), trainable * cases[c].each);
        struct checkpoint_row row = checkpoint_row_get(f.train, 0);
        assert_string_equal(row.name, "optimizer.step.layer3.0.conv1.weight");
        assert_true(row.integer && !row.floats);
        if (cases[c].second) {
            row = checkpoint_row_get(f.train, 1);
            assert_string_equal(row.name, cases[c].second);
            assert_true(row.floats && !row.integer);
        }
        if (cases[c].third) {
            row = checkpoint_row_get(f.train, 2);
            assert_string_equal(row.name, cases[c].third);
            assert_ptr_equal(row.floats, optimizer_state_get(f.train->optimizer, 0).data[1]);
            assert_ptr_not_equal(row.floats, checkpoint_row_get(f.train, 1).floats);
        }
        row = checkpoint_row_get(f.train, checkpoint_row_count(f.train) - 1);
        assert_string_equal(row.param->name, "fc.bias");
        train_sample_close(&f);
    }
}

/* The rows that a state came with are those of the stage that it was saved in:
 * between two epochs that of the former. */
static void a_state_is_restored_in_its_stage(void **state)
{
    (void)state;
    static const struct {
        size_t epoch, position, batch;
        int until;
    } cases[] = {{0, 0, 0, 6}, {1, 4, 1, 6}, {2, 0, 0, 6}, {2, 4, 1, 5}, {2, 4, 0, 5}, {3, 0, 0, 5}, {5, 0, 0, 5}};
    size_t before = 0, after = 0;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct train_sample a, b;
        open_fixture(&a, OPTIMIZER_ADAM, 0, 't');
        open_fixture(&b, OPTIMIZER_ADAM, 0, 't');
        a.train->state.epoch = cases[c].epoch;
        a.train->state.position = cases[c].position;
        a.train->state.batch = a.train->state.step = cases[c].batch;
        char *text = take_text(&a);
        before = checkpoint_row_count(b.train);
        restore(&b, text);
        after = checkpoint_row_count(b.train);
        assert_int_equal(train_freeze(b.train)->until, cases[c].until);
        assert_int_equal(after > before, cases[c].until == 5);
        memory_free(text);
        train_sample_close(&a);
        train_sample_close(&b);
    }
}

/* Photos that were found bad since would make fewer steps of an epoch: the schedule goes on with those that the run was
 * planned with. */
static void the_schedule_goes_on_with_the_steps_it_was_planned_with(void **state)
{
    (void)state;
    struct train_sample f;
    char *text = NULL;
    open_fixture(&f, OPTIMIZER_SGD, 0, 't');
    assert_int_equal(f.train->options.schedule.steps_per_epoch, 3);
    f.train->state.steps_per_epoch = 4;
    f.train->state.epoch = 1;
    text = take_text(&f);
    f.train->state.steps_per_epoch = 3;
    restore(&f, text);
    assert_int_equal(f.train->state.steps_per_epoch, 4);
    assert_int_equal(f.train->options.schedule.steps_per_epoch, 4);
    memory_free(text);
    train_sample_close(&f);
}

enum { IMAGES = 2, SIDE = 64 };

static void run_once(float logits[IMAGES * 2], struct exec *exec)
{
    static uint8_t pixels[IMAGES * SIDE * SIDE * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    memcpy(logits, exec_forward_pixels(exec, pixels, IMAGES), IMAGES * 2 * sizeof *logits);
}

/* The run folded the weights that it was prepared with. Those of the file came later. */
static void the_weights_that_were_read_are_folded(void **state)
{
    (void)state;
    static const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    struct train_sample f;
    struct exec *fresh;
    struct error err;
    char *text = NULL;
    float found[IMAGES * 2], stale[IMAGES * 2], expected[IMAGES * 2];
    open_fixture(&f, OPTIMIZER_SGD, 0, 't');
    text = take_text(&f);
    net_init(f.net, 5);
    f.net->params[net_param_find(f.net, "bn1.running_mean")].data[0] = 0.25f;
    run_once(stale, f.train->stage.exec);
    restore(&f, text);
    run_once(found, f.train->stage.exec);
    assert_int_equal(exec_create(&fresh, f.train->stage.plan, &normalise, f.pool, NULL, &err), OK);
    run_once(expected, fresh);
    assert_memory_equal(found, expected, sizeof found);
    assert_memory_not_equal(found, stale, sizeof found);
    exec_destroy(fresh);
    memory_free(text);
    train_sample_close(&f);
}

/* Adam would divide by 1 - beta^step. */
static void a_negative_number_of_steps_is_refused(void **state)
{
    (void)state;
    static const struct weight_metadata model[MODEL_METADATA] = {
        {"freezetune.arch", "tiny"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
    struct train_sample f;
    struct error err = {0};
    char folder[256];
    test_folder_make(folder);
    open_fixture(&f, OPTIMIZER_ADAM, 0, 't');
    net_init(f.net, 1);
    const char *path = test_path(folder, "last.safetensors");
    size_t last = checkpoint_row_count(f.train) - 3; /* step, exp_avg and exp_avg_sq of fc.bias */
    for (size_t row = 0; row <= last; row += last)
        for (int64_t steps = 0; steps >= -1; steps--) {
            struct checkpoint_row changed = checkpoint_row_get(f.train, row);
            *changed.integer = steps;
            assert_int_equal(checkpoint_write(path, f.train, model, &err), OK);
            if (checkpoint_read(path, f.train, &err) != (steps < 0 ? ERR_DATA : OK))
                fail_msg("%s", err.text);
            if (steps < 0 && (!strstr(err.text, changed.name) || !strstr(err.text, "' is negative")))
                fail_msg("%s", err.text);
            *changed.integer = 0;
        }
    test_folder_remove(folder);
    train_sample_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_comes_back_exactly),
        cmocka_unit_test(trouble_comes_back),
        cmocka_unit_test(photos_that_are_away_are_not_kept_as_bad),
        cmocka_unit_test(other_photos_are_refused),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(a_state_that_contradicts_itself_is_refused),
        cmocka_unit_test(rows_cover_what_is_trained),
        cmocka_unit_test(a_state_is_restored_in_its_stage),
        cmocka_unit_test(the_schedule_goes_on_with_the_steps_it_was_planned_with),
        cmocka_unit_test(the_weights_that_were_read_are_folded),
        cmocka_unit_test(a_negative_number_of_steps_is_refused),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
