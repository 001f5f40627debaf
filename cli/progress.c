#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/numbers.h"
#include "cli/term.h"
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

static void draw(const struct progress *progress, const char *note, double elapsed)
{
    char line[512], cells[32] = "", rate[64] = "", left[64] = "", clock[NUMBER_TEXT], total[32] = "";
    double speed = elapsed > 0 ? (double)progress->done / elapsed : 0;
    if (progress->total) {
        snprintf(total, sizeof total, "/%zu ", progress->total);
        bar(cells, progress->done, progress->total);
        if (progress->done && progress->done <= progress->total)
            snprintf(left, sizeof left, "  %s left",
                     number_clock(clock, (double)(progress->total - progress->done) / speed));
        if (left[0] && progress->rest > 0)
            snprintf(left + strlen(left), sizeof left - strlen(left), ", %s for all epochs",
                     number_clock(clock, progress->rest));
    }
    if (progress->unit && progress->done)
        snprintf(rate, sizeof rate, "  %.1f %s/s", speed, progress->unit);
    snprintf(line, sizeof line, "%s  %zu%s%s%s%s%s%s", progress->label, progress->done, total, cells, note ? "  " : "",
             note ? note : "", rate, left);
    int width = term_width(stderr) - 1; /* the last column would wrap on some terminals */
    fprintf(stderr, "\r\033[K%.*s", width, line);
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
