/* Malformed pickles: bombs, what is no state dict, and damage. Each is refused by name and byte, and what can be read
 * is read as it stands. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/hostile_pickle.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"

/* ---- bombs ------------------------------------------------------------------------------------------------------- */

static void repeat(struct bytes *out, const char *text, size_t size, size_t times)
{
    for (size_t i = 0; i < times; i++)
        bytes_put(out, text, size);
}

static void bombs_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size, times;
        const char *wanted;
    } rows[] = {
        {"(", 1, 2000000, "more than 256 marks"},
        {"N", 1, 5000000, "more than 4194304 values on the stack"},
        {"]", 1, 5000000, "more than 4194304 values"},
        {"Nq\0", 3, 5000000, "more than 4194304 values on the stack"},
        {"\x85", 1, 5000000, "values"}, /* a tuple in a tuple in a tuple */
        {"}\x85R", 3, 2000000, "would call"},
        {"\x94", 1, 5000000, "more than 4194304 values in the memo"},
        {"h\0h\0\x86q\0", 7, 5000000,
         "more than 4194304 items"}, /* doubled each time: 2^n texts, if anybody wrote them out */
        {"K\1\x86q\0", 5, 3000000, "more than 4194304"},
        {"cos\nsystem\n", 11, 100000, "more than 65536 names"},
        {"cos\nsystem\n)R0", 14, 100000, "more than 65536 names"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes pickle = {0};
        bytes_put(&pickle, "\x80\2Nq\0", 5);
        repeat(&pickle, rows[i].text, rows[i].size, rows[i].times);
        pickle_op(&pickle, '.');
        hostile_pickle_refused(&pickle, i % 2, rows[i].wanted);
        bytes_free(&pickle);
    }
}

/* 100,000 tensors over the same bytes; as plain views and with strides, which would have to be copied. */
static void shared_bytes_are_bounded(void **state)
{
    (void)state;
    for (int strided = 0; strided < 2; strided++) {
        struct tensor_sample tensor = {"FloatStorage", "0", 10000, 0, 2, {100, 100}, {100, 1}};
        struct bytes pickle = {0}, file = {0};
        if (strided) {
            tensor.strides[0] = 1;
            tensor.strides[1] = 100;
        }
        pickle_start(&pickle);
        for (int i = 0; i < 100; i++) {
            char name[20];
            snprintf(name, sizeof name, "w%d", i);
            pickle_text(&pickle, name);
            pickle_tensor(&pickle, &tensor, false);
        }
        pickle_stop(&pickle);
        pth_file(&file, &pickle, 10000, false);
        hostile_assert_refused(file.data, file.length, "tensors share the file's bytes too often");
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bytes pickle = {0};
        pickle_start(&pickle);
        for (int i = 0; i < 2; i++) {
            pickle_text(&pickle, "w");
            pickle_tensor(&pickle, &tensor_plain, legacy);
        }
        pickle_stop(&pickle);
        hostile_pickle_refused(&pickle, legacy, "tensor 'w', byte");
        bytes_free(&pickle);
    }
    struct bytes pickle = {0}; /* a megabyte of name, 60,000 times */
    bytes_put(&pickle, "\x80\2}", 3);
    char *name = malloc(1000001);
    assert_non_null(name);
    memset(name, 'n', 1000000);
    name[1000000] = '\0';
    pickle_op(&pickle, '(');
    pickle_text(&pickle, name);
    bytes_put(&pickle, "q\0", 2);
    pickle_tensor(&pickle, &tensor_plain, false);
    bytes_put(&pickle, "q\1u", 3);
    repeat(&pickle, "h\0h\1s", 5, 60000);
    pickle_op(&pickle, '.');
    hostile_pickle_refused(&pickle, false, "names that occur twice");
    free(name);
    bytes_free(&pickle);
}

/* Numbers as keys beside the state dict: a number is no place in the pickle, whatever its bits say. */
static void keys_that_are_numbers_are_stepped_over(void **state)
{
    (void)state;
    static const int64_t keys[] = {5LL << 32 | 0x7FFFFFFF, 5LL << 32 | 0xFFFFFFFF, 5LL << 32, -1, 0, INT64_MIN};
    for (size_t i = 0; i < 2 * sizeof keys / sizeof *keys; i++) {
        bool legacy = i % 2;
        struct bytes pickle = {0};
        pickle_start(&pickle);
        pickle_text(&pickle, "model");
        bytes_put(&pickle, "}", 1);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &tensor_plain, legacy);
        pickle_op(&pickle, 's');
        pickle_int(&pickle, keys[i / 2]);
        pickle_op(&pickle, 'N');
        pickle_stop(&pickle);
        assert_true(hostile_pickle_read(&pickle, legacy));
        bytes_free(&pickle);
    }
}

/* A long list of class names, 30,000 times under the same key: looked at a few times. time_is_bounded() judges. */
static void class_names_that_occur_often_take_no_time(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    pickle_start(&pickle);
    pickle_text(&pickle, "model");
    bytes_put(&pickle, "}", 1);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensor_plain, false);
    pickle_op(&pickle, 's');
    pickle_text(&pickle, "names");
    bytes_put(&pickle, "q\0](", 4);
    repeat(&pickle, "U\1a", 3, 65000);
    bytes_put(&pickle, "eq\1u", 4);
    repeat(&pickle, "h\0h\1s", 5, 30000);
    pickle_op(&pickle, '.');
    hostile_pickle_read(&pickle, false);
    bytes_free(&pickle);
}

