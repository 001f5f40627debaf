/* Every number in a pickle, at its most inconvenient: a file is refused, or read as it stands. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <string.h>

#include "core/base/rng.h"
#include "tests/support/hostile_pickle.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static const int64_t numbers[] = {
    0, 1, 2, 6, 7, 1ll << 31, 1ll << 32, 1ll << 53, (1ll << 53) + 1, 1ll << 61, 1ll << 62, INT64_MAX, INT64_MIN, -1};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* A tensor of the storage's six values: whether it fits, by 128-bit arithmetic. */
static bool fits(const struct tensor_sample *t)
{
    __int128 last = t->offset, values = 1;
    bool negative = t->offset < 0;
    for (size_t i = 0; i < t->rank; i++) {
        negative = negative || t->shape[i] < 0 || t->strides[i] < 0;
        values *= t->shape[i];
        if (values > INT64_MAX)
            return false;
        last += ((__int128)t->shape[i] - 1) * t->strides[i];
    }
    return !negative && (values == 0 ? t->offset <= 6 : last < 6 && values <= 6);
}

static void every_number_is_judged(void **state)
{
    (void)state;
    size_t read = 0;
    for (int field = 0; field < 5; field++)
        for (int i = 0; i < NUMBERS; i++)
            for (int k = 0; k < NUMBERS; k++) {
                struct tensor_sample tensor = {"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}};
                int64_t *places[] = {&tensor.offset, &tensor.shape[0], &tensor.shape[1], &tensor.strides[0],
                                     &tensor.strides[1]};
                *places[field] = numbers[i];
                *places[(field + 1) % 5] = numbers[k];
                struct bytes pickle = {0};
                pickle_start(&pickle);
                pickle_text(&pickle, "w");
                pickle_tensor(&pickle, &tensor, i % 2);
                pickle_stop(&pickle);
                bool good = hostile_pickle_read(&pickle, i % 2);
                if (good != fits(&tensor))
                    fail_msg("offset %lld, shape [%lld,%lld], strides [%lld,%lld]: %s", (long long)tensor.offset,
                             (long long)tensor.shape[0], (long long)tensor.shape[1], (long long)tensor.strides[0],
                             (long long)tensor.strides[1], good ? "read" : "refused");
                read += good;
                bytes_free(&pickle);
            }
    assert_in_range(read, 20, 500);
}

static void storages_of_any_size_are_judged(void **state)
{
    (void)state;
    for (int i = 0; i < NUMBERS; i++)
        for (int legacy = 0; legacy < 2; legacy++) {
            struct tensor_sample tensor = tensor_plain;
            struct bytes pickle = {0};
            tensor.storage_values = numbers[i];
            pickle_start(&pickle);
            pickle_text(&pickle, "w");
            pickle_tensor(&pickle, &tensor, legacy);
            pickle_stop(&pickle);
            assert_int_equal(hostile_pickle_read(&pickle, legacy), numbers[i] == 6);
            bytes_free(&pickle);
        }
}

static void ranks_beyond_eight_are_refused(void **state)
{
    (void)state;
    struct tensor_sample tensor = {
        "FloatStorage", "0", 6, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 6}, {6, 6, 6, 6, 6, 6, 6, 6, 1}};
    for (size_t rank = 8; rank <= 9; rank++) {
        struct bytes pickle = {0};
        tensor.rank = rank;
        pickle_start(&pickle);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &tensor, false);
        pickle_stop(&pickle);
        assert_int_equal(hostile_pickle_read(&pickle, false), rank == 8);
        bytes_free(&pickle);
    }
}

/* ---- numbers that are none --------------------------------------------------------------------------------------- */

#define FORM(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }

