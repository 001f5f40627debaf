#include "tests/support/test.h"

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
        cmocka_unit_test(text_from_outside_is_made_safe),
        cmocka_unit_test(escaped_text_is_not_escaped_again),
        cmocka_unit_test(whole_texts_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
