/* Malformed and malicious pickles: each is refused by name and byte, nothing is run, and what can be read is read as it
 * stands. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "tests/support/hostile.h"
#include "tests/support/pth_sample.h"
#include "tests/support/weight_sample.h"

enum { SEEDS = 25 };
static const struct tensor_sample plain = {"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}};

/* A file of either format around the pickle. */
static void wrap(struct bytes *out, const struct bytes *pickle, size_t values, bool legacy)
{
    struct zip_places places;
    if (legacy)
        pth_legacy(out, pickle, values);
    else
        pth_zip(out, &places, pickle, values, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
}

static void refuse_pickle(const struct bytes *pickle, bool legacy, const char *wanted)
{
    struct bytes file = {0};
    wrap(&file, pickle, 6, legacy);
    hostile_assert_refused(file.data, file.length, wanted);
    bytes_free(&file);
}

static bool read_pickle(const struct bytes *pickle, bool legacy)
{
    struct bytes file = {0};
    wrap(&file, pickle, 6, legacy);
    bool read = hostile_refused_or_rewritten(file.data, file.length);
    bytes_free(&file);
    return read;
}

/* ---- what a pickle could do -------------------------------------------------------------------------------------- */

/* A value in a state dict, and what the refusal must say. */
#define KIND(text, wanted)                                                                                             \
    {                                                                                                                  \
        text, sizeof text - 1, wanted                                                                                  \
    }
static const struct {
    const char *text;
    size_t size;
    const char *wanted;
} kinds[] = {
    /* programs */
    KIND("cos\nsystem\nX\4\0\0\0true\x85R", "opcode GLOBAL asks for os.system"),
    KIND("cposix\nsystem\nX\4\0\0\0true\x85R", "opcode GLOBAL asks for posix.system"),
    KIND("c__builtin__\neval\nX\1\0\0\0"
         "1\x85R",
         "opcode GLOBAL asks for __builtin__.eval"),
    KIND("cbuiltins\nexec\nX\1\0\0\0"
         "1\x85R",
         "opcode GLOBAL asks for builtins.exec"),
    KIND("cbuiltins\ngetattr\n", "opcode GLOBAL asks for builtins.getattr"),
    KIND("csubprocess\nPopen\n", "opcode GLOBAL asks for subprocess.Popen"),
    KIND("crunpy\n_run_code\n", "opcode GLOBAL asks for runpy._run_code"),
    KIND("cpip\nmain\n", "opcode GLOBAL asks for pip.main"),
    KIND("ctorch.storage\n_load_from_bytes\n", "opcode GLOBAL asks for torch.storage._load_from_bytes"),
    KIND("ctorch._utils\n_rebuild_tensor_v3\n", "opcode GLOBAL asks for torch._utils._rebuild_tensor_v3"),
    KIND("ctorch._utils\n_rebuild_wrapper_subclass\n", "asks for torch._utils._rebuild_wrapper_subclass"),
    KIND("ctorch._tensor\n_rebuild_from_type_v2\n", "asks for torch._tensor._rebuild_from_type_v2"),
    KIND("ctorch.jit\nload\n", "opcode GLOBAL asks for torch.jit.load"),
    KIND("ctorch\nload\n", "opcode GLOBAL asks for torch.load"),
    KIND("ctorch\nComplexFloatStorage\n", "opcode GLOBAL asks for torch.ComplexFloatStorage"),
    KIND("ctorch\nFloatStorage.__init__\n", "asks for torch.FloatStorage.__init__"),
    KIND("ctorch._utils._rebuild_tensor_v2\n\n", "asks for torch._utils._rebuild_tensor_v2."),
    KIND("ccollections.OrderedDict\n__init__\n", "asks for collections.OrderedDict.__init__"),
    KIND("ccollections\nOrderedDict \n", "asks for collections.OrderedDict "),
    KIND("ccollections\nnamedtuple\n", "asks for collections.namedtuple"),
    KIND("cargparse\nNamespace\n", "save the state_dict alone"),
    KIND("c\x1b[2J\n\x07\n", "asks for \\x1b[2J.\\x07"),
    KIND("\x8c\2os\x8c\6system\x93", "opcode STACK_GLOBAL asks for os.system"),
    KIND("X\2\0\0\0osX\6\0\0\0system\x93", "opcode STACK_GLOBAL asks for os.system"),
    KIND("K\1X\6\0\0\0system\x93", "opcode STACK_GLOBAL: a whole number and a text are no name"),
    KIND("(X\4\0\0\0trueios\nsystem\n", "opcode INST, which a file of weights does not need: refused, nothing was run"),
    KIND("(ccollections\nOrderedDict\no", "opcode OBJ, which"),
    KIND("ccollections\nOrderedDict\n)\x81", "opcode NEWOBJ, which"),
    KIND("ccollections\nOrderedDict\n)}\x92", "opcode NEWOBJ_EX, which"),
    KIND("\x82\1", "opcode EXT1, which"),
    KIND("\x83\1\0", "opcode EXT2, which"),
    KIND("\x84\1\0\0\0", "opcode EXT4, which"),
    KIND("Pfile\n", "opcode PERSID, which"),
    KIND("\x97", "opcode NEXT_BUFFER, which"),
    KIND("\x98", "opcode READONLY_BUFFER, which"),
    KIND("]K\1\x85R", "opcode REDUCE would call a list: refused"),
    KIND("X\2\0\0\0os)R", "opcode REDUCE would call a text: refused"),
    KIND("ctorch\nFloatStorage\nK\6\x85R", "opcode REDUCE would call a storage type: refused"),
    KIND("ccollections\nOrderedDict\n]R", "opcode REDUCE would call"),
    KIND("ccollections\nOrderedDict\nK\1\x85R", "an OrderedDict is made of something else"),
    KIND("ccollections\nOrderedDict\n]K\1a\x85R", "an OrderedDict is made of a whole number, expected pairs"),
    KIND("]}b", "opcode BUILD would set attributes of a list: refused"),
    KIND("}]b", "opcode BUILD would set attributes of"),
    KIND("ccollections\nOrderedDict\n}b", "opcode BUILD would set attributes of a type: refused"),
    /* opcodes of older protocols and other things */
    KIND("I1\n", "opcode INT, which"),
    KIND("L1L\n", "opcode LONG, which"),
    KIND("F1.0\n", "opcode FLOAT, which"),
    KIND("S'a'\n", "opcode STRING, which"),
    KIND("Va\n", "opcode UNICODE, which"),
    KIND("(d", "opcode DICT, which"),
    KIND("(l", "opcode LIST, which"),
    KIND("N0", "opcode POP, which"),
    KIND("(1", "opcode POP_MARK, which"),
    KIND("2", "opcode DUP, which"),
    KIND("g0\n", "opcode GET, which"),
    KIND("p0\n", "opcode PUT, which"),
    KIND("C\1a", "opcode SHORT_BINBYTES, which"),
    KIND("B\1\0\0\0a", "opcode BINBYTES, which"),
    KIND("\x8b\1\0\0\0\1", "opcode LONG4, which"),
    KIND("\x8d\1\0\0\0\0\0\0\0a", "opcode BINUNICODE8, which"),
    KIND("\x8e\1\0\0\0\0\0\0\0a", "opcode BINBYTES8, which"),
    KIND("\x8f", "opcode EMPTY_SET, which"),
    KIND("(\x91", "opcode FROZENSET, which"),
    KIND("\x96\1\0\0\0\0\0\0\0a", "opcode BYTEARRAY8, which"),
    KIND("\xff", "byte 0xff is no opcode"),
    KIND("\0", "byte 0x00 is no opcode"),
    KIND("\x80\2", "a pickle of protocol 2, where"),
    /* the stack, the memo, lengths */
    KIND("R", "opcode REDUCE"),
    KIND("a", "opcode APPEND"),
    KIND("(a", "opcode APPEND finds nothing to work on"),
    KIND("(s", "opcode SETITEM finds nothing to work on"),
    KIND("]K\1K\2s", "opcode SETITEM adds 2 values to a list"),
    KIND("}K\1a", "opcode APPEND adds 1 values to a dictionary"),
    KIND("}(K\1u", "opcode SETITEMS adds 1 values to a dictionary"),
    KIND("N(K\1e", "opcode APPENDS adds 1 values to None"),
    KIND("(\x85", "opcode TUPLE1 finds nothing to work on"),
    KIND("(q\0", "opcode BINPUT finds nothing to work on"),
    KIND("h\7", "opcode BINGET asks for value 7, which was not remembered"),
    KIND("Nq\1h\0", "opcode BINGET asks for value 0, which was not remembered"),
    KIND("j\xff\xff\xff\xff", "opcode LONG_BINGET asks for value 4294967295"),
    KIND("Nq\2", "opcode BINPUT remembers a value as number 2 after 0 others"),
    KIND("Nr\xff\xff\xff\x7f", "opcode LONG_BINPUT remembers a value as number 2147483647"),
    KIND("X\xff\xff\xff\xff"
         "a",
         "opcode BINUNICODE needs 4294967295 bytes"),
    KIND("X\0\0\0\x80"
         "a",
         "opcode BINUNICODE needs 2147483648 bytes"),
    KIND("X\1\0\0\0\xff", "a text that is not UTF-8"),
    KIND("X\1\0\0\0\0", "a text that is not UTF-8"),
    KIND("\x95\xff\xff\xff\xff\xff\xff\xff\xff", "a frame of 18446744073709551615 bytes"),
    KIND(".", "the pickle ends with"),
    KIND("(.", "the pickle ends with"),
    KIND("N.", "the pickle ends with"),
    /* values where a tensor belongs */
    KIND("N", "tensor 'bad', byte"),
    KIND("K\7", "it is a whole number, expected a tensor: this is no state dict"),
    KIND("G\0\0\0\0\0\0\0\0", "it is a number, expected a tensor"),
    KIND("X\1\0\0\0a", "it is a text, expected a tensor"),
    KIND("]", "it is a list, expected a tensor"),
    KIND("}", "it is a dictionary, expected a tensor"),
    KIND(")", "it is a tuple, expected a tensor"),
    KIND("\x88", "it is a truth value, expected a tensor"),
    KIND("ctorch\nFloatStorage\n", "it is a type, expected a tensor"),
    KIND("KaQ", "opcode BINPERSID names a storage by a whole number"),
    KIND(")Q", "a persistent id that names no storage"),
    KIND("(X\6\0\0\0moduleNNNNtQ", "a persistent id that names no storage"),
    KIND("(X\7\0\0\0storageNNNNtQ", "a storage of None, key None, None values"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\0\0\0\0NK\6tQ", "a storage of a type"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NJ\xff\xff\xff\xfftQ",
         "a storage of a type"),
    KIND("(X\7\0\0\0storagectorch\nLongStorage\nX\1\0\0\0"
         "0NK\6tQ",
         "a storage described in two ways"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\7tQ",
         "a storage described in two ways"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "1NK\7tQ",
         "storage"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6NNtQ",
         "a view of a storage"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6)tQ",
         "a view of a storage"),
    KIND("(X\7\0\0\0storagectorch\nDoubleStorage\nX\1\0\0\0"
         "1N\x8a\x08\0\0\0\0\0\0\0\x20tQ",
         "no computer can hold"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n)R", "a tensor made in a way"),
    KIND("ctorch._utils\n_rebuild_tensor\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6tQK\0K\2\x85)tR",
         "as many strides"),
    KIND("ctorch._utils\n_rebuild_tensor\n(NNNNtR", "expected a storage, an offset"),
    KIND("ctorch._utils\n_rebuild_parameter\n(N\x88}tR", "a tensor made in a way"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n(NNNN\x89}}tR", "expected a storage, an offset"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n(NNNN\x89}}X\3\0\0\0neg\x88stR", "a tensor made in a way"),
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Good values around the bad one, by seed: none, tensors, a checkpoint's things. */
static void good_values(struct bytes *out, struct rng *rng, const char *prefix, bool legacy)
{
    uint32_t count = rng_below(rng, 4);
    for (uint32_t i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.%u", prefix, i);
        pickle_text(out, name);
        pickle_tensor(out, &plain, legacy);
    }
}