/* A large dictionary under every key where class names may be, in a dictionary under every such key: 144 times the same
 * one. */
static void dictionaries_that_occur_often_take_no_time(void **state)
{
    (void)state;
    static const char *const keys[] = {"hyper_parameters",
                                       "datamodule_hyper_parameters",
                                       "hparams",
                                       "config",
                                       "cfg",
                                       "args",
                                       "meta",
                                       "dataset_meta",
                                       "model_args",
                                       "info",
                                       "extra",
                                       "metadata"};
    enum { KEYS = sizeof keys / sizeof *keys };
    struct bytes pickle = {0};
    pickle_start(&pickle);
    pickle_text(&pickle, "model");
    bytes_put(&pickle, "}", 1);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensor_plain, false);
    pickle_op(&pickle, 's');
    pickle_text(&pickle, keys[0]);
    bytes_put(&pickle, "}(", 2);
    pickle_text(&pickle, keys[0]);
    bytes_put(&pickle, "}(", 2);
    repeat(&pickle, "U\1aN", 4, 500000);
    bytes_put(&pickle, "uq\0", 3);
    for (size_t i = 1; i < KEYS; i++) {
        pickle_text(&pickle, keys[i]);
        bytes_put(&pickle, "h\0", 2);
    }
    bytes_put(&pickle, "uq\1", 3);
    for (size_t i = 1; i < KEYS; i++) {
        pickle_text(&pickle, keys[i]);
        bytes_put(&pickle, "h\1", 2);
    }
    pickle_stop(&pickle);
    assert_true(hostile_pickle_read(&pickle, false));
    bytes_free(&pickle);
}

#define ROW(text, wanted)                                                                                              \
    {                                                                                                                  \
        text, sizeof text - 1, wanted                                                                                  \
    }
static void what_is_no_state_dict_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *wanted;
    } rows[] = {
        ROW("\x80\2}.", "state dict is empty"),
        ROW("\x80\2N.", "the file holds None, and no dictionary of tensors"),
        ROW("\x80\2].", "the file holds a list"),
        ROW("\x80\2}X\1\0\0\0kN", "the pickle ends without its STOP"),
        ROW("\x80\2}K\1Ns.", "no dictionary of tensors by name"),
        ROW("\x80\2}(X\5\0\0\0modelNu.", "no dictionary of tensors by name"),
        ROW("\x80\2}(X\5\0\0\0model}u.", "no dictionary of tensors by name"),
        ROW("\x80\1}.", "a pickle of protocol 1"),
        ROW("\x80\6}.", "a pickle of protocol 6"),
        ROW("}.", "expected a pickle of protocol 2 to 5"),
        ROW("", "without its STOP"),
        ROW("\x80", "opcode PROTO needs 1 bytes"),
        ROW("\x80\2c", "ends inside the line of opcode GLOBAL"),
        ROW("\x80\2}q\0X\5\0\0\0modelh\0s.", "no dictionary of tensors by name"), /* a dictionary that holds itself */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes pickle = {0}, file = {0};
        struct zip_places places;
        bytes_put(&pickle, rows[i].text, rows[i].size);
        const struct zip_part part = {"a/data.pkl", pickle.data, pickle.length};
        zip_sample(&file, &places, &part, 1, ZIP_WITH_DESCRIPTORS);
        hostile_assert_refused(file.data, file.length, rows[i].wanted);
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void random_damage_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    static const char letters[] =
        "()]}.0123CBIJKMQRTUXabcehijoqrstuN\x80\x81\x82\x85\x86\x87\x88\x8a\x8b\x8c\x8f\x90\x91\x92\x93\x94\x95\x96";
    for (uint32_t seed = 0; seed < 5000; seed++) {
        struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
        struct bytes pickle = {0};
        bool legacy = seed % 2;
        pickle_start(&pickle);
        pickle_good_values(&pickle, &rng, "a", legacy);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &tensor_plain, legacy);
        pickle_stop(&pickle);
        for (uint32_t change = 0; change < 1 + rng_below(&rng, 3); change++) {
            size_t at = 2 + rng_below(&rng, (uint32_t)pickle.length - 3);
            if (rng_below(&rng, 2)) {
                pickle.data[at] = (uint8_t)letters[rng_below(&rng, sizeof letters - 1)];
            } else {
                memmove(pickle.data + at, pickle.data + at + 1, pickle.length - at - 1);
                pickle.length--;
            }
        }
        hostile_pickle_read(&pickle, legacy);
        bytes_free(&pickle);
    }
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bombs_are_bounded),
        cmocka_unit_test(shared_bytes_are_bounded),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(keys_that_are_numbers_are_stepped_over),
        cmocka_unit_test(class_names_that_occur_often_take_no_time),
        cmocka_unit_test(dictionaries_that_occur_often_take_no_time),
        cmocka_unit_test(what_is_no_state_dict_is_refused),
        cmocka_unit_test(random_damage_is_refused_or_read_as_it_stands),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("pickle, hostile", tests, folder_setup, folder_teardown);
}
