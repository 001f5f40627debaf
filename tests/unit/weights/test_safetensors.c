#define _GNU_SOURCE
#include "tests/support/test.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "models/imagenet_classes.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors/safetensors.h"

static struct weight_file *open_good(const char *path)
{
    struct weight_file *file = NULL;
    struct error err = {0};
    if (weight_file_open(&file, path, &err) != OK)
        fail_msg("refused: %s", err.text);
    return file;
}

static struct weight_file *open_header(const char *header, size_t data)
{
    uint8_t bytes[2048];
    const char *path = sample_path("header.safetensors");
    sample_write(path, bytes, sample_build(bytes, sizeof bytes, header, strlen(header), data));
    return open_good(path);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void tensors_come_in_the_order_of_their_data(void **state)
{
    (void)state;
    struct weight_file *file = open_header("{\"late\":{\"shape\":[2,3],\"dtype\":\"F32\",\"data_offsets\":[8,32]},"
                                           " \"early\" : { \"dtype\" : \"I64\" , \"shape\" : [ ] ,\n\t\r"
                                           " \"data_offsets\" : [ 0 , 8 ] } ,"
                                           "\"__metadata__\":{\"format\":\"pt\",\"a\":\"\"},"
                                           "\"none\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[8,8]}}   ",
                                           32);
    assert_int_equal(weight_file_count(file), 3);
    const struct weight_tensor *early = weight_file_at(file, 0), *none = weight_file_at(file, 1),
                               *late = weight_file_at(file, 2);
    assert_string_equal(early->name, "early");
    assert_string_equal(none->name, "none");
    assert_string_equal(late->name, "late");
    assert_int_equal(early->rank, 0);
    assert_int_equal(weight_tensor_values(early), 1);
    assert_int_equal(none->bytes, 0);
    assert_int_equal(late->rank, 2);
    assert_int_equal(late->shape[0], 2);
    assert_int_equal(late->shape[1], 3);
    assert_int_equal(weight_tensor_fetch(late, file, NULL), OK);
    assert_int_equal(((const uint8_t *)late->data)[0], 8);
    assert_ptr_equal(weight_file_find(file, "late"), late);
    assert_null(weight_file_find(file, "lat"));
    assert_int_equal(weight_file_metadata_count(file), 2);
    assert_string_equal(weight_file_metadata_at(file, 0).key, "format");
    assert_string_equal(weight_file_metadata_find(file, "format"), "pt");
    assert_string_equal(weight_file_metadata_find(file, "a"), "");
    assert_null(weight_file_metadata_find(file, "b"));
    weight_tensor_drop(late, file);
    assert_int_equal(weight_tensor_fetch(late, file, NULL), OK);
    assert_int_equal(((const uint8_t *)late->data)[23], 31);
    weight_file_close(file);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    struct weight_file *file = open_header("{\"\\u0041\\n\\\"\\\\\\/\\u00e9\\u20AC\\ud83d\\ude00\xc3\xa9\":"
                                           "{\"dtype\":\"U8\",\"sh\\u0061pe\":[1],\"data_offsets\":[0,1]}}",
                                           1);
    assert_string_equal(weight_file_at(file, 0)->name, "A\n\"\\/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
    weight_file_close(file);
}

static void small_files_are_files(void **state)
{
    (void)state;
    struct weight_file *file = open_header("{}", 0);
    assert_int_equal(weight_file_count(file), 0);
    assert_null(weight_file_find(file, ""));
    weight_file_close(file);
    file = open_header("{\"\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[0,3]}}", 3);
    assert_int_equal(weight_tensor_values(weight_file_at(file, 0)), 6);
    weight_file_close(file);
    weight_file_close(NULL);
}

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < WEIGHT_DTYPES; i++) {
        char header[128];
        enum weight_dtype dtype;
        size_t bytes = weight_dtype_bits((enum weight_dtype)i);
        assert_true(weight_dtype_parse(&dtype, weight_dtype_name((enum weight_dtype)i)));
        assert_int_equal(dtype, i);
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,%zu]}}",
                 weight_dtype_name(dtype), bytes);
        struct weight_file *file = open_header(header, bytes);
        assert_int_equal(weight_tensor_values(weight_file_at(file, 0)), 8);
        weight_file_close(file);
    }
    size_t values = 7, bytes = 7;
    assert_false(weight_size(&values, &bytes, WEIGHT_F32, 2, (const uint64_t[]){1ull << 32, 1ull << 32}));
    assert_false(weight_size(&values, &bytes, WEIGHT_F32, 1, (const uint64_t[]){1ull << 62}));
    assert_false(weight_size(&values, &bytes, WEIGHT_F4, 1, (const uint64_t[]){3}));
    assert_int_equal(values + bytes, 14);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Writes one tensor and reads it back as float32. */