static void every_kind_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            struct rng rng = rng_stream(seed, RNG_TEST, 2, i);
            struct bytes pickle = {0};
            bool legacy = rng_below(&rng, 2);
            pickle_start(&pickle);
            pickle_text(&pickle, "first");
            pickle_tensor(&pickle, &plain, legacy);
            good_values(&pickle, &rng, "before", legacy);
            pickle_text(&pickle, "bad");
            bytes_put(&pickle, kinds[i].text, kinds[i].size);
            good_values(&pickle, &rng, "after", legacy);
            pickle_stop(&pickle);
            refuse_pickle(&pickle, legacy, kinds[i].wanted);
            bytes_free(&pickle);
        }
}

/* The pickles of the exploits in circulation, as whole files: none makes the file that it would make. */
static void nothing_runs(void **state)
{
    (void)state;
    char command[700], trace[600];
    snprintf(trace, sizeof trace, "%s", sample_path("trace"));
    snprintf(command, sizeof command, "touch %s", trace);
    for (int form = 0; form < 6; form++) {
        struct bytes pickle = {0};
        bytes_put(&pickle, "\x80\2", 2);
        if (form == 0 || form == 3)
            pickle_global(&pickle, form ? "builtins" : "os", form ? "exec" : "system");
        if (form == 1)
            bytes_put(&pickle, "\x8c\5posix\x8c\6system\x93", 16);
        if (form == 2)
            pickle_op(&pickle, '(');
        if (form == 4)
            pickle_global(&pickle, "torch.hub", "load");
        if (form == 5)
            pickle_global(&pickle, "subprocess", "check_output");
        pickle_text(&pickle, command);
        bytes_put(&pickle, form == 2 ? "ios\nsystem\n." : "\x85R.", form == 2 ? 12 : 3);
        hostile_assert_refused(pickle.data, pickle.length, "nothing was run"); /* alone, as a file */
        refuse_pickle(&pickle, false, "nothing was run");
        refuse_pickle(&pickle, true, "nothing was run");
        bytes_free(&pickle);
    }
    assert_int_not_equal(access(trace, F_OK), 0);
}

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
                bool good = read_pickle(&pickle, i % 2);
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
            struct tensor_sample tensor = plain;
            struct bytes pickle = {0};
            tensor.storage_values = numbers[i];
            pickle_start(&pickle);
            pickle_text(&pickle, "w");
            pickle_tensor(&pickle, &tensor, legacy);
            pickle_stop(&pickle);
            assert_int_equal(read_pickle(&pickle, legacy), numbers[i] == 6);
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
        assert_int_equal(read_pickle(&pickle, false), rank == 8);
        bytes_free(&pickle);
    }
}

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
        {"(", 1, 2000000, "more than 64 marks"},
        {"N", 1, 2000000, "more than 16384 values on the stack"},
        {"]", 1, 2000000, "more than 16384 values on the stack"},
        {"Nq\0", 3, 2000000, "more than 16384 values on the stack"},
        {"\x85", 1, 2000000, "values"}, /* a tuple in a tuple in a tuple */
        {"}\x85R", 3, 2000000, "would call"},
        {"\x94", 1, 20000000, "more than 262144 values in the memo"},
        {"h\0h\0\x86q\0", 7, 2000000, "on the stack"}, /* doubled each time: 2^n texts, if anybody wrote them out */
        {"K\1\x86q\0", 5, 2000000, "more than 262144 values"},
        {"\x95\0\0\0\0\0\0\0\0", 9, 2000000, "the pickle is longer than"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes pickle = {0};
        bytes_put(&pickle, "\x80\2Nq\0", 5);
        repeat(&pickle, rows[i].text, rows[i].size, rows[i].times);
        pickle_op(&pickle, '.');
        refuse_pickle(&pickle, i % 2, rows[i].wanted);
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
        wrap(&file, &pickle, 10000, false);
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
            pickle_tensor(&pickle, &plain, legacy);
        }
        pickle_stop(&pickle);
        refuse_pickle(&pickle, legacy, "tensor 'w', byte");
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
    pickle_tensor(&pickle, &plain, false);
    bytes_put(&pickle, "q\1u", 3);
    repeat(&pickle, "h\0h\1s", 5, 60000);
    pickle_op(&pickle, '.');
    refuse_pickle(&pickle, false, "names that occur twice");
    free(name);
    bytes_free(&pickle);
}

