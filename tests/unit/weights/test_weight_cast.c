#include "tests/support/test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors/safetensors.h"
#include "weights/weight_cast.h"

static struct weight_file *file; /* for the errors' path */

static int enter(void **state)
{
    const struct weight_tensor tensor = {.name = "w", .dtype = WEIGHT_F32, .rank = 1};
    const char *path;
    if (folder_setup(state) != 0)
        return -1;
    path = sample_path("w.safetensors");
    return safetensors_write(path, &tensor, 1, NULL, 0, NULL) == OK && weight_file_open(&file, path, NULL) == OK ? 0
                                                                                                                 : -1;
}

static int leave(void **state)
{
    weight_file_close(file);
    return folder_teardown(state);
}

static struct weight_tensor tensor_of(enum weight_dtype dtype, const void *data, size_t count)
{
    return (struct weight_tensor){.name = "w",
                                  .dtype = dtype,
                                  .rank = 1,
                                  .shape = {count},
                                  .data = data,
                                  .bytes = count * weight_dtype_bits(dtype) / 8};
}

/* The bits of one double as another type; UINT64_MAX when it is refused. */
static uint64_t cast_one(enum weight_dtype to, double value)
{
    const struct weight_tensor tensor = tensor_of(WEIGHT_F64, &value, 1);
    uint64_t bits = 0;
    return weight_cast(&bits, to, &tensor, 0, 1, file, NULL) == OK ? bits : UINT64_MAX;
}

