#include "core/features/near.h"

#include <math.h>

#include "core/base/memory.h"
#include "core/ops/panel.h"

enum { ROWS = 256 /* of a block of products */ };

struct near_job {
    struct near_row (*out)[NEAR_MOST];
    const float *x;
    size_t count, width, first; /* first: the panel that item 0 is */
    float least;
    float *scratch; /* [threads][scratch_floats] */
};

static size_t scratch_floats(size_t width)
{
    return width * PANEL + (size_t)ROWS * PANEL;
}

static void keep(struct near_row best[NEAR_MOST], uint32_t row, float product)
{
    if (best[NEAR_MOST - 1].row != NEAR_NONE && product <= best[NEAR_MOST - 1].product)
        return;
    size_t at = NEAR_MOST - 1;
    for (; at > 0 && (best[at - 1].row == NEAR_NONE || product > best[at - 1].product); at--)
        best[at] = best[at - 1];
    best[at] = (struct near_row){row, product};
}

/* Rows before..before+rows of x beside the columns of a panel, of which each takes those before itself. */
static void look_through(struct near_job *job, const float *products, size_t before, size_t rows, size_t column0,
                         size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            float product = products[i * PANEL + j];
            if (product >= job->least && before + i < column0 + j)
                keep(job->out[column0 + j], (uint32_t)(before + i), product);
        }
}

static void one_panel(void *context, size_t item, size_t thread)
{
    struct near_job *job = context;
    const struct panel_lanes *lanes = panel_lanes(PRECISION_F32);
    size_t width = job->width, column0 = (job->first + item) * PANEL;
    size_t columns = job->count - column0 < PANEL ? job->count - column0 : PANEL;
    float *panel = job->scratch + thread * scratch_floats(width), *products = panel + width * PANEL;
    lanes->transpose(panel, job->x + column0 * width, width, columns, width);
    for (size_t row = 0; row < column0 + columns; row += ROWS) {
        size_t left = column0 + columns - row, rows = left < ROWS ? left : ROWS;
        const struct panel_left a = {job->x + row * width, width, width, width};
        lanes->product(products, PANEL, a, panel, rows, columns, width, false, NULL);
        look_through(job, products, row, rows, column0, columns);
    }
}

enum status near_rows(struct near_row (**out)[NEAR_MOST], const float *x, size_t count, size_t width, float least,
                      struct pool *pool, near_watch *watch, void *context, bool *stopped, struct error *err)
{
    enum { PANELS = 64 }; /* between two looks at the watch */
    struct near_job job = {.x = x, .count = count, .width = width, .least = least};
    size_t panels = (count + PANEL - 1) / PANEL;
    void *rows, *scratch;
    *stopped = false;
    enum status status = memory_alloc(&rows, count, sizeof *job.out, "the near photos", err);
    if (status != OK)
        return status;
    status = memory_alloc(&scratch, pool_threads(pool), scratch_floats(width) * sizeof(float), "the near photos", err);
    if (status != OK) {
        memory_free(rows);
        return status;
    }
    job.out = rows;
    job.scratch = scratch;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < NEAR_MOST; k++)
            job.out[i][k].row = NEAR_NONE;
    for (; job.first < panels && !*stopped; job.first += PANELS) {
        size_t left = panels - job.first;
        *stopped = watch && !watch(context, job.first, panels);
        if (!*stopped)
            pool_for(pool, left < PANELS ? left : PANELS, one_panel, &job);
    }
    memory_free(scratch);
    *out = job.out;
    return OK;
}

void near_normalise(float *x, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++) {
        float *row = x + i * width;
        double sum = 0;
        for (size_t k = 0; k < width; k++)
            sum += (double)row[k] * (double)row[k];
        float scale = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
        for (size_t k = 0; k < width; k++)
            row[k] *= scale;
    }
}