/* A pickle of one tensor in which one field is the mark; then the mark's place is taken by something else. */
static void numbers_of_other_kinds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } forms[] = {
        FORM("G\x40\x8f\x40\0\0\0\0\0"),                  /* 1e3 */
        FORM("G\x3f\xf8\0\0\0\0\0\0"),                    /* 1.5 */
        FORM("G\0\0\0\0\0\0\0\0"),                        /* 0.0 */
        FORM("G\x7f\xf0\0\0\0\0\0\0"),                    /* infinity */
        FORM("G\x7f\xf8\0\0\0\0\0\0"),                    /* NaN */
        FORM("\x8a\t\0\0\0\0\0\0\0\x80\0"),               /* 2^63 */
        FORM("\x8a\t\xff\xff\xff\xff\xff\xff\xff\xff\0"), /* 2^64-1 */
        FORM("\x8a\t\0\0\0\0\0\0\0\0\1"),                 /* 2^64 */
        FORM("J\xff\xff\xff\xff"),                        /* -1 */
        FORM("\x88"),                                     /* True */
        FORM("N"),
        FORM(")"),
        FORM("X\1\0\0\0"
             "3"),
    };
    static const char mark[] = "\x8a\x08ZZZZZZZZ";
    const int64_t marked = 0x5A5A5A5A5A5A5A5A;
    for (int field = 0; field < 6; field++)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            struct tensor_sample tensor = tensor_plain;
            int64_t *places[] = {&tensor.storage_values, &tensor.offset,     &tensor.shape[0],
                                 &tensor.shape[1],       &tensor.strides[0], &tensor.strides[1]};
            struct bytes whole = {0}, pickle = {0};
            *places[field] = marked;
            pickle_start(&whole);
            pickle_text(&whole, "w");
            pickle_tensor(&whole, &tensor, false);
            pickle_stop(&whole);
            const uint8_t *at = memmem(whole.data, whole.length, mark, sizeof mark - 1);
            assert_non_null(at);
            size_t before = (size_t)(at - whole.data), behind = before + sizeof mark - 1;
            bytes_put(&pickle, whole.data, before);
            bytes_put(&pickle, forms[i].text, forms[i].size);
            bytes_put(&pickle, whole.data + behind, whole.length - behind);
            hostile_pickle_refused(&pickle, field % 2, "byte ");
            hostile_pickle_refused(&pickle, !(field % 2), "byte ");
            bytes_free(&whole);
            bytes_free(&pickle);
        }
}

/* ---- operands of opcodes ----------------------------------------------------------------------------------------- */

/* A pickle with a frame, long texts and a big memo; where its operands stand, and how long they are. */
struct operands {
    size_t count, at[16];
    unsigned size[16];
};

static void put_operand(struct bytes *out, struct operands *operands, uint8_t opcode, uint64_t value, unsigned size)
{
    pickle_op(out, opcode);
    operands->at[operands->count] = out->length;
    operands->size[operands->count++] = size;
    bytes_put_little(out, value, size);
}

static void framed_pickle(struct bytes *out, struct operands *operands)
{
    bytes_put(out, "\x80\4", 2);
    put_operand(out, operands, 0x95, 0, 8);
    pickle_op(out, '}');
    put_operand(out, operands, 'r', 0, 4);
    pickle_op(out, '(');
    put_operand(out, operands, 'X', 1, 4);
    bytes_put(out, "w", 1);
    pickle_tensor(out, &tensor_plain, false);
    put_operand(out, operands, 'q', 1, 1);
    put_operand(out, operands, 0x8c, 1, 1);
    bytes_put(out, "v", 1);
    put_operand(out, operands, 'j', 1, 4);
    put_operand(out, operands, 'X', 1, 4);
    bytes_put(out, "u", 1);
    put_operand(out, operands, 'h', 1, 1);
    bytes_put(out, "u.", 2);
    uint64_t rest = out->length - 11;
    for (size_t i = 0; i < 8; i++)
        out->data[3 + i] = (uint8_t)(rest >> (8 * i));
}

static void operands_of_any_size_are_judged(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    struct operands operands = {0};
    size_t read = 0, total = 0;
    framed_pickle(&pickle, &operands);
    assert_true(hostile_pickle_read(&pickle, false));
    for (size_t i = 0; i < operands.count; i++)
        for (int k = 0; k < NUMBERS; k++) {
            uint8_t kept[8], *at = pickle.data + operands.at[i];
            memcpy(kept, at, operands.size[i]);
            for (unsigned byte = 0; byte < operands.size[i]; byte++)
                at[byte] = (uint8_t)((uint64_t)numbers[k] >> (8 * byte));
            read += hostile_pickle_read(&pickle, false);
            total++;
            memcpy(at, kept, operands.size[i]);
        }
    /* Read are the numbers that stand there, and frames that end early, which mean nothing where all bytes are
     * there. */
    assert_in_range(read, operands.count, total / 2);
    bytes_free(&pickle);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_judged),          cmocka_unit_test(storages_of_any_size_are_judged),
        cmocka_unit_test(ranks_beyond_eight_are_refused),  cmocka_unit_test(numbers_of_other_kinds_are_refused),
        cmocka_unit_test(operands_of_any_size_are_judged), cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("pickle, numbers", tests, folder_setup, folder_teardown);
}
