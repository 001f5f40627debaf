/* Pickles of a few opcodes, byte by byte: what each opcode does to stack, marks, memo and containers. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "weights/torch/pickle_read.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Reads a copy that is just as long, so that a sanitizer sees a byte behind it. */
static enum status read_copy(struct pickle *pickle, uint8_t **copy, const uint8_t *bytes, size_t size,
                             struct error *err)
{
    *copy = malloc(size);
    assert_non_null(*copy);
    memcpy(*copy, bytes, size);
    return pickle_read(pickle, *copy, size, 0, "p", err);
}

static const struct {
    const uint8_t *bytes;
    size_t size;
    const char *wanted; /* the message; NULL: it is read */
} cases[] = {
    /* the beginning and the end */
    {BYTES("\x80\2N."), NULL},
    {BYTES("\x80\5N."), NULL},
    {BYTES("\x80\1N."), "protocol 1, where 2 to 5"},
    {BYTES("\x80\6N."), "protocol 6, where 2 to 5"},
    {BYTES("N."), "found byte 0x4e"},
    {BYTES("\x80\2\x80\2N."), "a pickle of protocol 2"},
    {BYTES("\x80\2."), "ends with 0 values"},
    {BYTES("\x80\2NN."), "ends with 2 values"},
    {BYTES("\x80\2(N."), "ends with 1 values"}, /* the mark is left */
    {BYTES("\x80\2N"), "ends without its STOP"},
    {BYTES("\x80\4\x95\2\0\0\0\0\0\0\0N."), NULL},
    {BYTES("\x80\4\x95\3\0\0\0\0\0\0\0N."), "a frame of 3 bytes, 2 are left"},
    {BYTES("\x80\2\xff"), "byte 0xff is not an opcode"},
    {BYTES("\x80\2F1.5\n."), "opcode FLOAT"},
    /* operands that are not all there */
    {BYTES("\x80\2X\3\0\0\0ab"), "needs 3 bytes, 2 are left"},
    {BYTES("\x80\2J\1\0\0"), "needs 4 bytes, 3 are left"},
    {BYTES("\x80\2cmodule\nname"), "truncated"},
    /* the memo: from 0, Python 2 from 1, without gaps */
    {BYTES("\x80\2Nq\0h\0\x86."), NULL},
    {BYTES("\x80\2Nq\1h\1\x86."), NULL},
    {BYTES("\x80\2Nq\2."), "remembers a value as number 2 after 0 others"},
    {BYTES("\x80\2Nq\0h\1\x86."), "asks for value 1"},
    {BYTES("\x80\2Nq\1h\0\x86."), "asks for value 0"},
    {BYTES("\x80\2q\0N."), "finds nothing to work on"},
    /* marks: what lies below one is out of reach */
    {BYTES("\x80\2(0N."), NULL},
    {BYTES("\x80\2N0N."), NULL},
    {BYTES("\x80\2N(NN1."), NULL},
    {BYTES("\x80\2N(N\x86."), "finds nothing to work on"},
    {BYTES("\x80\2N(N\x86t."), "finds nothing to work on"},
    {BYTES("\x80\2Nt."), "finds nothing to work on"},
    {BYTES("\x80\2N(2."), "finds nothing to work on"},
    /* containers */
    {BYTES("\x80\2]Na."), NULL},
    {BYTES("\x80\2}Na."), "adds 1 values to a dictionary"},
    {BYTES("\x80\2]NNs."), "adds 2 values to a list"},
    {BYTES("\x80\2}(NNu."), NULL},
    {BYTES("\x80\2}(NNNu."), "adds 3 values to a dictionary"},
    {BYTES("\x80\4\x8f(NN\x90."), NULL},
    {BYTES("\x80\4](NN\x90."), "adds 2 values to a list"},
    /* calls */
    {BYTES("\x80\2ccollections\nOrderedDict\n)R."), NULL},
    {BYTES("\x80\2ccollections\nOrderedDict\nK\1R."), "for arguments: refused"},
    {BYTES("\x80\2K\1)R."), "would call a whole number"},
    {BYTES("\x80\2]N\x81."), "would call a list"},
    {BYTES("\x80\4\x8c\1a\x8c\1b\x93."), NULL},
    {BYTES("\x80\4\x8c\1aK\1\x93."), "are not a name"},
    {BYTES("\x80\4K\1\x8c\1a\x93."), "are not a name"},
    {BYTES("\x80\2K\1Q."), "names a storage by a whole number"},
    {BYTES("\x80\2K\1}b."), "would set attributes of a whole number"},
};

static void each_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pickle pickle;
        struct error err = {0};
        uint8_t *copy;
        enum status status = read_copy(&pickle, &copy, cases[i].bytes, cases[i].size, &err);
        if (status != (cases[i].wanted ? ERR_DATA : OK))
            fail_msg("case %zu: %d, %s", i, status, err.text);
        if (cases[i].wanted && !strstr(err.text, cases[i].wanted))
            fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].wanted);
        if (status == OK)
            assert_int_equal(pickle.used, cases[i].size);
        pickle_free(&pickle);
        free(copy);
    }
}

