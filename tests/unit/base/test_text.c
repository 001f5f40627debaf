#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

static void text_from_outside_is_made_safe(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(text_escape(out, sizeof out, "a\\b\n\t\033\x7f\xff\xc3\xa9"),
                        "a\\\\b\\n\\t\\x1b\\x7f\\xff\xc3\xa9");
    assert_string_equal(text_printable(out, sizeof out, "a\\b\n\033\xff"), "a\\b\\n\\x1b\\xff");
    assert_string_equal(text_escape(out, sizeof out, "\xc2\x9b\xc2\xa0"), "\\xc2\\x9b\xc2\xa0"); /* U+009B is ESC [ */
    assert_string_equal(text_escape(out, 8, "1234567"), "1234...");
}

/* What turns the order of a line, ends it or is not seen: every number that is listed, and the ones beside them. */
static void what_cheats_the_eye_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool safe;
    } rows[] = {{"\xd8\x9b", true},      {"\xd8\x9c", false},       {"\xe2\x80\x8d", true},  {"\xe2\x80\x8e", false},
                {"\xe2\x80\x8f", false}, {"\xe2\x80\x90", true},    {"\xe2\x80\xa7", true},  {"\xe2\x80\xa8", false},
                {"\xe2\x80\xa9", false}, {"\xe2\x80\xaa", false},   {"\xe2\x80\xae", false}, {"\xe2\x80\xaf", true},
                {"\xe2\x81\xa5", true},  {"\xe2\x81\xa6", false},   {"\xe2\x81\xa9", false}, {"\xe2\x81\xaa", true},
                {"\xef\xbb\xbe", true},  {"\xef\xbb\xbf", false},   {"\xef\xbc\x80", true},  {"\xc2\x9f", false},
                {"\xc2\xa0", true},      {"\xf0\x9f\x90\x9c", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[32], expected[32] = "";
        for (const char *byte = rows[i].text; *byte; byte++)
            snprintf(expected + strlen(expected), 5, "\\x%02x", (unsigned)(unsigned char)*byte);
        text_escape(out, sizeof out, rows[i].text);
        assert_string_equal(out, rows[i].safe ? rows[i].text : expected);
        assert_string_equal(text_printable(out, sizeof out, rows[i].text), rows[i].safe ? rows[i].text : expected);
    }
}

static void zero_bytes_in_json_are_found(void **state)
{
    (void)state;
    assert_true(text_json_has_nul("[\"a\\u0000b\"]"));
    assert_true(text_json_has_nul("[\"\\\\\\u0000\"]"));
    assert_false(text_json_has_nul("[\"\\\\u0000\"]")); /* a backslash, then letters */
    assert_false(text_json_has_nul("[\"\\u0001u0000\\"));
    assert_false(text_json_has_nul(""));
}

/* What is escaped once stays as it is in a line that is printed. */
static void escaped_text_is_not_escaped_again(void **state)
{
    (void)state;
    char once[64], twice[64];
    text_escape(once, sizeof once, "a\\b\n\xff");
    assert_string_equal(text_printable(twice, sizeof twice, once), once);
}

static void whole_texts_are_numbers(void **state)
{
    (void)state;
    double real;
    long long whole;
    assert_true(text_to_double(&real, "1e-3") && real == 0.001);
    assert_true(text_to_long(&whole, "-12") && whole == -12);
    static const char *const wrong[] = {"", " 1", "1 ", "12abc", "nan", "inf", "1e999", "--1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(text_to_double(&real, wrong[i]));
        assert_false(text_to_long(&whole, wrong[i]));
    }
    assert_false(text_to_long(&whole, "1.5"));
    assert_false(text_to_long(&whole, "9223372036854775808"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_from_outside_is_made_safe), cmocka_unit_test(what_cheats_the_eye_is_escaped),
        cmocka_unit_test(zero_bytes_in_json_are_found),   cmocka_unit_test(escaped_text_is_not_escaped_again),
        cmocka_unit_test(whole_texts_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
