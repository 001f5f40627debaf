/* probabilities_val.csv. A row that is accepted, written as the program writes it and read again is the same. */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/probabilities.h"
#include "cli/report/probabilities_reader.h"

static void require(int truth)
{
    if (!truth)
        abort();
}

/* The row as a table of its own. */
static void read_again(const struct class_names *classes, const struct probability_row *row)
{
    char *text = NULL;
    size_t size;
    const struct probability_row *again;
    struct probabilities_reader *reader;
    FILE *out = open_memstream(&text, &size);
    float *logits = calloc(classes->count, sizeof *logits);
    require(out && logits);
    for (size_t k = 0; k < classes->count; k++)
        logits[k] = (float)log(row->probability[k] + 1e-30);
    probabilities_put_head(out, classes);
    probabilities_put_row(out, row->file, classes->names[row->label], logits, classes->count);
    require(fclose(out) == 0);
    struct file_map map = {.bytes = (const uint8_t *)text, .size = size};
    require(probabilities_open_map(&reader, &map, "again", NULL) == OK);
    require(probabilities_classes(reader)->count == classes->count);
    require(probabilities_next(&again, reader, NULL) == OK && again);
    require(strcmp(again->file, row->file) == 0 && again->label == row->label && again->line == 2);
    for (size_t k = 0; k < classes->count; k++)
        require(fabs(again->probability[k] - row->probability[k]) < 1e-4);
    require(probabilities_next(&again, reader, NULL) == OK && !again);
    probabilities_close(reader);
    free(logits);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct probabilities_reader *reader = NULL;
    const struct probability_row *row = NULL;
    struct error err = {0};
    struct file_map map = {.bytes = data, .size = size};
    size_t line = 1;
    enum status status = probabilities_open_map(&reader, &map, "fuzz", &err);
    while (status == OK) {
        status = probabilities_next(&row, reader, &err);
        if (status != OK || !row)
            break;
        require(row->line == ++line && row->label < probabilities_classes(reader)->count);
        read_again(probabilities_classes(reader), row);
    }
    require(status == OK || (status == ERR_DATA && strncmp(err.text, "fuzz: line ", 11) == 0));
    probabilities_close(reader);
    return 0;
}
