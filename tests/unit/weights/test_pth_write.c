/* The bytes of a .pth: the zip file walked by the specification's offsets, the pickle as a committed expectation. What
 * PyTorch itself says of such files: scripts/check_formats.py. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/byte_order.h"
#include "core/base/crc32.h"
#include "core/base/memory.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors/safetensors.h"
#include "weights/torch/pth_write.h"
#include "weights/torch/zip_write.h"

static const float six[6] = {1, 2, 3, 4, 5, 6};
static const int64_t steps = 77;
static const struct weight_tensor tensors[] = {
    {.name = "l.weight", .dtype = WEIGHT_F32, .rank = 2, .shape = {2, 3}, .bytes = sizeof six},
    {.name = "none", .dtype = WEIGHT_F16, .rank = 2, .shape = {0, 300}},
    {.name = "n", .dtype = WEIGHT_I64, .bytes = sizeof steps},
};
static const struct weight_metadata notes[] = {{"who", "b\xc3\xa9"}};

static void write_sample(const char *path, size_t cut)
{
    struct pth_writer *writer;
    struct error err = {0};
    if (pth_create(&writer, path, tensors, 3, notes, 1, &err) != OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof six; i += cut)
        assert_int_equal(pth_append(writer, (const char *)six + i, cut, NULL), OK);
    assert_int_equal(pth_append(writer, &steps, sizeof steps, NULL), OK);
    assert_int_equal(pth_finish(writer, NULL), OK);
}

struct entry {
    char name[64];
    const uint8_t *data;
    size_t size;
};

/* One central header at `at` and its local one; returns where the next begins. Every byte is looked at. */
static size_t read_entry(struct entry *out, const uint8_t *file, size_t at)
{
    const uint8_t *central = file + at, *local = file + get_little32(central + 42);
    size_t name = get_little16(central + 28), extra = get_little16(local + 28);
    assert_memory_equal(central, "PK\1\2\x14\0\x14\0\0\0\0\0\0\0\x21\0", 16);
    assert_memory_equal(local, "PK\3\4\x14\0\0\0\0\0\0\0\x21\0", 14);
    assert_memory_equal(central + 16, local + 14, 14); /* sum, both sizes, length of the name */
    assert_memory_equal(central + 30, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    assert_memory_equal(central + 46, local + 30, name);
    assert_true(name < sizeof out->name);
    memcpy(out->name, central + 46, name);
    out->name[name] = '\0';
    out->size = get_little32(central + 20);
    assert_int_equal(get_little32(central + 24), out->size);
    assert_memory_equal(local + 30 + name, "FB", 2);
    assert_int_equal(get_little16(local + 32 + name), extra - 4);
    out->data = local + 30 + name + extra;
    assert_int_equal((out->data - file) % 64, 0);
    assert_int_equal(crc32_add(0, out->data, out->size), get_little32(central + 16));
    return at + 46 + name;
}

static size_t read_zip(struct entry *out, size_t most, const uint8_t *file, size_t size)
{
    const uint8_t *end = file + size - 22;
    size_t count = get_little16(end + 8), at = get_little32(end + 16), begin = at;
    assert_memory_equal(end, "PK\5\6\0\0\0\0", 8);
    assert_int_equal(get_little16(end + 10), count);
    assert_int_equal(get_little16(end + 20), 0);
    assert_true(count <= most);
    for (size_t i = 0; i < count; i++) {
        at = read_entry(&out[i], file, at);
        /* nothing lies between the entries but the next header */
        const uint8_t *behind = out[i].data + out[i].size;
        assert_true(i + 1 < count ? memcmp(behind, "PK\3\4", 4) == 0 : behind == file + begin);
    }
    assert_int_equal(at - begin, get_little32(end + 12));
    assert_ptr_equal(file + at, end);
    return count;
}

/* What pickletools.dis shows of it is a torch.save of the same, but for the memo. */
#define TENSOR_BEGIN "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n"
#define TENSOR_END                                                                                                     \
    "\x89"                                                                                                             \
    "ccollections\nOrderedDict\n)RtR"
static const char pickle[] =
    "\x80\2ccollections\nOrderedDict\n)R("
    "X\10\0\0\0l.weight" TENSOR_BEGIN "FloatStorage\nX\1\0\0\0"
    "0X\3\0\0\0cpuK\6tQK\0"
    "(K\2K\3t(K\3K\1t" TENSOR_END "X\4\0\0\0none" TENSOR_BEGIN "HalfStorage\nX\1\0\0\0"
    "1X\3\0\0\0cpuK\0tQK\0"
    "(K\0J\x2c\1\0\0t(J\x2c\1\0\0K\1t" TENSOR_END "X\1\0\0\0n" TENSOR_BEGIN "LongStorage\nX\1\0\0\0"
    "2X\3\0\0\0cpuK\1tQK\0(t(t" TENSOR_END "u}X\23\0\0\0freezetune_metadata}(X\3\0\0\0whoX\3\0\0\0b\xc3\xa9usb.";

static void the_file_is_what_torch_load_wants(void **state)
{
    (void)state;
    static const char *const names[] = {"archive/data.pkl", "archive/byteorder", "archive/data/0",
                                        "archive/data/1",   "archive/data/2",    "archive/version"};
    const char *path = sample_path("a.pth");
    struct entry entries[6];
    size_t size;
    write_sample(path, sizeof six);
    uint8_t *file = test_read(path, &size);
    assert_int_equal(read_zip(entries, 6, file, size), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(entries[i].name, names[i]);
    assert_int_equal(entries[0].size, sizeof pickle - 1);
    assert_memory_equal(entries[0].data, pickle, sizeof pickle - 1);
    assert_int_equal(entries[1].size, 6);
    assert_memory_equal(entries[1].data, "little", 6);
    assert_int_equal(entries[2].size, sizeof six);
    assert_memory_equal(entries[2].data, six, sizeof six);
    assert_int_equal(entries[3].size, 0);
    assert_int_equal(entries[4].size, sizeof steps);
    assert_memory_equal(entries[4].data, &steps, sizeof steps);
    assert_int_equal(entries[5].size, 2);
    assert_memory_equal(entries[5].data, "3\n", 2);
    memory_free(file);
}

static void pieces_give_the_same_bytes(void **state)
{
    (void)state;
    size_t whole_size, size;
    write_sample(sample_path("whole.pth"), sizeof six);
    uint8_t *whole = test_read(sample_path("whole.pth"), &whole_size);
    for (size_t cut = 1; cut <= sizeof six; cut++) {
        if (sizeof six % cut)
            continue;
        write_sample(sample_path("pieces.pth"), cut);
        uint8_t *pieces = test_read(sample_path("pieces.pth"), &size);
        assert_int_equal(size, whole_size);
        assert_memory_equal(pieces, whole, size);
        memory_free(pieces);
    }
    memory_free(whole);
}

/* What our own reader makes of it. */
static void the_reader_finds_the_same(void **state)
{
    (void)state;
    struct weight_tensor same[3];
    struct weight_file *a, *b;
    struct error err = {0};
    memcpy(same, tensors, sizeof same);
    same[0].data = six;
    same[2].data = &steps;
    assert_int_equal(safetensors_write(sample_path("a.safetensors"), same, 3, notes, 1, NULL), OK);
    write_sample(sample_path("a.pth"), sizeof six);
    assert_int_equal(weight_file_open(&a, sample_path("a.safetensors"), NULL), OK);
    if (weight_file_open(&b, sample_path("a.pth"), &err) != OK)
        fail_msg("%s", err.text);
    assert_true(sample_same(a, b));
    weight_file_close(a);
    weight_file_close(b);
}

/* An OrderedDict of one empty tensor with these attributes (opcodes that leave a dictionary on the stack). */
static enum status read_attributes(const char *opcodes, size_t size, struct error *err)
{
    static const char begin[] = "\x80\2ccollections\nOrderedDict\n)RX\1\0\0\0w" TENSOR_BEGIN "FloatStorage\nX\1\0\0\0"
                                "0X\3\0\0\0cpuK\0tQK\0(K\0t(K\1t" TENSOR_END "s";
    const char *path = sample_path("attributes.pth");
    struct zip_writer *zip;
    struct weight_file *file;
    assert_int_equal(zip_create(&zip, path, NULL), OK);
    assert_int_equal(zip_begin(zip, "a/data.pkl", NULL), OK);
    assert_int_equal(zip_put(zip, begin, sizeof begin - 1, NULL), OK);
    assert_int_equal(zip_put(zip, opcodes, size, NULL), OK);
    assert_int_equal(zip_put(zip, "b.", 2, NULL), OK);
    assert_int_equal(zip_end(zip, NULL), OK);
    assert_int_equal(zip_begin(zip, "a/data/0", NULL), OK);
    assert_int_equal(zip_end(zip, NULL), OK);
    assert_int_equal(zip_begin(zip, "a/version", NULL), OK);
    assert_int_equal(zip_put(zip, "3\n", 2, NULL), OK);
    assert_int_equal(zip_end(zip, NULL), OK);
    assert_int_equal(zip_finish(zip, NULL), OK);
    enum status status = weight_file_open(&file, path, err);
    if (status == OK)
        weight_file_close(file);
    return status;
}

#define OURS "X\23\0\0\0freezetune_metadata"
#define TEXT_A "X\1\0\0\0a"

static void attributes_that_are_none_of_ours_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *opcodes, *text;
        size_t size;
    } rows[] = {
#define ROW(opcodes, text) {opcodes, text, sizeof opcodes - 1}
        ROW("}", NULL),
        ROW("}X\1\0\0\0_}s", NULL),
        ROW("}" OURS "}s", NULL),
        ROW("}" OURS "}" TEXT_A TEXT_A "ss", NULL),
        ROW("}" OURS "K\1s", "is a whole number, expected a dictionary"),
        ROW("}" OURS "}" TEXT_A "K\1ss", "holds something else than texts"),
        ROW("}" OURS "}K\1" TEXT_A "ss", "holds something else than texts"),
        ROW("}" OURS "}(" TEXT_A TEXT_A TEXT_A TEXT_A "us", "a key of freezetune_metadata occurs twice"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        enum status status = read_attributes(rows[i].opcodes, rows[i].size, &err);
        if (status != (rows[i].text ? ERR_DATA : OK) || (rows[i].text && !strstr(err.text, rows[i].text)))
            fail_msg("row %zu: %d %s", i, (int)status, err.text);
    }
}

/* One text a thousand times over, or a thousand texts too many. */
static void attributes_cannot_grow(void **state)
{
    (void)state;
    static char opcodes[100000];
    struct error err = {0};
    size_t end = sizeof "}" OURS "}(X\0\4\0\0" - 1;
    memcpy(opcodes, "}" OURS "}(X\0\4\0\0", end);
    memset(opcodes + end, 'x', 1024);
    end += 1024;
    memcpy(opcodes + end, "q\0", 2); /* BINPUT 0; the same as value, then key and value again and again */
    end += 2;
    for (int i = 0; i < 1999; i++, end += 2)
        memcpy(opcodes + end, "h\0", 2);
    memcpy(opcodes + end, "us", 2);
    assert_int_equal(read_attributes(opcodes, end + 2, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "is larger than the pickle"));

    end = sizeof "}" OURS "}(" - 1;
    for (int i = 0; i < 1025; i++, end += 18) {
        memcpy(opcodes + end, "X\4\0\0\0____X\4\0\0\0____", 18);
        snprintf(opcodes + end + 5, 5, "%04d", i);
        opcodes[end + 9] = 'X';
    }
    memcpy(opcodes + end, "us", 2);
    assert_int_equal(read_attributes(opcodes, end + 2, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "more than 1024 texts"));
}

static void empty_ones_and_many(void **state)
{
    (void)state;
    enum { MANY = 2500 };
    struct weight_tensor *many = calloc(MANY, sizeof *many);
    char(*names)[16] = calloc(MANY, sizeof *names);
    struct entry *entries = calloc(MANY + 3, sizeof *entries);
    struct pth_writer *writer;
    size_t size;
    assert_true(many && names && entries);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "t%zu", i);
        many[i] =
            (struct weight_tensor){.name = names[i], .dtype = WEIGHT_U8, .rank = 1, .shape = {i % 2}, .bytes = i % 2};
    }
    for (int all = 0; all < 2; all++) {
        const size_t count = all ? MANY : 0;
        assert_int_equal(pth_create(&writer, sample_path("many.pth"), many, count, NULL, 0, NULL), OK);
        for (size_t i = 1; i < count; i += 2)
            assert_int_equal(pth_append(writer, "x", 1, NULL), OK);
        assert_int_equal(pth_finish(writer, NULL), OK);
        uint8_t *file = test_read(sample_path("many.pth"), &size);
        assert_int_equal(read_zip(entries, MANY + 3, file, size), count + 3);
        memory_free(file);
    }
    free(many);
    free(names);
    free(entries);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    static const struct weight_tensor twice[] = {{.name = "a", .dtype = WEIGHT_F32, .rank = 1},
                                                 {.name = "b", .dtype = WEIGHT_F32, .rank = 1},
                                                 {.name = "a", .dtype = WEIGHT_F32, .rank = 1}};
    static const struct weight_tensor eight = {.name = "e", .dtype = WEIGHT_F8_E4M3, .rank = 1};
    static const struct weight_tensor latin1 = {.name = "caf\xe9", .dtype = WEIGHT_F32, .rank = 1};
    static const struct weight_metadata text = {"k", "caf\xe9"};
    const char *path = sample_path("never.pth");
    size_t before = sample_folder_entries();
    struct pth_writer *writer;
    struct error err = {0};
    assert_int_equal(pth_create(&writer, path, twice, 3, NULL, 0, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'a' occurs twice"));
    assert_int_equal(pth_create(&writer, path, &eight, 1, NULL, 0, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'e' is of type F8_E4M3"));
    assert_int_equal(pth_create(&writer, path, &latin1, 1, NULL, 0, &err), ERR_DATA);
    assert_int_equal(pth_create(&writer, path, NULL, 0, &text, 1, &err), ERR_DATA);
    assert_int_equal(pth_create(&writer, sample_path("no/such/folder.pth"), tensors, 3, NULL, 0, &err), ERR_CANTCREATE);
    assert_int_equal(pth_create(&writer, path, tensors, 3, NULL, 0, &err), OK);
    assert_int_equal(sample_folder_entries(), before + 1);
    pth_discard(writer);
    pth_discard(NULL);
    assert_int_equal(sample_folder_entries(), before);
}

/* A disk that is full at any byte keeps the former file. */
static void a_full_disk_keeps_the_former_file(void **state)
{
    (void)state;
    const char *path = sample_path("full.pth");
    static const float many[5000] = {1};
    const struct weight_tensor big = {
        .name = "big", .dtype = WEIGHT_F32, .rank = 1, .shape = {5000}, .bytes = sizeof many};
    struct rlimit kept, limit;
    size_t size, after;
    write_sample(path, sizeof six);
    uint8_t *before = test_read(path, &size);
    size_t entries = sample_folder_entries();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; bytes <= 20000; bytes += 1250) {
        struct pth_writer *writer = NULL;
        limit = (struct rlimit){.rlim_cur = bytes, .rlim_max = kept.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum status status = pth_create(&writer, path, &big, 1, NULL, 0, NULL);
        if (status == OK) {
            status = pth_append(writer, many, sizeof many, NULL);
            if (status == OK)
                status = pth_finish(writer, NULL);
            else
                pth_discard(writer);
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_int_equal(status, ERR_IO);
        assert_int_equal(sample_folder_entries(), entries);
        uint8_t *now = test_read(path, &after);
        assert_int_equal(after, size);
        assert_memory_equal(now, before, size);
        memory_free(now);
    }
    signal(SIGXFSZ, handler);
    memory_free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_what_torch_load_wants),
        cmocka_unit_test(pieces_give_the_same_bytes),
        cmocka_unit_test(the_reader_finds_the_same),
        cmocka_unit_test(attributes_that_are_none_of_ours_are_refused),
        cmocka_unit_test(attributes_cannot_grow),
        cmocka_unit_test(empty_ones_and_many),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_full_disk_keeps_the_former_file),
    };
    return cmocka_run_group_tests_name("pth_write", tests, folder_setup, folder_teardown);
}
