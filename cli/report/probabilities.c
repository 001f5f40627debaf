#include "cli/report/probabilities.h"

#include <math.h>

#include "cli/shell/cell.h"
#include "core/train/metrics.h"

void probabilities_put_head(FILE *out, const struct class_names *classes)
{
    fputs("file,class", out);
    for (size_t k = 0; k < classes->count; k++) {
        putc(',', out);
        csv_cell(out, classes->names[k]);
    }
    putc('\n', out);
}

void probabilities_put_row(FILE *out, const char *file, const char *class, const float *logits, size_t classes)
{
    double largest = (double)logits[argmax(logits, classes)], sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)logits[k] - largest);
    csv_cell(out, file);
    putc(',', out);
    csv_cell(out, class);
    for (size_t k = 0; k < classes; k++)
        fprintf(out, ",%.9g", exp((double)logits[k] - largest) / sum);
    putc('\n', out);
}
