#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/csv.h"
#include "core/base/rng.h"
#include "core/base/text.h"

/* The whole of a text as "line: cell|cell" rows, or the message. */
static const char *read_all(char *out, size_t room, const char *text, size_t size, bool utf8)
{
    struct csv csv = {0};
    struct csv_row row;
    struct error err = {0};
    size_t used = 0;
    enum status status = csv_open(&csv, text, size, "x.csv", utf8, &err);
    out[0] = '\0';
    while (status == OK && (status = csv_next(&row, &csv, &err)) == OK && row.count > 0) {
        used += (size_t)snprintf(out + used, room - used, "%s%zu:", used ? " " : "", row.line);
        for (size_t i = 0; i < row.count; i++)
            used += (size_t)snprintf(out + used, room - used, "%s%s", i ? "|" : "", row.cells[i]);
    }
    if (status != OK) {
        assert_int_equal(status, ERR_DATA);
        text_printable(out, room, err.text);
    }
    csv_close(&csv);
    return out;
}

static void rows_and_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"\n\r\n\r", ""},
        {"a", "1:a"},
        {"a,b\nc,d\n", "1:a|b 2:c|d"},
        {"a,b\r\nc,d\r\n", "1:a|b 2:c|d"},
        {"a,b\rc,d\r", "1:a|b 2:c|d"},
        {"\xEF\xBB\xBF"
         "file,label\nx,y",
         "1:file|label 2:x|y"},
        {"\xEF\xBB\xBF"
         "\"file\",label",
         "1:file|label"},
        {",\n,\n", "1:| 2:|"},
        {"a,b,", "1:a|b|"},
        {"\"\"\n\"\"\"\"", "1: 2:\""},
        {"\"a,b\",\"c\"\"d\"", "1:a,b|c\"d"},
        {"\"a\nb\r\nc\rd\",e\nf,g", "1:a\nb\r\nc\rd|e 5:f|g"},
        {" a , b ", "1: a | b "},
        {"a\n\n\nb\n", "1:a 4:b"},
        {"\xC3\xA9,\xF0\x9F\x90\x9C", "1:\xC3\xA9|\xF0\x9F\x90\x9C"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[200];
        /* Without a NUL behind it, so that a sanitizer sees a byte too far. */
        size_t size = strlen(rows[i].text);
        char *text = malloc(size ? size : 1);
        assert_non_null(text);
        memcpy(text, rows[i].text, size);
        assert_string_equal(read_all(out, sizeof out, text, size, true), rows[i].expected);
        free(text);
    }
}

static void what_is_no_csv_is_refused_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size; /* 0: to the NUL */
        const char *expected;
    } rows[] = {
        {"a\nb\0c", 5, "x.csv: line 2: holds a NUL byte"},
        {"\xFF\xFE"
         "a\0",
         4, "x.csv: is UTF-16: save it as UTF-8"},
        {"\xFE\xFF\0a", 4, "x.csv: is UTF-16: save it as UTF-8"},
        {"a,b\nc\"d,e", 0, "x.csv: line 2: a quote stands inside cell 1"},
        {"a,b\nc,\"d\"e", 0, "x.csv: line 2: text follows the closing quote of cell 2"},
        {"a,b\n\nc,\"d\"\"", 0, "x.csv: line 3: the quote that opens cell 2 is never closed"},
        {"\"a\nb\",\"", 0, "x.csv: line 2: the quote that opens cell 2 is never closed"},
        {"a,b\nc\n", 0, "x.csv: line 2: has 1 cell, the first row has 2"},
        {"a\r\n\"b\r\n\"\r\nc,d\n", 0, "x.csv: line 4: has 2 cells, the first row has 1"},
        {"a,b\nc,\xFF", 0, "x.csv: line 2: is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[300];
        read_all(out, sizeof out, rows[i].text, rows[i].size ? rows[i].size : strlen(rows[i].text), true);
        assert_int_equal(strncmp(out, rows[i].expected, strlen(rows[i].expected)), 0);
    }
    char out[100];
    assert_string_equal(read_all(out, sizeof out, "a,\xFF", 3, false), "1:a|\xFF"); /* where bytes may be any */
}

static void rows_are_bounded(void **state)
{
    (void)state;
    size_t size = CSV_ROW_MOST + 2;
    char out[200], *text = malloc(size);
    assert_non_null(text);
    memset(text, ',', size);
    text[CSV_CELLS_MOST - 1] = '\n';
    struct csv csv;
    struct csv_row row;
    struct error err = {0};
    assert_int_equal(csv_open(&csv, text, CSV_CELLS_MOST, "x.csv", true, &err), OK);
    assert_int_equal(csv_next(&row, &csv, &err), OK);
    assert_int_equal(row.count, CSV_CELLS_MOST);
    csv_close(&csv);
    text[CSV_CELLS_MOST - 1] = ',';
    assert_non_null(strstr(read_all(out, sizeof out, text, CSV_CELLS_MOST, true), "line 1: the row is too long"));
    memset(text, 'a', size);
    assert_int_equal(csv_open(&csv, text, CSV_ROW_MOST, "x.csv", true, &err), OK);
    assert_int_equal(csv_next(&row, &csv, &err), OK);
    assert_int_equal(strlen(row.cells[0]), CSV_ROW_MOST);
    csv_close(&csv);
    assert_non_null(strstr(read_all(out, sizeof out, text, size - 1, true), "line 1: the row is too long"));
    free(text);
}

/* Any cells, written by the RFC, are read as they were. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char letters[] = "ab ,\"\n\r\t'=";
    for (uint64_t table = 0; table < 2000; table++) {
        char cells[12][9], text[400];
        struct rng rng = rng_stream(1, RNG_TEST, 0, table);
        size_t used = 0, columns = 1 + table % 3;
        for (size_t i = 0; i < 12; i++) {
            size_t length = rng_below(&rng, 8);
            for (size_t j = 0; j < length; j++)
                cells[i][j] = letters[rng_below(&rng, sizeof letters - 1)];
            cells[i][length] = '\0';
            text[used++] = '"';
            for (size_t j = 0; j < length; j++) {
                if (cells[i][j] == '"')
                    text[used++] = '"';
                text[used++] = cells[i][j];
            }
            text[used++] = '"';
            text[used++] = i % columns == columns - 1 ? '\n' : ',';
        }
        struct csv csv;
        struct csv_row row;
        assert_int_equal(csv_open(&csv, text, used, "x.csv", true, NULL), OK);
        for (size_t i = 0; i < 12; i += columns) {
            assert_int_equal(csv_next(&row, &csv, NULL), OK);
            assert_int_equal(row.count, columns);
            for (size_t j = 0; j < columns; j++)
                assert_string_equal(row.cells[j], cells[i + j]);
        }
        assert_int_equal(csv_next(&row, &csv, NULL), OK);
        assert_int_equal(row.count, 0);
        csv_close(&csv);
    }
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    char a[] = "file", b[] = "label", c[] = "label";
    char *cells[] = {a, b, c};
    struct csv_row row = {cells, 2, 1};
    assert_int_equal(csv_find(&row, "label"), 1);
    assert_int_equal(csv_find(&row, "file"), 0);
    assert_int_equal(csv_find(&row, "File"), CSV_NO_COLUMN);
    row.count = 3;
    assert_int_equal(csv_find(&row, "label"), CSV_NO_COLUMN); /* which of them? */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_cells),
        cmocka_unit_test(what_is_no_csv_is_refused_by_line),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(columns_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
