#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/table.h"
#include "cli/term.h"

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

static void csv_is_rfc_4180(void **state)
{
    (void)state;
    char *text = written(TABLE_CSV);
    assert_string_equal(text, "file,photos,class\r\n"
                              "\"a,\"\"b\"\".jpg\",\"1,234\",ants\r\n"
                              "\"line\nbreak\ttab\",7,\r\n"
                              "caf\xc3\xa9,,\xe7\x8c\xab \\xff\r\n");
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
    assert_int_equal(text_width("cafe\xcc\x81"), 4);     /* combining acute */
    assert_int_equal(text_width("\xe7\x8c\xab"), 2);     /* a CJK cat */
    assert_int_equal(text_width("\xf0\x9f\x90\x9c"), 2); /* an ant */
    assert_int_equal(text_width("\xff\xfe"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_aligned_by_what_the_eye_sees),
        cmocka_unit_test(tsv_is_always_one_line_a_row),
        cmocka_unit_test(csv_is_rfc_4180),
        cmocka_unit_test(jsonl_is_json),
        cmocka_unit_test(json_strings_are_exact_where_they_can_be),
        cmocka_unit_test(json_documents),
        cmocka_unit_test(numbers_as_people_read_them),
        cmocka_unit_test(widths_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