static void what_is_no_state_dict_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *wanted;
    } rows[] = {
        KIND("\x80\2}.", "state dict is empty"),
        KIND("\x80\2N.", "the file holds None, expected a dictionary"),
        KIND("\x80\2].", "the file holds a list"),
        KIND("\x80\2}X\1\0\0\0kN", "the pickle ends without its STOP"),
        KIND("\x80\2}K\1Ns.", "a key that is no text"),
        KIND("\x80\2}(X\5\0\0\0modelNu.", "tensor 'model', byte"),
        KIND("\x80\2}(X\5\0\0\0model}u.", "state dict is empty"),
        KIND("\x80\2}(X\5\0\0\0model}X\5\0\0\0model}u.", "the key 'model' occurs twice"),
        KIND("\x80\1}.", "a pickle of protocol 1"),
        KIND("\x80\6}.", "a pickle of protocol 6"),
        KIND("}.", "expected a pickle of protocol 2 to 5"),
        KIND("", "without its STOP"),
        KIND("\x80", "opcode PROTO needs 1 bytes"),
        KIND("\x80\2c", "ends inside a name"),
        KIND("\x80\2}q\0X\5\0\0\0modelh\0s.", "tensor 'model'"), /* a dictionary that holds itself */
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

/* ---- the legacy format ------------------------------------------------------------------------------------------- */

static const char fixture[] = "tests/fixtures/pth/tensors_legacy.pth";

/* The only place where the file holds these bytes. */
static uint8_t *place_of(struct bytes *file, const char *text, size_t size)
{
    for (size_t i = 0; i + size <= file->length; i++)
        if (memcmp(file->data + i, text, size) == 0)
            return file->data + i;
    fail_msg("not found");
    return NULL;
}

/* One piece of the good file is replaced by another. */
static void the_frame_of_the_legacy_format_is_checked(void **state)
{
    (void)state;
#define PIECE(old, new, wanted)                                                                                        \
    {                                                                                                                  \
        old, sizeof old - 1, new, sizeof new - 1, wanted                                                               \
    }
    static const struct {
        const char *old;
        size_t old_size;
        const char *new;
        size_t new_size;
        const char *wanted;
    } rows[] = {
        PIECE("l\xfc\x9c\x46", "l\xfc\x9c\x47", "its magic number is missing"),
        PIECE("\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19", "N", "its magic number is missing"),
        PIECE("\x80\2M\xe9\3.", "\x80\2M\xe8\3.", "torch.save's protocol is not 1001"),
        PIECE("\x80\2M\xe9\3.", "\x80\2N.", "torch.save's protocol is not 1001"),
        PIECE("little_endian\x88", "little_endian\x89", "the byte order is not said to be little"),
        PIECE("little_endian\x88", "little_endianK\1", "the byte order is not said to be little"),
        PIECE("little_endian", "mittle_endian", "the byte order is not said to be little"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "N.", "expected the list of storages, found None"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "].", "0 storages are listed, the tensors use 1"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "]K\0a.", "a storage that no tensor uses"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "]X\1\0\0\0"
              "1a.",
              "a storage that no tensor uses"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "](X\1\0\0\0"
              "0X\1\0\0\0"
              "0e.",
              "a storage that is listed twice"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\5\0\0\0\0\0\0\0\0\0\0\0", "a storage of 5 values, expected 6"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\6\0\0\0\0\0\0\x80\0\0\0\0", "values, expected 6"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\6\0\0\0\0\0\0\0", "a storage of 24 bytes, 20 are left"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes pickle = {0}, file = {0}, changed = {0};
        pickle_start(&pickle);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &plain, true);
        pickle_stop(&pickle);
        wrap(&file, &pickle, 6, true);
        const uint8_t *at = place_of(&file, rows[i].old, rows[i].old_size), *behind = at + rows[i].old_size;
        bytes_put(&changed, file.data, (size_t)(at - file.data));
        bytes_put(&changed, rows[i].new, rows[i].new_size);
        bytes_put(&changed, behind, (size_t)(file.data + file.length - behind));
        hostile_assert_refused(changed.data, changed.length, rows[i].wanted);
        bytes_free(&changed);
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    size_t size = sample_read(bytes, sizeof bytes, fixture);
    assert_in_range(size, 500, sizeof bytes - 1);
    for (size_t cut = 0; cut < size; cut++)
        hostile_assert_refused(bytes, cut, "byte ");
    bytes[size] = 0;
    hostile_assert_refused(bytes, size + 1, "the file goes on for 1 bytes");
}

/* The format has no sums: a flipped bit in a value or a name gives another value or name. */
static void any_flipped_bit_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    size_t size = sample_read(bytes, sizeof bytes, fixture), read = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read += hostile_refused_or_rewritten(bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_in_range(read, 8 * 300, 8 * 600);
}

static void random_damage_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    static const char letters[] = "()]}.KMQRXbcehjqrstuN\x80\x81\x85\x86\x87\x88\x8a\x8c\x93\x94\x95";
    for (uint32_t seed = 0; seed < 5000; seed++) {
        struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
        struct bytes pickle = {0};
        bool legacy = seed % 2;
        pickle_start(&pickle);
        good_values(&pickle, &rng, "a", legacy);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &plain, legacy);
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
        read_pickle(&pickle, legacy);
        bytes_free(&pickle);
    }
}

static void time_and_memory_are_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_refused_by_name),
        cmocka_unit_test(nothing_runs),
        cmocka_unit_test(every_number_is_judged),
        cmocka_unit_test(storages_of_any_size_are_judged),
        cmocka_unit_test(ranks_beyond_eight_are_refused),
        cmocka_unit_test(bombs_are_bounded),
        cmocka_unit_test(shared_bytes_are_bounded),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(what_is_no_state_dict_is_refused),
        cmocka_unit_test(the_frame_of_the_legacy_format_is_checked),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_is_refused_or_read_as_it_stands),
        cmocka_unit_test(random_damage_is_refused_or_read_as_it_stands),
        cmocka_unit_test(time_and_memory_are_bounded),
    };
    return cmocka_run_group_tests_name("pickle, hostile", tests, sample_folder_setup, sample_folder_teardown);
}