static enum status read_as_float(float *out, enum weight_dtype dtype, const void *data, size_t count, struct error *err)
{
    const char *path = sample_path("values.safetensors");
    struct weight_tensor tensor = {.name = "v", .dtype = dtype, .rank = 1, .shape = {count}, .data = data};
    tensor.bytes = count * weight_dtype_bits(dtype) / 8;
    assert_int_equal(safetensors_write(path, &tensor, 1, NULL, 0, NULL), OK);
    struct weight_file *file = open_good(path);
    enum status status = weight_tensor_read_f32(out, weight_file_at(file, 0), file, err);
    weight_file_close(file);
    return status;
}

static void every_half_is_exact(void **state)
{
    (void)state;
    static uint16_t halves[65536];
    static float floats[65536];
    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    assert_int_equal(read_as_float(floats, WEIGHT_F16, halves, 65536, NULL), OK);
    for (int i = 0; i < 65536; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double magnitude = exponent == 31 ? (double)INFINITY
                           : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                          : ldexp(fraction, -24);
        if (exponent == 31 && fraction != 0) {
            assert_true(isnan(floats[i]));
        } else {
            assert_true((double)floats[i] == (i & 0x8000 ? -magnitude : magnitude));
            assert_int_equal(signbit(floats[i]) != 0, i >> 15);
        }
    }
    assert_int_equal(read_as_float(floats, WEIGHT_BF16, halves, 65536, NULL), OK);
    for (uint32_t i = 0; i < 65536; i++)
        assert_int_equal(bits_of(floats[i]), i << 16);
}