static void numbers_truth_values_and_texts(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *bytes;
        size_t size;
        enum pickle_kind kind;
        long long integer;
    } values[] = {
        {BYTES("\x80\2K\xff."), PICKLE_INT, 255},
        {BYTES("\x80\2M\xfe\xff."), PICKLE_INT, 65534},
        {BYTES("\x80\2J\xfe\xff\xff\xff."), PICKLE_INT, -2},
        {BYTES("\x80\2J\xff\xff\xff\x7f."), PICKLE_INT, 2147483647},
        {BYTES("\x80\2\x8a\0."), PICKLE_INT, 0},
        {BYTES("\x80\2\x8a\1\x80."), PICKLE_INT, -128},
        {BYTES("\x80\2\x8a\2\x80\0."), PICKLE_INT, 128},
        {BYTES("\x80\2\x8a\10\1\0\0\0\0\0\0\x80."), PICKLE_INT, -9223372036854775807},
        {BYTES("\x80\2\x8a\11\1\0\0\0\0\0\0\0\0."), PICKLE_FLOAT, 0}, /* more than 64 bits: not kept */
        {BYTES("\x80\2\x88."), PICKLE_BOOL, 1},
        {BYTES("\x80\2\x89."), PICKLE_BOOL, 0},
        {BYTES("\x80\2I01\n."), PICKLE_BOOL, 1},
        {BYTES("\x80\2I-12345678901\n."), PICKLE_INT, -12345678901},
        {BYTES("\x80\2X\2\0\0\0\xc3\xa9."), PICKLE_TEXT, 0},
        {BYTES("\x80\2X\1\0\0\0\xe9."), PICKLE_BYTES, 0},
        {BYTES("\x80\2X\1\0\0\0\0."), PICKLE_BYTES, 0},
        {BYTES("\x80\2G\0\0\0\0\0\0\0\0."), PICKLE_FLOAT, 0},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct pickle pickle;
        struct error err = {0};
        uint8_t *copy;
        if (read_copy(&pickle, &copy, values[i].bytes, values[i].size, &err) != OK)
            fail_msg("case %zu: %s", i, err.text);
        const struct pickle_value *root = pickle_get(&pickle, pickle.root);
        assert_int_equal(root->kind, values[i].kind);
        if (root->kind == PICKLE_INT || root->kind == PICKLE_BOOL)
            assert_true(root->integer == values[i].integer);
        pickle_free(&pickle);
        free(copy);
    }
}

static long long integer_of(const struct pickle *pickle, pickle_id id)
{
    const struct pickle_value *value = pickle_get(pickle, id);
    assert_int_equal(value->kind, PICKLE_INT);
    return value->integer;
}

/* [1, 2, 3, 4] from APPENDS and APPEND, {1: 2, 3: 4}, (1, 2) and objects from the memo, in their order. */
static void containers_hold_what_was_put_in(void **state)
{
    (void)state;
    struct pickle pickle;
    uint8_t *copy;
    long long next = 1;
    assert_int_equal(read_copy(&pickle, &copy, BYTES("\x80\2](K\1K\2K\3eK\4a."), NULL), OK);
    for (uint32_t at = pickle_get(&pickle, pickle.root)->first; at != PICKLE_NOTHING; at = pickle.links[at].next)
        assert_int_equal(integer_of(&pickle, pickle.links[at].value), next++);
    assert_int_equal(next, 5);
    pickle_free(&pickle);
    free(copy);
    next = 1;
    assert_int_equal(read_copy(&pickle, &copy, BYTES("\x80\2}(K\1K\2K\3K\4u."), NULL), OK);
    for (uint32_t at = pickle_get(&pickle, pickle.root)->first; at != PICKLE_NOTHING; at = pickle.links[at].next) {
        assert_int_equal(integer_of(&pickle, pickle.links[at].key), next++);
        assert_int_equal(integer_of(&pickle, pickle.links[at].value), next++);
    }
    assert_int_equal(next, 5);
    pickle_free(&pickle);
    free(copy);
    assert_int_equal(read_copy(&pickle, &copy, BYTES("\x80\2K\1K\2q\0K\3h\0\x87."), NULL), ERR_DATA); /* 1 is left */
    pickle_free(&pickle);
    free(copy);
    assert_int_equal(read_copy(&pickle, &copy, BYTES("\x80\2K\1K\2q\0h\0\x87."), NULL), OK);
    const struct pickle_value *tuple = pickle_get(&pickle, pickle.root);
    const long long expected[] = {1, 2, 2};
    assert_int_equal(tuple->length, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(integer_of(&pickle, pickle.links[tuple->begin + i].value), expected[i]);
    pickle_free(&pickle);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_read_or_refused),
        cmocka_unit_test(numbers_truth_values_and_texts),
        cmocka_unit_test(containers_hold_what_was_put_in),
    };
    return cmocka_run_group_tests_name("pickle machine", tests, NULL, NULL);
}
