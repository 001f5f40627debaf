/* Tables of probabilities: what is written is read, what is no table is refused with its line. */
#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/probabilities.h"
#include "cli/report/probabilities_reader.h"
#include "cli/shell/cell.h"
#include "core/base/memory.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

static char *const names[] = {"=x", "ants", "b\"e,e\ns", "\xff"};
static const struct class_names classes = {.names = (char **)names, .count = 4};

static void cells_come_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"",        "plain", "'",     "''",       "=1+1",         " =1", "a\\b",
                                        "a\nb\tc", "\\x41", "\\\\x", "\xff\xfe", "\xe2\x80\xae", "-",   "'\\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char cell[64] = "";
        FILE *out = fmemopen(cell, sizeof cell, "w");
        assert_non_null(out);
        tsv_cell(out, texts[i]);
        fclose(out);
        assert_string_equal(cell_undo(cell), texts[i]);
    }
}

static void what_no_cell_holds_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {"\\", "a\\", "\\q", "\\x", "\\x4", "\\xg0", "\\x00", "\\xFF"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char cell[16];
        snprintf(cell, sizeof cell, "%s", texts[i]);
        assert_string_equal(cell_undo(cell), texts[i]);
    }
}

/* More rows than a piece of the file that is read at once; far apart logits, whose small probabilities have digits. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    enum { ROWS = 9000 };
    struct error err = {0};
    struct probabilities_reader *reader;
    const struct probability_row *row;
    FILE *out = fopen(test_path(folder, "p.csv"), "w");
    probabilities_put_head(out, &classes);
    for (int i = 0; i < ROWS; i++) {
        char file[32];
        const float logits[4] = {(float)i, 0, -100, 700};
        snprintf(file, sizeof file, "a/%d,\".jpg", i);
        probabilities_put_row(out, file, names[i % 4], logits, 4);
    }
    fclose(out);
    if (probabilities_open(&reader, test_path(folder, "p.csv"), &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(probabilities_classes(reader)->count, 4);
    for (size_t k = 0; k < 4; k++)
        assert_string_equal(probabilities_classes(reader)->names[k], names[k]);
    for (int i = 0; i < ROWS; i++) {
        char file[32];
        if (probabilities_next(&row, reader, &err) != OK || !row)
            fail_msg("row %d: %s", i, err.text);
        snprintf(file, sizeof file, "a/%d,\".jpg", i);
        assert_string_equal(row->file, file);
        assert_int_equal(row->label, i % 4);
        assert_int_equal(row->line, i + 2);
        double largest = i > 700 ? i : 700, sum = exp(i - largest) + exp(-largest) + exp(700 - largest);
        assert_true(fabs(row->probability[0] - exp(i - largest) / sum) <= 1e-8 * row->probability[0]);
        assert_true(i > 700 || row->probability[1] > 0); /* 1e-304, far below what a float holds */
    }
    assert_int_equal(probabilities_next(&row, reader, &err), OK);
    assert_null(row);
    probabilities_close(reader);
}

static void what_is_no_table_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "line 1: the columns are not"},
        {"\n", "line 1: is empty"},
        {"file,class\n", "line 1: the columns are not"},
        {"file,predicted,a\n", "line 1: the columns are not"},
        {"file,class,a,a\n", "line 1: a class has no name, or two have the same"},
        {"file,class,a,\n", "line 1: a class has no name"},
        {"file,class,a,b\nx,a,1,0\nx,c,1,0\n", "line 3: its class is not in the first line"},
        {"file,class,a,b\nx,a,1\n", "line 2: has another number of cells"},
        {"file,class,a,b\nx,a,1,0,0\n", "line 2: has another number of cells"},
        {"file,class,a,b\nx,a,1.5,-0.5\n", "line 2: a probability is no number from 0 to 1"},
        {"file,class,a,b\nx,a,nan,0\n", "line 2: a probability is no number"},
        {"file,class,a,b\nx,a,1,0 \n", "line 2: a probability is no number"},
        {"file,class,a,b\nx,a,1,\n", "line 2: a probability is no number"},
        {"file,class,a,b\nx,a,0.5,0.4\n", "line 2: the probabilities do not add up to 1"},
        {"file,class,a,b\n\nx,a,1,0\n", "line 2: is empty"},
        {"file,class,a,b\nx,a,1,0\ry,a,1,0\n", "line 2: holds the end of another line"},
        {"file,class,a,b\n\"x\n\",a,1,0\n", "line 2: "},
        {"file,class,a,\xff\nx,a,1,0\n", "line 1: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        struct probabilities_reader *reader = NULL;
        const struct probability_row *row = NULL;
        test_write(test_path(folder, "p.csv"), rows[i].text, strlen(rows[i].text));
        enum status status = probabilities_open(&reader, test_path(folder, "p.csv"), &err);
        while (status == OK) {
            status = probabilities_next(&row, reader, &err);
            if (status == OK && !row)
                fail_msg("%s: was read", rows[i].text);
        }
        probabilities_close(reader);
        assert_int_equal(status, ERR_DATA);
        if (!strstr(err.text, rows[i].reason) || !strstr(err.text, "p.csv: line "))
            fail_msg("%s: %s, not %s", rows[i].text, err.text, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_come_back),
        cmocka_unit_test(what_no_cell_holds_stays),
        cmocka_unit_test_setup_teardown(what_is_written_is_read, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_table_is_refused, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