static void doubles_are_rounded_and_floats_kept(void **state)
{
    (void)state;
    const double doubles[] = {0.1, -1e-320, 1e39, -1e300, (double)FLT_MAX, 0x1.fffffefffffffp127, 0x1.ffffffp127, -0.0};
    const float expected[] = {0.1f, -0.0f, INFINITY, -INFINITY, FLT_MAX, FLT_MAX, INFINITY, -0.0f};
    float out[8];
    assert_int_equal(read_as_float(out, WEIGHT_F64, doubles, 8, NULL), OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(bits_of(out[i]), bits_of(expected[i]));
    const uint32_t patterns[] = {0x7F800001, 0xFFC12345, 0x80000000, 1, 0x3F800000};
    assert_int_equal(read_as_float(out, WEIGHT_F32, patterns, 5, NULL), OK);
    assert_memory_equal(out, patterns, sizeof patterns);
}

static void other_types_are_refused_by_name(void **state)
{
    (void)state;
    const int64_t number = -5;
    float out[8];
    struct error err;
    assert_int_equal(read_as_float(out, WEIGHT_I64, &number, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "tensor 'v' is I64 [1], expected F32"));
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        enum weight_dtype dtype;
        uint8_t bytes[8];
        enum status status;
        int64_t value;
    } rows[] = {
        {WEIGHT_I64, {1, 0, 0, 0, 0, 0, 0x20, 0}, OK, (1ll << 53) + 1},
        {WEIGHT_I64, {0xFB, 255, 255, 255, 255, 255, 255, 255}, OK, -5},
        {WEIGHT_I32, {0xFB, 255, 255, 255}, OK, -5},
        {WEIGHT_I8, {0x80}, OK, -128},
        {WEIGHT_U8, {0x80}, OK, 128},
        {WEIGHT_U32, {255, 255, 255, 255}, OK, 4294967295},
        {WEIGHT_U64, {255, 255, 255, 255, 255, 255, 255, 0x80}, ERR_DATA, 7},
        {WEIGHT_F32, {0, 0, 0x80, 0x3F}, ERR_DATA, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = sample_path("number.safetensors");
        struct weight_tensor tensor = {.name = "n", .dtype = rows[i].dtype, .data = rows[i].bytes};
        tensor.bytes = weight_dtype_bits(rows[i].dtype) / 8;
        assert_int_equal(safetensors_write(path, &tensor, 1, NULL, 0, NULL), OK);
        struct weight_file *file = open_good(path);
        int64_t value = 7;
        assert_int_equal(weight_tensor_read_i64(&value, weight_file_at(file, 0), file, NULL), rows[i].status);
        assert_true(value == rows[i].value);
        weight_file_close(file);
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static const float six[6] = {1, 2, 3, 4, 5, 6};
static const int64_t steps = 77;
static const struct weight_tensor two[] = {
    {.name = "layer.weight", .dtype = WEIGHT_F32, .rank = 2, .shape = {2, 3}, .data = six, .bytes = sizeof six},
    {.name = "n", .dtype = WEIGHT_I64, .data = &steps, .bytes = sizeof steps},
};
static const struct weight_metadata notes[] = {{"format", "pt"}, {"classes", "[\"ant\",\"b\xc3\xa9\te\"]"}};

static void the_bytes_written_are_these(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"classes\":\"[\\\"ant\\\",\\\"b\xc3\xa9\\u0009e\\\"]\"},"
        "\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]}}";
    uint8_t expected[1024], found[1024];
    char padded[1024];
    size_t length = (size_t)snprintf(padded, sizeof padded, "%s", header);
    while (length % 8)
        padded[length++] = ' ';
    size_t size = sample_build(expected, sizeof expected, padded, length, 32);
    memcpy(expected + 8 + length, six, sizeof six);
    memcpy(expected + 8 + length + 24, &steps, sizeof steps);
    for (int i = 0; i < 2; i++) {
        const char *path = sample_path("written.safetensors");
        assert_int_equal(safetensors_write(path, two, 2, notes, 2, NULL), OK);
        assert_int_equal(sample_read(found, sizeof found, path), size);
        assert_memory_equal(found, expected, size);
    }
}

/* Every letter of ASCII comes back, and data begins at a multiple of eight bytes, however long the names are. */
static void any_text_can_be_written_and_read(void **state)
{
    (void)state;
    const char *path = sample_path("texts.safetensors");
    for (int letter = 1; letter < 128; letter++) {
        char name[24] = "", value[] = {'<', (char)letter, '>', '\0'};
        uint8_t length;
        memset(name, letter, 1 + (size_t)letter % 8);
        const struct weight_tensor tensor = {.name = name, .dtype = WEIGHT_F32, .rank = 0, .data = six, .bytes = 4};
        const struct weight_metadata note = {name, value};
        assert_int_equal(safetensors_write(path, &tensor, 1, &note, 1, NULL), OK);
        struct weight_file *file = open_good(path);
        assert_non_null(weight_file_find(file, name));
        assert_string_equal(weight_file_metadata_find(file, name), value);
        weight_file_close(file);
        sample_read(&length, 1, path);
        assert_int_equal(length % 8, 0);
    }
}

static void what_is_written_in_pieces_is_the_same(void **state)
{
    (void)state;
    const char *whole = sample_path("whole.safetensors"), *pieces = sample_path("pieces.safetensors");
    struct safetensors_writer *writer;
    assert_int_equal(safetensors_write(whole, two, 2, notes, 2, NULL), OK);
    assert_int_equal(safetensors_create(&writer, pieces, two, 2, notes, 2, NULL), OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(safetensors_append(writer, &six[i], sizeof six[i], NULL), OK);
    assert_int_equal(safetensors_append(writer, &steps, sizeof steps, NULL), OK);
    assert_int_equal(safetensors_finish(writer, NULL), OK);
    uint8_t a[1024], b[1024];
    size_t size = sample_read(a, sizeof a, whole);
    assert_int_equal(sample_read(b, sizeof b, pieces), size);
    assert_memory_equal(a, b, size);
    struct weight_file *file = open_good(whole), *same = open_good(pieces);
    assert_string_equal(weight_file_metadata_find(file, "classes"), notes[1].value);
    assert_true(sample_same(file, same));
    weight_file_close(file);
    weight_file_close(same);
}

static void a_writer_that_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    size_t before = sample_folder_entries();
    struct safetensors_writer *writer;
    assert_int_equal(safetensors_create(&writer, sample_path("gone.safetensors"), two, 2, NULL, 0, NULL), OK);
    assert_int_equal(sample_folder_entries(), before + 1);
    safetensors_discard(writer);
    safetensors_discard(NULL);
    assert_int_equal(sample_folder_entries(), before);
}

static void names_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    static const struct weight_tensor twice[] = {{.name = "a", .dtype = WEIGHT_F32, .rank = 1},
                                                 {.name = "b", .dtype = WEIGHT_F32, .rank = 1},
                                                 {.name = "a", .dtype = WEIGHT_F32, .rank = 1}};
    static const struct weight_tensor reserved = {.name = "__metadata__", .dtype = WEIGHT_F32, .rank = 1};
    static const struct weight_tensor latin1 = {.name = "caf\xe9", .dtype = WEIGHT_F32, .rank = 1};
    static const struct weight_metadata keys_twice[] = {{"k", "1"}, {"k", "2"}}, latin1_value = {"k", "caf\xe9"};
    const char *path = sample_path("never.safetensors");
    size_t before = sample_folder_entries();
    struct error err;
    assert_int_equal(safetensors_write(path, twice, 3, NULL, 0, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'a' occurs twice"));
    assert_int_equal(safetensors_write(path, &reserved, 1, NULL, 0, &err), ERR_DATA);
    assert_int_equal(safetensors_write(path, &latin1, 1, NULL, 0, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'caf\\xe9' is not valid UTF-8"));
    assert_int_equal(safetensors_write(path, NULL, 0, keys_twice, 2, &err), ERR_DATA);
    assert_int_equal(safetensors_write(path, NULL, 0, &latin1_value, 1, &err), ERR_DATA);
    assert_int_equal(sample_folder_entries(), before);
}

static void places_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    const char *file = sample_path("plain.safetensors");
    assert_int_equal(safetensors_write(file, two, 2, NULL, 0, NULL), OK);
    char below[700];
    snprintf(below, sizeof below, "%s/x.safetensors", file);
    const char *paths[] = {"/", sample_path("."), sample_path("no/such/folder.safetensors"), below, ""};
    size_t before = sample_folder_entries();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(safetensors_write(paths[i], two, 2, NULL, 0, NULL), ERR_CANTCREATE);
    assert_int_equal(safetensors_write("/dev/full", two, 2, NULL, 0, NULL), ERR_IO);
    assert_int_equal(sample_folder_entries(), before);
}

/* A disk that is full, played by the limit on a file's size: at every size below the file's. */
static void a_full_disk_keeps_the_former_file(void **state)
{
    (void)state;
    const char *path = sample_path("full.safetensors");
    static const float many[20000] = {1};
    struct weight_tensor big = {.name = "big", .dtype = WEIGHT_F32, .rank = 1, .shape = {20000}, .data = many};
    big.bytes = sizeof many;
    uint8_t before[1024], after[1024];
    assert_int_equal(safetensors_write(path, two, 2, NULL, 0, NULL), OK);
    size_t size = sample_read(before, sizeof before, path), entries = sample_folder_entries();

    struct rlimit kept, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; bytes <= 80000; bytes += 5000) {
        struct error err = {0};
        limit = (struct rlimit){.rlim_cur = bytes, .rlim_max = kept.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum status status = safetensors_write(path, &big, 1, NULL, 0, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_int_equal(status, ERR_IO);
        assert_non_null(strstr(err.text, strerror(EFBIG)));
        assert_non_null(strstr(err.text, "nothing was changed"));
        assert_int_equal(sample_folder_entries(), entries);
        assert_int_equal(sample_read(after, sizeof after, path), size);
        assert_memory_equal(before, after, size);
    }
    signal(SIGXFSZ, handler);
    assert_int_equal(safetensors_write(path, &big, 1, NULL, 0, NULL), OK);
}

static void imagenet_has_its_thousand_names(void **state)
{
    (void)state;
    assert_string_equal(imagenet_classes[0], "tench");
    assert_string_equal(imagenet_classes[208], "Labrador retriever");
    assert_string_equal(imagenet_classes[309], "bee");
    assert_string_equal(imagenet_classes[310], "ant");
    assert_string_equal(imagenet_classes[999], "toilet tissue");
    for (size_t i = 0; i < IMAGENET_CLASSES; i++) {
        assert_true(imagenet_classes[i] && imagenet_classes[i][0]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(imagenet_classes[i], imagenet_classes[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_come_in_the_order_of_their_data),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(small_files_are_files),
        cmocka_unit_test(types_have_names_and_sizes),
        cmocka_unit_test(every_half_is_exact),
        cmocka_unit_test(doubles_are_rounded_and_floats_kept),
        cmocka_unit_test(other_types_are_refused_by_name),
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(the_bytes_written_are_these),
        cmocka_unit_test(any_text_can_be_written_and_read),
        cmocka_unit_test(what_is_written_in_pieces_is_the_same),
        cmocka_unit_test(a_writer_that_is_given_up_leaves_nothing),
        cmocka_unit_test(names_that_cannot_be_written_are_refused),
        cmocka_unit_test(places_that_cannot_be_written_are_refused),
        cmocka_unit_test(a_full_disk_keeps_the_former_file),
        cmocka_unit_test(imagenet_has_its_thousand_names),
    };
    return cmocka_run_group_tests_name("safetensors", tests, folder_setup, folder_teardown);
}
