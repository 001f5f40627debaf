#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/term.h"

static const struct column columns[] = {
    {"file", COLUMN_TEXT, 0, 0}, {"photos", COLUMN_NUMBER, 0, 0}, {"class", COLUMN_TEXT, 0, 0}};
static const char *const cells[][3] = {
    {"a,\"b\".jpg", "1,234", "ants"},
    {"line\nbreak\ttab", "7", NULL},
    {"caf\xc3\xa9", NULL, "\xe7\x8c\xab \xff"},
};

/* The table of the rows above, owned by the caller (free). */
static char *written(enum table_format format)
{
    char *text;
    size_t size;
    struct table table;
    struct error err;
    FILE *out = open_memstream(&text, &size);
    table_start(&table, out, format, columns, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(table_row(&table, cells[i], &err), OK);
    assert_int_equal(table_rule(&table, &err), OK);
    table_end(&table);
    table_discard(&table);
    fclose(out);
    return text;
}

static void text_is_aligned_by_what_the_eye_sees(void **state)
{
    (void)state;
    char *text = written(TABLE_TEXT);
    assert_string_equal(text, "file              photos  class\n"
                              "a,\"b\".jpg          1,234  ants\n"
                              "line\\nbreak\\ttab       7\n"
                              "caf\xc3\xa9                      \xe7\x8c\xab \\xff\n"
                              "---------------------------------\n");
    free(text);
}

static void tsv_is_always_one_line_a_row(void **state)
{
    (void)state;
    char *text = written(TABLE_TSV);
    assert_string_equal(text, "file\tphotos\tclass\n"
                              "a,\"b\".jpg\t1,234\tants\n"
                              "line\\nbreak\\ttab\t7\t\n"
                              "caf\xc3\xa9\t\t\xe7\x8c\xab \\xff\n");
    free(text);
}

static void csv_is_one_line_a_row_too(void **state)
{
    (void)state;
    char *text = written(TABLE_CSV);
    assert_string_equal(text, "file,photos,class\n"
                              "\"a,\"\"b\"\".jpg\",\"1,234\",ants\n"
                              "line\\nbreak\\ttab,7,\n"
                              "caf\xc3\xa9,,\xe7\x8c\xab \\xff\n");
    free(text);
}

/* One row of a table in a format, owned by the caller. */
static char *row_of(enum table_format format, const char *file, const char *number)
{
    char *text;
    size_t size;
    struct table table;
    FILE *out = open_memstream(&text, &size);
    table_start(&table, out, format, columns, 2);
    assert_int_equal(table_row(&table, (const char *const[]){file, number}, NULL), OK);
    table_end(&table);
    fclose(out);
    return text;
}

/* What a spreadsheet would run, or what could be taken for the mark against that. */
static void formulas_are_made_harmless(void **state)
{
    (void)state;
    static const char *const begins[] = {"=",   "+",  "-", "@", "'", " =", "\xc2\xa0=", "\xef\xbc\x9d", "\xef\xbc\xa0",
                                         "\t=", "\r="};
    static const char *const marked[] = {
        "'=", "'+", "'-", "'@", "''", "' =", "'\xc2\xa0=", "'\xef\xbc\x9d", "'\xef\xbc\xa0", "\\t=", "\\x0d="};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        char name[32], tsv[64], csv[64];
        snprintf(name, sizeof name, "%s1", begins[i]);
        snprintf(tsv, sizeof tsv, "file\tphotos\n%s1\t-0.5\n", marked[i]);
        bool quoted = begins[i][0] == ' ';
        snprintf(csv, sizeof csv, "file,photos\n%s%s1%s,-0.5\n", quoted ? "\"" : "", marked[i], quoted ? "\"" : "");
        char *found[] = {row_of(TABLE_TSV, name, "-0.5"), row_of(TABLE_CSV, name, "-0.5"),
                         row_of(TABLE_TEXT, "=1", "-0.5"), row_of(TABLE_JSONL, "=1", "-0.5")};
        assert_string_equal(found[0], tsv);
        assert_string_equal(found[1], csv);
        assert_string_equal(found[2], "file  photos\n=1      -0.5\n");
        assert_string_equal(found[3], "{\"file\": \"=1\", \"photos\": -0.5}\n");
        for (size_t k = 0; k < 4; k++)
            free(found[k]);
    }
}

