#include "cli/shell/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/shell/numbers.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"
#include "core/base/clock.h"

static const double patience = 0.5, interval = 0.1; /* seconds */
static bool standing;                               /* is there a progress line on the terminal? */

void progress_start(struct progress *progress, const char *label, const char *unit, size_t total)
{
    *progress = (struct progress){.label = label, .unit = unit, .total = total, .live = term_live()};
    progress->started = clock_seconds();
    progress->drawn = progress->started + patience - interval;
}

static void bar(char *out, size_t done, size_t total)
{
    enum { CELLS = 16 };
    size_t full = done >= total ? CELLS : CELLS * done / total;
    out[0] = '[';
    memset(out + 1, '=', full);
    memset(out + 1 + full, ' ', CELLS - full);
    if (full < CELLS)
        out[1 + full] = '>';
    memcpy(out + 1 + CELLS, "]", 2);
}

/* The pieces of the line that the width has room for. What goes first is the bar, then the rate, then the note. */
static void compose(char *out, size_t size, const char *const pieces[4], const char *left, size_t width)
{
    static const unsigned char shown[] = {15, 13, 5, 1}; /* bits: label, bar, note, rate */
    for (size_t k = 0; k < sizeof shown; k++) {
        size_t used = 0;
        for (size_t i = 0; i < 4; i++)
            if (shown[k] & 1U << i)
                used += (size_t)snprintf(out + used, size - used, "%s", pieces[i]);
        snprintf(out + used, size - used, "%s", left);
        if (text_width(out) <= width)
            return;
    }
}

static void draw(const struct progress *progress, const char *note, double elapsed)
{
    char line[512], cut[sizeof line + 4], cells[32] = "", rate[64] = "", left[64] = "", clock[NUMBER_TEXT], label[128],
                                          said[128] = "", total[32] = "";
    double speed = elapsed > 0 ? (double)progress->done / elapsed : 0;
    if (progress->total) {
        snprintf(total, sizeof total, "/%zu", progress->total);
        cells[0] = ' ';
        bar(cells + 1, progress->done, progress->total);
        if (progress->done && progress->done <= progress->total)
            snprintf(left, sizeof left, "  %s left",
                     number_clock(clock, (double)(progress->total - progress->done) / speed));
        if (left[0] && progress->rest > 0)
            snprintf(left + strlen(left), sizeof left - strlen(left), ", %s for all epochs",
                     number_clock(clock, progress->rest));
    }
    if (progress->unit && progress->done)
        snprintf(rate, sizeof rate, "  %.1f %s/s", speed, progress->unit);
    if (note)
        snprintf(said, sizeof said, "  %s", note);
    snprintf(label, sizeof label, "%s  %zu%s", progress->label, progress->done, total);
    const char *const pieces[4] = {label, cells, said, rate};
    size_t width = (size_t)term_width(stderr) - 1; /* the last column would wrap on some terminals */
    compose(line, sizeof line, pieces, left, width);
    fprintf(stderr, "\r\033[K%s", text_shorten(cut, sizeof cut, line, width));
    fflush(stderr);
    standing = true;
}

void progress_update(struct progress *progress, size_t done, const char *note)
{
    progress->done = done;
    if (!progress->live)
        return;
    double now = clock_seconds();
    if (now - progress->drawn < interval)
        return;
    progress->drawn = now;
    draw(progress, note, now - progress->started);
}

void progress_end(struct progress *progress)
{
    if (progress->live)
        progress_clear();
}

void progress_clear(void)
{
    if (standing)
        fputs("\r\033[K", stderr);
    standing = false;
}
