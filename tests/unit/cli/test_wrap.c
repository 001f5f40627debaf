#define _XOPEN_SOURCE 700
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/table_fit.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"

static char *wrapped(const char *text, struct wrap wrap)
{
    char *out;
    size_t size;
    FILE *stream = open_memstream(&out, &size);
    text_wrap(stream, text, wrap);
    fclose(stream);
    return out;
}

static void lines_break_at_blanks_and_go_on_where_their_text_begins(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct wrap wrap;
        const char *wanted;
    } cases[] = {
        {"a line", {.width = 0, .indent = WRAP_LABEL}, "a line"},
        {"one two three", {.width = 9, .indent = 2}, "one two\n  three"},
        {"x one two", {.width = 9, .column = 5, .indent = 1}, "x\n one two"},
        {"memory  653 MB: weights 102 MB",
         {.width = 29, .indent = WRAP_LABEL},
         "memory  653 MB: weights\n        102 MB"},
        {"    label  one two three four five six",
         {.width = 33, .indent = WRAP_LABEL},
         "    label  one two three four\n           five six"},
        {"photos: one two three four five six seven",
         {.width = 30, .indent = WRAP_LABEL},
         "photos: one two three four\n  five six seven"},
        /* a number and its unit, two blanks before one */
        {"it takes up to 12 MB, then", {.width = 17, .indent = 0}, "it takes up to\n12 MB, then"},
        {"accuracy 91.5 %  val loss 0.3", {.width = 22, .indent = 2}, "accuracy 91.5 %\n  val loss 0.3"},
        /* a word longer than a line */
        {"model /one/two/three/four", {.width = 12, .indent = 2}, "model\n  /one/two/\n  three/four"},
        {"abcdefghij", {.width = 4, .indent = 0}, "abcd\nefgh\nij"},
        /* wide characters and combining ones */
        {"\xe7\x8c\xab\xe7\x8c\xab \xe7\x8c\xab", {.width = 6, .indent = 0}, "\xe7\x8c\xab\xe7\x8c\xab\n\xe7\x8c\xab"},
        {"e\xcc\x81 e\xcc\x81 e", {.width = 3, .indent = 0}, "e\xcc\x81 e\xcc\x81\ne"},
        /* line feeds stay */
        {"a\n  b c\n", {.width = 4, .indent = WRAP_LABEL}, "a\n  b\n  c\n"},
        /* what is for a shell stays one command */
        {"run --data x --lr 1", {.width = 15, .indent = 2, .command = true}, "run --data x \\\n  --lr 1"},
        {"run /one/two/three", {.width = 12, .indent = 2, .command = true}, "run \\\n  /one/\\\ntwo/three"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = wrapped(cases[i].text, cases[i].wrap);
        assert_string_equal(text, cases[i].wanted);
        free(text);
    }
}

static void no_line_is_wider_whatever_the_text(void **state)
{
    (void)state;
    static const char text[] =
        "class  a-very-long-name/with,parts|and \xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab  12345 MB of /a/long/path/"
        "that-nothing-breaks-as-it-has-no-blank-in-it.jpg: \xff\xfe bytes, and  an end";
    for (size_t width = 40; width <= 130; width++) {
        char *lines = wrapped(text, (struct wrap){.width = width, .indent = WRAP_LABEL}), *rest = lines, *line;
        while ((line = strsep(&rest, "\n")))
            assert_true(text_width(line) <= width);
        free(lines);
    }
}

