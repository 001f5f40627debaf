/* A generator of malformed safetensors: every kind of mistake, each among 25 sets of good tensors. The same files
 * without the mistake are read, so it is the mistake that each is refused for; and the byte that the error names lies
 * in it. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/rng.h"
#include "tests/support/hostile.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"

enum { SEEDS = 25 };

/* In a text @N stands for byte N of the data that belong to it: the good tensors have theirs before and behind. A text
 * with a $ is the whole header, and $ stands for good members; any other is a member among them. */
struct kind {
    const char *text;
    int data; /* bytes of its own */
    const char *wanted;
};

/* A tensor 'a' of F32; of U8, under that name. */
#define T(shape, range) "\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" range "}"
#define U(name, shape, range) "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" range "}"
#define GOOD "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[@0,@4]"

static const struct kind kinds[] = {
    /* the header as a whole */
    {" {$}", 0, "expected '{' as the header's first byte, found byte 0x20"},
    {"\n{$}", 0, "found byte 0x0a"},
    {"\xef\xbb\xbf{$}", 0, "found byte 0xef"},
    {"[$]", 0, "found '['"},
    {"null $", 0, "found 'n'"},
    {"$", 0, "expected '{' as the header's first byte"},
    {"{$", 0, "expected ',' or '}'"},
    {"{$]", 0, "expected ',' or '}', found ']'"},
    {"{$}\n", 0, "expected nothing but spaces behind the header's last '}', found byte 0x0a"},
    {"{$}}", 0, "found '}'"},
    {"{$}{}", 0, "found '{'"},
    {"{$} \t", 0, "found byte 0x09"},
    {"{,$}", 0, "expected a name in quotes, found ','"},
    {"{$,}", 0, "expected a name in quotes, found '}'"},
    {"{$,,\"a\":{}}", 0, "expected a name in quotes, found ','"},
    {"{/**/$}", 0, "expected a name in quotes, found '/'"},
    {"{$}", 1, "the tensors end here, but the file goes on for 1 bytes"},
    {"{$}", 4096, "the tensors end here, but the file goes on for 4096 bytes"},
    {"{$}", -1, ": truncated: "},
    {"{$}", -8, ": truncated: "},
    /* members */
    {"'a':1", 0, "expected a name in quotes"},
    {"a:1", 0, "expected a name in quotes"},
    {"\"a\"", 0, "expected ':'"},
    {"\"a\":", 0, "expected '{'"},
    {"\"a\":1", 0, "expected '{'"},
    {"\"a\":null", 0, "expected '{'"},
    {"\"a\":[\"F32\",[],[@0,@4]]", 4, "expected '{'"},
    {"\"a\":{}", 0, "expected \"dtype\", \"shape\" or \"data_offsets\""},
    {"\"a\":{" GOOD ",}", 4, "found '}'"},
    {"\"a\":{\"dtype\":\"F32\" \"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "expected ',' or '}', found '\"'"},
    /* keys */
    {"\"a\":{\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "tensor 'a', byte"},
    {"\"a\":{\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "no dtype"},
    {"\"a\":{\"dtype\":\"F32\",\"data_offsets\":[@0,@4]}", 4, "no shape"},
    {"\"a\":{\"dtype\":\"F32\",\"shape\":[1]}", 4, "no data_offsets"},
    {"\"a\":{\"dtype\":\"F32\",\"Shape\":[1],\"data_offsets\":[@0,@4]}", 4, "the key 'Shape' is not known"},
    {"\"a\":{" GOOD ",\"shape\":[1]}", 4, "'shape' occurs twice"},
    {"\"a\":{\"dtype\":\"F32\"," GOOD "}", 4, "'dtype' occurs twice"},
    {"\"a\":{" GOOD ",\"data_offsets\":[@0,@4]}", 4, "'data_offsets' occurs twice"},
    {"\"a\":{" GOOD ",\"x\":{\"y\":[]}}", 4, "key 'x' is not known"},
    {U("a", "[4]", "[@0,@4]") "," U("\\u0061", "[4]", "[@4,@8]"), 8, "the tensor 'a' occurs twice"},
    {U("a", "[0]", "[@0,@0]") "," U("a", "[0]", "[@0,@0]"), 0, "the tensor 'a' occurs twice"},
    {"\"__metadata__\":{},\"__metadata__\":{}", 0, "__metadata__ occurs twice"},
    {"\"__metadata__\":{\"k\":\"1\",\"j\":\"\",\"\\u006b\":\"2\"}", 0, "the metadata key 'k' occurs twice"},
    {"\"__metadata__\":{\"k\":1}", 0, "expected a text in quotes (metadata holds nothing else), found '1'"},
    {"\"__metadata__\":{\"k\":null}", 0, "expected a text in quotes"},
    {"\"__metadata__\":{\"k\":{\"l\":\"m\"}}", 0, "expected a text in quotes"},
    {"\"__metadata__\":null", 0, "expected '{'"},
    {"\"__metadata__\":[]", 0, "expected '{'"},
    /* types */
    {"\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "the type 'F31' is not known"},
    {"\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "the type 'f32' is not known"},
    {"\"a\":{\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "the type '' is not known"},
    {"\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[@0,@4]}", 4, "expected a type in quotes"},
    {"\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[@0,@1]}", 1, "[3] of type F4 is not a whole number"},
    /* shapes */
    {T("[4294967296,4294967296]", "[@0,@0]"), 0, "shape [4294967296,4294967296] of type F32 is not a whole number"},
    {T("[4294967296,4294967296]", "[@0,@4]"), 4, "is not a whole number"},
    {T("[4611686018427387904]", "[@0,@0]"), 0, "is not a whole number"},
    {T("[2305843009213693952]", "[@0,@0]"), 0, "is not a whole number"},
    {T("[18446744073709551615,18446744073709551615,0]", "[@0,@0]"), 0, "is not a whole number"},
    {T("[1,1,1,1,1,1,1,1,1]", "[@0,@4]"), 4, "more than 8 dimensions"},
    {T("[2]", "[@0,@4]"), 4, "hold 4 bytes, shape [2] of type F32 needs 8"},
    {T("[0]", "[@0,@4]"), 4, "needs 0"},
    {T("[]", "[@0,@8]"), 8, "shape [] of type F32 needs 4"},
    {T("[1,]", "[@0,@4]"), 4, "expected digits of a whole number, found ']'"},
    {T("[,1]", "[@0,@4]"), 4, "found ','"},
    {T("[1 1]", "[@0,@4]"), 4, "expected ',' or ']', found '1'"},
    {T("[[1]]", "[@0,@4]"), 4, "found '['"},
    {T("[\"1\"]", "[@0,@4]"), 4, "found '\"'"},
    {T("[true]", "[@0,@4]"), 4, "found 't'"},
    {T("{}", "[@0,@4]"), 4, "expected '[', found '{'"},
    {T("1", "[@0,@4]"), 4, "expected '['"},
    {T("[01]", "[@0,@4]"), 4, "a number with a leading zero"},
    {T("[+1]", "[@0,@4]"), 4, "found '+'"},
    {T("[0x1]", "[@0,@4]"), 4, "expected ',' or ']', found 'x'"},
    {T("[1.0]", "[@0,@4]"), 4, "a fraction or an exponent"},
    {T("[1e0]", "[@0,@4]"), 4, "a fraction or an exponent"},
    {T("[-0]", "[@0,@0]"), 0, "found '-'"},
    {T("[18446744073709551617]", "[@0,@4]"), 4, "a number beyond 2^64-1"},
    /* ranges */
    {T("[1]", "[@4,@0]"), 4, "data_offsets are ["},
    {T("[1]", "[18446744073709551612,18446744073709551615]"), 4,
     "data_offsets [18446744073709551612,18446744073709551615] hold 3 bytes"},
    {T("[1]", "[@0,@4,@8]"), 8, "expected ']', found ','"},
    {T("[1]", "[@0]"), 4, "expected ',', found ']'"},
    {T("[1]", "[]"), 4, "expected digits"},
    {T("[1]", "@4"), 4, "expected '['"},
    {T("[1]", "[@1,@5]"), 5, "there is a hole before it"},
    {U("a", "[2]", "[@0,@2]") "," U("b", "[2]", "[@3,@5]"), 5, "tensor 'b', byte"},
    {U("a", "[2]", "[@0,@2]") "," U("b", "[2]", "[@3,@5]"), 5, "there is a hole before it"},
    {U("a", "[2]", "[@0,@2]") "," U("b", "[2]", "[@1,@3]"), 3, "it overlaps another tensor"},
    {U("a", "[2]", "[@0,@2]") "," U("b", "[2]", "[@0,@2]"), 2, "it overlaps another tensor"},
    {U("a", "[4]", "[@0,@4]") "," U("b", "[0]", "[@2,@2]"), 4, "it overlaps another tensor"},
    /* texts */
    {"\"\xff\":{}", 0, "byte 0xff is not valid UTF-8"},
    {"\"\xc0\x80\":{}", 0, "byte 0xc0 is not valid UTF-8"},
    {"\"\xed\xa0\x80\":{}", 0, "byte 0xed is not valid UTF-8"},
    {"\"\xf4\x90\x80\x80\":{}", 0, "byte 0xf4 is not valid UTF-8"},
    {"\"\xe2\x82", 0, "byte 0xe2 is not valid UTF-8"},
    {"\"\\ud800\":{}", 0, "\\ud800 is half of a surrogate pair"},
    {"\"\\udc00\\udc00\":{}", 0, "\\udc00 is half of a surrogate pair"},
    {"\"\\udc00\\ud800\":{}", 0, "\\udc00 is half of a surrogate pair"},
    {"\"\\ud800\\u0041\":{}", 0, "half of a surrogate pair"},
    {"\"\\u0000\":{}", 0, "\\u0000 in a text"},
    {"\"\\u00g0\":{}", 0, "\\u is not followed by four hexadecimal digits"},
    {"\"\\x41\":{}", 0, "an escape that JSON does not know"},
    {"\"a\tb\":{}", 0, "control byte 0x09 in a text"},
    {"\"a\nb\":{}", 0, "control byte 0x0a in a text"},
    {"\"__metadata__\":{\"k\":\"\x80\"}", 0, "byte 0x80 is not valid UTF-8"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A header under construction, and how many bytes of data its tensors have so far. */
struct header {
    struct bytes text;
    uint64_t data;
    bool more; /* a comma belongs before the next member */
};

static void put_comma(struct header *header)
{
    if (header->more)
        bytes_put(&header->text, ",", 1);
    header->more = true;
}

/* Up to three tensors of any type and shape, named after `prefix`; some sets have metadata among them. */
static void put_good(struct header *header, struct rng *rng, const char *prefix, bool metadata)
{
    static const struct {
        const char *name;
        unsigned bytes;
    } types[] = {{"BOOL", 1}, {"U8", 1}, {"F16", 2}, {"BF16", 2}, {"F32", 4}, {"F64", 8}, {"I64", 8}};
    uint32_t count = rng_below(rng, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t type = rng_below(rng, sizeof types / sizeof *types), rank = rng_below(rng, 4);
        uint64_t bytes = types[type].bytes;
        char text[200];
        put_comma(header);
        bytes_put(&header->text, text,
                  (size_t)snprintf(text, sizeof text, "\"%s.%u\":{\"dtype\":\"%s\",\"shape\":[", prefix, i,
                                   types[type].name));
        for (uint32_t k = 0; k < rank; k++) {
            uint32_t size = rng_below(rng, 5);
            bytes *= size;
            bytes_put(&header->text, text, (size_t)snprintf(text, sizeof text, "%s%u", k ? ", " : "", size));
        }
        bytes_put(&header->text, text,
                  (size_t)snprintf(text, sizeof text, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", header->data,
                                   header->data + bytes));
        header->data += bytes;
    }
    if (metadata && rng_below(rng, 2)) {
        put_comma(header);
        bytes_put_text(&header->text, "\"__metadata__\" : {\"format\":\"pt\"}");
    }
}

/* The text, with @N as numbers. */
static void put_numbered(struct header *header, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char number[24];
        if (text[i] != '@') {
            bytes_put(&header->text, text + i, 1);
            continue;
        }
        uint64_t value = header->data;
        value += (uint64_t)(text[++i] - '0');
        bytes_put(&header->text, number, (size_t)snprintf(number, sizeof number, "%" PRIu64, value));
    }
}

/* A whole file with the kind's mistake, which lies in [*from, *to) of it; without one when kind is NULL. */
static void build(struct bytes *out, size_t *from, size_t *to, const struct kind *kind, struct rng *rng)
{
    struct header header = {0};
    const char *frame = kind && strchr(kind->text, '$') ? kind->text : kind ? NULL : "{$}";
    bool metadata = !kind || !strstr(kind->text, "__metadata__");
    int64_t more = kind ? kind->data : 0;
    if (frame) {
        const char *members = strchr(frame, '$');
        bytes_put(&header.text, frame, (size_t)(members - frame));
        put_good(&header, rng, "first", metadata);
        put_comma(&header);
        put_numbered(&header, U("last", "[8]", "[@0,@8]"), sizeof U("last", "[8]", "[@0,@8]") - 1);
        header.data += 8;
        bytes_put_text(&header.text, members + 1);
        *from = 0;
        *to = SIZE_MAX;
    } else {
        bytes_put(&header.text, "{", 1);
        put_good(&header, rng, "before", metadata);
        put_comma(&header);
        *from = 8 + header.text.length;
        put_numbered(&header, kind->text, strlen(kind->text));
        *to = 8 + header.text.length;
        header.data += (uint64_t)kind->data;
        more = 0;
        put_good(&header, rng, "behind", false);
        bytes_put(&header.text, "}", 1);
    }
    for (uint32_t i = rng_below(rng, 4); i > 0 && !(kind && frame); i--)
        bytes_put(&header.text, " ", 1);
    bytes_put_little(out, header.text.length, 8);
    bytes_put(out, header.text.data, header.text.length);
    for (int64_t i = 0; i < (int64_t)header.data + more; i++)
        bytes_put(out, &(uint8_t){(uint8_t)i}, 1);
    bytes_free(&header.text);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void every_kind_is_refused_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            struct rng rng = rng_stream(seed, RNG_TEST, 4, i);
            struct bytes file = {0};
            size_t from, to;
            build(&file, &from, &to, &kinds[i], &rng);
            size_t at = hostile_assert_refused(file.data, file.length, kinds[i].wanted);
            /* What is missing at the end of a member is missed at the comma or brace behind it. */
            if (at < from || (to != SIZE_MAX && at > to) || at > file.length)
                fail_msg("kind %zu, seed %u: byte %zu is named, wrong are %zu to %zu", i, seed, at, from, to);
            bytes_free(&file);
        }
}

static void the_same_files_without_the_mistake_are_read(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 4 * SEEDS; seed++) {
        struct rng rng = rng_stream(seed, RNG_TEST, 4, 0);
        struct bytes file = {0};
        size_t from, to;
        build(&file, &from, &to, NULL, &rng);
        assert_true(hostile_refused_or_rewritten(file.data, file.length));
        bytes_free(&file);
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
        cmocka_unit_test(every_kind_is_refused_at_its_place),
        cmocka_unit_test(the_same_files_without_the_mistake_are_read),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("safetensors, kinds of mistakes", tests, folder_setup, folder_teardown);
}