/* A path as long as the system takes, with four bytes for each, stands there whole. */
static void long_cells_are_not_cut(void **state)
{
    (void)state;
    static char name[4096];
    memset(name, 1, sizeof name - 1);
    char *text = row_of(TABLE_TSV, name, "1");
    assert_int_equal(strlen(text), sizeof "file\tphotos\n" - 1 + 4 * (sizeof name - 1) + sizeof "\t1\n" - 1);
    free(text);
}

static void jsonl_is_json(void **state)
{
    (void)state;
    char *text = written(TABLE_JSONL);
    assert_string_equal(text, "{\"file\": \"a,\\\"b\\\".jpg\", \"photos\": 1234, \"class\": \"ants\"}\n"
                              "{\"file\": \"line\\nbreak\\u0009tab\", \"photos\": 7, \"class\": null}\n"
                              "{\"file\": \"caf\xc3\xa9\", \"photos\": null, \"class\": \"\xe7\x8c\xab \\\\xff\"}\n");
    free(text);
}

/* The string that a JSON reader gets from json_string. */
static void reads_back(const char *text, const char *expected)
{
    char *json;
    size_t size;
    FILE *out = open_memstream(&json, &size);
    json_string(out, text);
    fclose(out);
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    assert_string_equal(value->valuestring, expected);
    cJSON_Delete(value);
    free(json);
}

static void json_strings_are_exact_where_they_can_be(void **state)
{
    (void)state;
    reads_back("plain", "plain");
    reads_back("\x01\x1f\x7f\n\r\t\"\\/", "\x01\x1f\x7f\n\r\t\"\\/");
    reads_back("\xf0\x9f\x90\x9c \xc3\xa9", "\xf0\x9f\x90\x9c \xc3\xa9");
    reads_back("\xe2\x80\xae\xef\xbb\xbf\xc2\x9b", "\xe2\x80\xae\xef\xbb\xbf\xc2\x9b");
    reads_back("\xe2\x80\xae\xff", "\\xe2\\x80\\xae\\xff");
    reads_back("a\\b\n\xff\xed\xa0\x80\x01", "a\\\\b\\n\\xff\\xed\\xa0\\x80\\x01"); /* as text_escape has it */
}

static void json_documents(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (int pretty = 0; pretty < 2; pretty++) {
        struct json json = json_start(out, pretty);
        json_open(&json, NULL, '{');
        json_text(&json, "a", NULL);
        json_open(&json, "l", '[');
        json_int(&json, NULL, -1);
        json_float(&json, NULL, 0.1f);
        json_double(&json, NULL, 0.1);
        json_double(&json, NULL, (double)NAN);
        json_close(&json);
        json_open(&json, "e", '{');
        json_close(&json);
        json_bool(&json, "b", true);
        json_close(&json);
        json_end(&json);
    }
    fclose(out);
    assert_string_equal(text, "{\"a\": null, \"l\": [-1, 0.1, 0.1, null], \"e\": {}, \"b\": true}\n"
                              "{\n  \"a\": null,\n  \"l\": [\n    -1,\n    0.1,\n    0.1,\n    null\n  ],\n"
                              "  \"e\": {},\n  \"b\": true\n}\n");
    free(text);
}

