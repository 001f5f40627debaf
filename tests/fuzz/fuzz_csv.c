/* Comma-separated values; bit 0 of the first byte says whether UTF-8 is asked for. What is read, written by the rules
 * and read again is the same. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/csv.h"
#include "core/base/text.h"

static void require(int truth)
{
    if (!truth)
        abort();
}

static void append(char **text, size_t *used, const char *bytes, size_t size)
{
    memcpy(*text + *used, bytes, size);
    *used += size;
}

/* Every cell in quotes. At most 2 bytes for each of the cell, and 3 for each cell: a cell of the input has a separator
 * behind it, or is the last. */
static void write_row(char *text, size_t *used, const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        append(&text, used, i ? ",\"" : "\"", i ? 2 : 1);
        for (const char *at = row->cells[i]; *at; at++) {
            append(&text, used, at, 1);
            if (*at == '"')
                append(&text, used, at, 1);
        }
        append(&text, used, "\"", 1);
    }
    append(&text, used, "\r\n", 2);
}

static void read_again(const char *text, size_t size, struct csv *first, bool utf8)
{
    struct csv csv;
    struct csv_row row, expected;
    require(csv_open(&csv, text, size, "again", utf8, NULL) == OK);
    do {
        require(csv_next(&row, &csv, NULL) == OK && csv_next(&expected, first, NULL) == OK);
        require(row.count == expected.count);
        for (size_t i = 0; i < row.count; i++)
            require(strcmp(row.cells[i], expected.cells[i]) == 0);
    } while (row.count > 0);
    csv_close(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv;
    struct csv_row row;
    struct error err = {0};
    size_t used = 0, line = 0;
    if (size < 1)
        return 0;
    bool utf8 = data[0] & 1;
    char *text = malloc(size), *again = malloc(size * 4 + 8);
    require(text && again);
    memcpy(text, data + 1, size - 1);
    enum status status = csv_open(&csv, text, size - 1, "fuzz", utf8, &err);
    if (status == OK) {
        while ((status = csv_next(&row, &csv, &err)) == OK && row.count > 0) {
            require(row.line > line);
            line = row.line;
            for (size_t i = 0; i < row.count; i++)
                require(!utf8 || text_is_utf8(row.cells[i], strlen(row.cells[i])));
            write_row(again, &used, &row);
        }
        csv_close(&csv);
    }
    require(status == OK || (status == ERR_DATA && strstr(err.text, "fuzz: ") == err.text));
    if (status == OK) {
        require(csv_open(&csv, text, size - 1, "fuzz", utf8, NULL) == OK);
        read_again(again, used, &csv, utf8);
        csv_close(&csv);
    }
    free(again);
    free(text);
    return 0;
}