static void values_at_the_edges(void **state)
{
    (void)state;
    static const struct {
        double value;
        enum weight_dtype to;
        uint64_t bits;
    } rows[] = {
        {0, WEIGHT_F16, 0},
        {-0.0, WEIGHT_F16, 0x8000},
        {1, WEIGHT_F16, 0x3C00},
        {-2, WEIGHT_F16, 0xC000},
        {65504, WEIGHT_F16, 0x7BFF},
        {65519.99, WEIGHT_F16, 0x7BFF},
        {65520, WEIGHT_F16, UINT64_MAX}, /* halfway to the next one, which is not there */
        {-1e30, WEIGHT_F16, UINT64_MAX},
        {0x1p-14, WEIGHT_F16, 0x0400},
        {0x1.ff8p-15, WEIGHT_F16, 0x03FF},
        {0x1.ffbp-15, WEIGHT_F16, 0x03FF},
        {0x1.ffcp-15, WEIGHT_F16, 0x0400}, /* a tie, up into the normal ones */
        {0x1p-24, WEIGHT_F16, 1},
        {0x1p-25, WEIGHT_F16, 0}, /* a tie, to even */
        {0x1.000001p-25, WEIGHT_F16, 1},
        {0x1.8p-24, WEIGHT_F16, 2},
        {1 + 0x1p-11, WEIGHT_F16, 0x3C00},
        {1 + 0x3p-11, WEIGHT_F16, 0x3C02},
        {1 + 0x1p-11 + 0x1p-40, WEIGHT_F16, 0x3C01}, /* rounding to float32 first would make a tie of it */
        {DBL_MIN / 2, WEIGHT_F16, 0},
        {(double)INFINITY, WEIGHT_F16, 0x7C00},
        {-(double)INFINITY, WEIGHT_BF16, 0xFF80},
        {1, WEIGHT_BF16, 0x3F80},
        {1 + 0x1p-8, WEIGHT_BF16, 0x3F80},
        {1 + 0x3p-8, WEIGHT_BF16, 0x3F82},
        {(double)FLT_MAX, WEIGHT_BF16, UINT64_MAX},
        {0x1.fep127, WEIGHT_BF16, 0x7F7F},
        {0x1p-133, WEIGHT_BF16, 1},
        {0x1p-134, WEIGHT_BF16, 0},
        {0x1p-149, WEIGHT_F32, 1},
        {1 + 0x1p-24, WEIGHT_F32, 0x3F800000},
        {1e39, WEIGHT_F32, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cast_one(rows[i].to, rows[i].value) != rows[i].bits)
            fail_msg("%a to %s is %llx", rows[i].value, weight_dtype_name(rows[i].to),
                     (unsigned long long)cast_one(rows[i].to, rows[i].value));
}

/* All 65,536 patterns of both short types go to float32 and double and come back as they were, NaN as a NaN. */
static void every_short_value_survives(void **state)
{
    (void)state;
    static uint16_t bits[65536], back[65536];
    static double wide[65536];
    static const enum weight_dtype shorts[] = {WEIGHT_F16, WEIGHT_BF16}, wides[] = {WEIGHT_F32, WEIGHT_F64};
    for (size_t i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    for (int i = 0; i < 4; i++) {
        enum weight_dtype narrow = shorts[i % 2], broad = wides[i / 2];
        uint64_t infinite = narrow == WEIGHT_F16 ? 0x7C00 : 0x7F80, quiet = narrow == WEIGHT_F16 ? 0x200 : 0x40;
        const struct weight_tensor from = tensor_of(narrow, bits, 65536), middle = tensor_of(broad, wide, 65536);
        assert_int_equal(weight_cast(wide, broad, &from, 0, 65536, file, NULL), OK);
        assert_int_equal(weight_cast(back, narrow, &middle, 0, 65536, file, NULL), OK);
        for (size_t j = 0; j < 65536; j++)
            assert_int_equal(back[j], (j & 0x7FFF) > infinite ? j | quiet : j);
    }
}

/* The compiler's own conversion of a double to a float rounds the same way. */
static void floats_are_rounded_as_the_processor_does(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        /* exponents from far below float32's smallest value to its largest */
        uint64_t bits = (random & ~(0x7FFull << 52)) | (1023 - 160 + (random >> 20) % 287) << 52;
        double value;
        memcpy(&value, &bits, sizeof value);
        float expected = (float)value, found = 0;
        const struct weight_tensor tensor = tensor_of(WEIGHT_F64, &value, 1);
        if (isinf(expected))
            continue;
        assert_int_equal(weight_cast(&found, WEIGHT_F32, &tensor, 0, 1, file, NULL), OK);
        assert_memory_equal(&expected, &found, sizeof found);
    }
}

static void parts_and_places(void **state)
{
    (void)state;
    static float values[5000];
    uint16_t out[5000], part[700];
    struct error err = {0};
    for (size_t i = 0; i < 5000; i++)
        values[i] = (float)i * 1.25f - 3000;
    const struct weight_tensor tensor = tensor_of(WEIGHT_F32, values, 5000);
    const struct weight_tensor steps = tensor_of(WEIGHT_I64, values, 2);
    assert_int_equal(weight_cast(out, WEIGHT_F16, &tensor, 0, 5000, file, NULL), OK);
    assert_int_equal(weight_cast(part, WEIGHT_F16, &tensor, 4001, 700, file, NULL), OK);
    assert_memory_equal(out + 4001, part, sizeof part);
    float same[10];
    assert_int_equal(weight_cast(same, WEIGHT_F32, &tensor, 4990, 10, file, NULL), OK);
    assert_memory_equal(same, values + 4990, sizeof same);
    values[4500] = 70000;
    assert_int_equal(weight_cast(part, WEIGHT_F16, &tensor, 4001, 700, file, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "w.safetensors: tensor 'w': 70000 at value 4500 is too large for F16"));
    assert_int_equal(weight_cast(out, WEIGHT_F16, &steps, 0, 1, file, &err), ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_at_the_edges),
        cmocka_unit_test(every_short_value_survives),
        cmocka_unit_test(floats_are_rounded_as_the_processor_does),
        cmocka_unit_test(parts_and_places),
    };
    return cmocka_run_group_tests_name("weight_cast", tests, enter, leave);
}