static void numbers_as_people_read_them(void **state)
{
    (void)state;
    char t[NUMBER_TEXT];
    assert_string_equal(number_count(t, 0), "0");
    assert_string_equal(number_count(t, 999), "999");
    assert_string_equal(number_count(t, 25557032), "25,557,032");
    assert_string_equal(number_count(t, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(number_bytes(t, 999), "999 bytes");
    assert_string_equal(number_bytes(t, 1500), "1.50 KB");
    assert_string_equal(number_bytes(t, 999999), "1.00 MB");
    assert_string_equal(number_bytes(t, 102400000), "102 MB");
    assert_string_equal(number_bytes(t, UINT64_MAX), "18446744 TB");
    assert_string_equal(number_flop(t, 8.178e9), "8.18 GFLOP");
    assert_string_equal(number_flop(t, 16.94e9), "16.9 GFLOP");
    assert_string_equal(number_seconds(t, 0), "under 0.1 s");
    assert_string_equal(number_seconds(t, 0.004), "under 0.1 s");
    assert_string_equal(number_seconds(t, 0.0949), "under 0.1 s");
    assert_string_equal(number_seconds(t, 0.0951), "0.10 s");
    assert_string_equal(number_seconds(t, 0.423), "0.42 s");
    assert_string_equal(number_seconds(t, 59.96), "1 min 00 s");
    assert_string_equal(number_seconds(t, 185), "3 min 05 s");
    assert_string_equal(number_seconds(t, 7500), "2 h 05 min");
    assert_string_equal(number_rough(t, 0.02), "under 0.1 s");
    assert_string_equal(number_rough(t, 3.14), "3.1 s");
    assert_string_equal(number_rough(t, 9.96), "10 s");
    assert_string_equal(number_rough(t, 59.6), "1 min 00 s");
    assert_string_equal(number_rough(t, 188), "3 min 10 s");
    assert_string_equal(number_rough(t, 596), "10 min");
    assert_string_equal(number_rough(t, 3572), "1 h 00 min");
    assert_string_equal(number_rough(t, 7500), "2 h 05 min");
    assert_string_equal(number_rough(t, 1e6), "277 h 47 min");
    assert_string_equal(number_about(t, 0.02), "under 0.1 s");
    assert_string_equal(number_about(t, 720), "about 12 min");
    assert_string_equal(number_clock(t, 42.2), "0:42");
    assert_string_equal(number_clock(t, 3723), "1:02:03");
    assert_string_equal(number_clock(t, 1e30), "277777:46:40");
    assert_string_equal(number_percent(t, 0.9154), "91.5 %");
    assert_string_equal(number_float(t, 0.1f), "0.1");
    assert_string_equal(number_float(t, 0.30000001192f), "0.3");
    assert_string_equal(number_float(t, 16777217.0f), "16777216");
    assert_string_equal(number_float(t, 3.40282347e38f), "3.4028235e+38");
    assert_string_equal(number_float(t, (float)INFINITY), "inf");
    assert_string_equal(number_double(t, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(number_double(t, 10), "10");
    assert_string_equal(number_double(t, -1200), "-1200");
    assert_string_equal(number_double(t, 9e15), "9000000000000000");
    assert_string_equal(number_double(t, 1e16), "1e+16");
    assert_string_equal(number_double(t, 1e-4), "0.0001");
    assert_string_equal(number_double(t, 0), "0");
    assert_string_equal(number_float(t, 1e7f), "10000000");
    assert_string_equal(number_float(t, 1e8f), "1e+08");
}

static void widths_of_text(void **state)
{
    (void)state;
    assert_int_equal(text_width("ants"), 4);
    assert_int_equal(text_width("caf\xc3\xa9"), 4);
    assert_int_equal(text_width("\xff\xfe"), 2);
    assert_int_equal(text_width("a\tb\x7f"), 4);
#ifdef HAVE_UTF8PROC
    assert_int_equal(text_width("cafe\xcc\x81"), 4);             /* combining acute */
    assert_int_equal(text_width("\xe7\x8c\xab"), 2);             /* a CJK cat */
    assert_int_equal(text_width("\xf0\x9f\x90\x9c"), 2);         /* an ant */
    assert_int_equal(text_width("\xf0\x9f\xa6\x84"), 2);         /* a unicorn, of Unicode 8 */
    assert_int_equal(text_width("\xe0\xa4\x95\xe0\xa5\x81"), 1); /* Devanagari ka with its vowel sign u */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_aligned_by_what_the_eye_sees),
        cmocka_unit_test(tsv_is_always_one_line_a_row),
        cmocka_unit_test(csv_is_one_line_a_row_too),
        cmocka_unit_test(formulas_are_made_harmless),
        cmocka_unit_test(long_cells_are_not_cut),
        cmocka_unit_test(jsonl_is_json),
        cmocka_unit_test(json_strings_are_exact_where_they_can_be),
        cmocka_unit_test(json_documents),
        cmocka_unit_test(numbers_as_people_read_them),
        cmocka_unit_test(widths_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