static void texts_are_shortened_at_the_end_that_matters_less(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(text_shorten(out, sizeof out, "short", 0), "short");
    assert_string_equal(text_shorten(out, sizeof out, "short", 5), "short");
    assert_string_equal(text_shorten(out, sizeof out, "a long name", 8), "a lon...");
    assert_string_equal(text_shorten(out, sizeof out, "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab", 5), "\xe7\x8c\xab...");
    assert_string_equal(text_shorten(out, sizeof out, "long", 2), "..");
    assert_string_equal(text_shorten_left(out, sizeof out, "photos/val/cat.jpg", 0), "photos/val/cat.jpg");
    assert_string_equal(text_shorten_left(out, sizeof out, "photos/val/cat.jpg", 15), ".../val/cat.jpg");
    assert_string_equal(text_shorten_left(out, sizeof out, "photos/val/cat.jpg", 17), ".../val/cat.jpg");
    assert_string_equal(text_shorten_left(out, sizeof out, "a-name-without-any-slash", 11), "...ny-slash");
    assert_string_equal(text_shorten_left(out, sizeof out, "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab", 5),
                        "...\xe7\x8c\xab");
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const struct column columns[] = {{"file", COLUMN_PATH, 10, 0},
                                        {"val accuracy", COLUMN_NUMBER, 0, 0},
                                        {"time", COLUMN_NUMBER, 0, 1},
                                        {"memory", COLUMN_NUMBER, 0, 2}};
static const char *const rows[][4] = {{"photos/val/cat/1.jpg", "91.5 %", "12.1 s", "653 MB"},
                                      {"photos/val/cat/2.jpg", "100.0 %", "9.90 s", "1.21 GB"}};

static char *table_text(size_t limit)
{
    char *text;
    size_t size;
    struct table table;
    struct error err;
    FILE *out = open_memstream(&text, &size);
    table_start(&table, out, TABLE_TEXT, columns, 4);
    table.limit = limit;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(table_row(&table, rows[i], &err), OK);
    table_end(&table);
    fclose(out);
    return text;
}

static void assert_table(size_t limit, const char *wanted)
{
    char *text = table_text(limit), *copy = text, *line;
    assert_string_equal(text, wanted);
    while ((line = strsep(&copy, "\n")))
        assert_true(limit == 0 || text_width(line) <= limit);
    free(text);
}

static void a_table_gets_narrower_by_what_its_columns_allow(void **state)
{
    (void)state;
    assert_table(0, "file                  val accuracy    time   memory\n"
                    "photos/val/cat/1.jpg        91.5 %  12.1 s   653 MB\n"
                    "photos/val/cat/2.jpg       100.0 %  9.90 s  1.21 GB\n");
    /* the title first */
    assert_table(48, "                           val\n"
                     "file                  accuracy    time   memory\n"
                     "photos/val/cat/1.jpg    91.5 %  12.1 s   653 MB\n"
                     "photos/val/cat/2.jpg   100.0 %  9.90 s  1.21 GB\n");
    /* then the path, on its left */
    assert_table(40, "                    val\n"
                     "file           accuracy    time   memory\n"
                     ".../cat/1.jpg    91.5 %  12.1 s   653 MB\n"
                     ".../cat/2.jpg   100.0 %  9.90 s  1.21 GB\n");
    /* then memory goes, then time */
    assert_table(30, "                   val\n"
                     "file          accuracy    time\n"
                     ".../1.jpg       91.5 %  12.1 s\n"
                     ".../2.jpg      100.0 %  9.90 s\n");
    assert_table(22, "                   val\n"
                     "file          accuracy\n"
                     ".../1.jpg       91.5 %\n"
                     ".../2.jpg      100.0 %\n");
}

static void what_no_column_allows_is_folded(void **state)
{
    (void)state;
    static const struct column wide[] = {{"class", COLUMN_TEXT, 4, 0},
                                         {"dandelion", COLUMN_NUMBER, 6, 0},
                                         {"daisy", COLUMN_NUMBER, 6, 0},
                                         {"tulip", COLUMN_NUMBER, 6, 0}};
    static const char *const cells[] = {"dandelion", "1,234,567", "2", "3"};
    char *text;
    size_t size;
    struct table table;
    struct error err;
    FILE *out = open_memstream(&text, &size);
    table_start(&table, out, TABLE_TEXT, wide, 4);
    table.limit = 22;
    assert_int_equal(table_row(&table, cells, &err), OK);
    table_end(&table);
    fclose(out);
    /* a number is never cut */
    assert_string_equal(text, "c...  dandelion  daisy\n"
                              "d...  1,234,567      2\n"
                              "\n"
                              "c...  tulip\n"
                              "d...      3\n");
    free(text);
}

static void rows_that_come_one_by_one_keep_their_columns(void **state)
{
    (void)state;
    static const size_t widths[] = {20, 7, 7, 7};
    char *text;
    size_t size;
    struct live_table *table;
    struct error err;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(live_table_create(&table, out, columns, widths, 4, &err), OK);
    live_table_titles(table);
    live_table_row(table, rows[0]);
    live_table_row(table, rows[1]);
    live_table_destroy(table);
    fclose(out);
    assert_string_equal(text, "file                  val accuracy     time   memory\n"
                              "photos/val/cat/1.jpg        91.5 %   12.1 s   653 MB\n"
                              "photos/val/cat/2.jpg       100.0 %   9.90 s  1.21 GB\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_break_at_blanks_and_go_on_where_their_text_begins),
        cmocka_unit_test(no_line_is_wider_whatever_the_text),
        cmocka_unit_test(texts_are_shortened_at_the_end_that_matters_less),
        cmocka_unit_test(a_table_gets_narrower_by_what_its_columns_allow),
        cmocka_unit_test(what_no_column_allows_is_folded),
        cmocka_unit_test(rows_that_come_one_by_one_keep_their_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
