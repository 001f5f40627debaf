#include "cli/report/html/html_chart.h"

#include <math.h>

#include "cli/report/html/html_axis.h"
#include "cli/report/html/html_text.h"

/* Units of the drawing; the page scales it. Narrow, so that the letters stay readable on a phone. */
enum { WIDTH = 440, HEIGHT = 250, SHORT = 150, LEFT = 46, RIGHT = 20, TOP = 20, BOTTOM = 38 };

struct frame {
    struct axis x, y;
    int height;
    bool percent, x_percent;
};

/* Of all lines within the x axis, widened by what the chart wants to have on it. */
static void find_range(double *low, double *high, const struct chart *chart)
{
    *low = chart->y_low;
    *high = chart->y_high;
    for (size_t l = 0; l < chart->line_count; l++) {
        const struct chart_line *line = &chart->lines[l];
        for (size_t i = 0; i < line->count; i++) {
            double bottom = line->low ? line->low[i] : line->y[i], top = line->high ? line->high[i] : line->y[i];
            if (!isfinite(bottom) || !isfinite(top) || line->x[i] < chart->x_low || line->x[i] > chart->x_high)
                continue;
            *low = fmin(*low, bottom);
            *high = fmax(*high, top);
        }
    }
}

static struct frame frame_of(const struct chart *chart)
{
    struct frame frame = {
        .height = chart->short_one ? SHORT : HEIGHT, .percent = chart->percent, .x_percent = chart->x_percent};
    double low, high;
    find_range(&low, &high, chart);
    if (chart->percent)
        high = fmin(high, 1);
    frame.y = axis_nice(low, high, chart->short_one ? 4 : 6, frame.height - BOTTOM, TOP);
    if (chart->x_log)
        frame.x = axis_log(chart->x_low, chart->x_high, LEFT, WIDTH - RIGHT);
    else if (chart->x_whole)
        frame.x = axis_whole(chart->x_low, chart->x_high, 11, LEFT, WIDTH - RIGHT);
    else
        frame.x = axis_nice(chart->x_low, chart->x_high, 6, LEFT, WIDTH - RIGHT);
    return frame;
}

static void put_number(FILE *out, const struct axis *axis, double value, bool percent)
{
    int digits = axis_digits(axis);
    if (percent)
        fprintf(out, "%.*f%%", digits > 2 ? digits - 2 : 0, value * 100);
    else if (axis->log || (axis->high != 0 && fabs(axis->high) < 1e-3))
        fprintf(out, "%g", value);
    else
        fprintf(out, "%.*f", digits, value);
}

static void put_ticks(FILE *out, const struct frame *f, const struct chart *chart)
{
    double value;
    for (size_t i = 0; axis_tick(&value, &f->y, i); i++) {
        double y = axis_at(&f->y, value);
        fprintf(out, "<path class=grid d=\"M%d %.1fH%d\"/><text x=%d y=%.1f class=ty>", LEFT, y, WIDTH - RIGHT,
                LEFT - 6, y + 4);
        put_number(out, &f->y, value, f->percent);
        fputs("</text>", out);
    }
    for (size_t i = 0; axis_tick(&value, &f->x, i); i++) {
        fprintf(out, "<text x=%.1f y=%d class=tx>", axis_at(&f->x, value), f->height - BOTTOM + 16);
        put_number(out, &f->x, value, f->x_percent);
        fputs("</text>", out);
    }
    fprintf(out, "<text x=%d y=%d class=tx>", (LEFT + WIDTH - RIGHT) / 2, f->height - 5);
    html_text(out, chart->x_name);
    fputs("</text>\n", out);
}

static void put_bands(FILE *out, const struct frame *f, const struct chart *chart)
{
    for (size_t i = 0; i < chart->band_count; i++) {
        const struct chart_band *band = &chart->bands[i];
        double from = axis_at(&f->x, fmax(band->from, f->x.low)), to = axis_at(&f->x, fmin(band->to, f->x.high));
        if (to <= from)
            continue;
        fprintf(out, "<rect class=band%zu x=%.1f y=%d width=%.1f height=%d><title>", i % 2, from, TOP, to - from,
                f->height - TOP - BOTTOM);
        html_text(out, band->name);
        fputs("</title></rect>", out);
        if (to - from > 60) {
            fprintf(out, "<text x=%.1f y=%d class=tb>", from + 4, TOP - 6);
            html_short(out, band->name, (size_t)((to - from) / 6.5));
            fputs("</text>", out);
        }
    }
}

static bool is_inside(const struct frame *f, const struct chart_line *line, size_t i)
{
    return isfinite(line->x[i]) && isfinite(line->y[i]) && line->x[i] >= f->x.low && line->x[i] <= f->x.high;
}

static void put_path(FILE *out, const struct frame *f, const struct chart_line *line)
{
    bool down = false;
    fprintf(out, "<path class=\"%s k%d\" d=\"", line->thin ? "thin" : "line", line->colour);
    for (size_t i = 0; i < line->count; i++) {
        if (is_inside(f, line, i))
            fprintf(out, "%c%.2f %.2f", down ? 'L' : 'M', axis_at(&f->x, line->x[i]), axis_at(&f->y, line->y[i]));
        down = is_inside(f, line, i);
    }
    fputs("\"/>\n", out);
}

static void put_dots(FILE *out, const struct frame *f, const struct chart_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        if (!is_inside(f, line, i))
            continue;
        double x = axis_at(&f->x, line->x[i]);
        if (line->low && line->high && isfinite(line->low[i]) && isfinite(line->high[i]))
            fprintf(out, "<path class=\"bar k%d\" d=\"M%.2f %.2fV%.2f\"/>", line->colour, x,
                    axis_at(&f->y, line->low[i]), axis_at(&f->y, line->high[i]));
        fprintf(out, "<circle class=k%d cx=%.4f cy=%.4f r=%s><title>", line->colour, x, axis_at(&f->y, line->y[i]),
                line->count > 60 ? "1.5" : "3");
        html_text(out, line->name);
        fprintf(out, f->x_percent ? ", %.3g: " : ", %g: ", line->x[i]);
        fprintf(out, f->percent ? "%.1f %%" : "%.5g", f->percent ? line->y[i] * 100 : line->y[i]);
        fputs("</title></circle>", out);
    }
    putc('\n', out);
}

static void put_mark(FILE *out, const struct frame *f, const struct chart *chart)
{
    double x = axis_at(&f->x, chart->mark_at);
    bool left = x > WIDTH * 0.6;
    fprintf(out, "<path class=mark d=\"M%.1f %dV%d\"/><text x=%.1f y=%d class=\"tm%s\">", x, TOP, f->height - BOTTOM,
            left ? x - 4 : x + 4, f->height - BOTTOM - 6, left ? " left" : "");
    html_text(out, chart->mark_name);
    fputs("</text>\n", out);
}

static void put_legend(FILE *out, const struct chart *chart)
{
    fputs("<figcaption><b>", out);
    html_text(out, chart->title);
    fputs("</b>", out);
    for (size_t i = 0; i < chart->line_count; i++) {
        fprintf(out, " <span class=key><i class=\"k%d%s\"></i>", chart->lines[i].colour,
                chart->lines[i].thin ? " faint" : "");
        html_text(out, chart->lines[i].name);
        fputs("</span>", out);
    }
    if (chart->level) {
        fputs(" <span class=key><i class=dash></i>", out);
        html_text(out, chart->level_name);
        fputs("</span>", out);
    }
    fputs("</figcaption>\n", out);
}

static void put_axis(FILE *out, const char *name, const struct axis *axis)
{
    fprintf(out, " data-%s=\"%.17g %.17g %.17g %.17g%s\"", name, axis->low, axis->high, axis->from, axis->to,
            axis->log ? " log" : "");
}

void chart_write(FILE *out, const struct chart *chart)
{
    struct frame frame = frame_of(chart);
    fputs("<figure class=chart>", out);
    put_legend(out, chart);
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=img", WIDTH, frame.height);
    put_axis(out, "x", &frame.x);
    put_axis(out, "y", &frame.y);
    fputs("><title>", out);
    html_text(out, chart->title);
    fputs("</title>\n", out);
    put_bands(out, &frame, chart);
    put_ticks(out, &frame, chart);
    fprintf(out, "<text x=%d y=%d class=ta>", LEFT - 40, chart->band_count > 0 ? 9 : TOP - 8);
    html_text(out, chart->y_name);
    fputs("</text>", out);
    if (chart->diagonal)
        fprintf(out, "<path class=mark d=\"M%.1f %.1fL%.1f %.1f\"/>\n", axis_at(&frame.x, 0), axis_at(&frame.y, 0),
                axis_at(&frame.x, 1), axis_at(&frame.y, 1));
    if (chart->level)
        fprintf(out, "<path class=mark d=\"M%d %.2fH%d\"/>\n", LEFT, axis_at(&frame.y, chart->level_at), WIDTH - RIGHT);
    if (chart->mark)
        put_mark(out, &frame, chart);
    for (int thin = 1; thin >= 0; thin--)
        for (size_t i = 0; i < chart->line_count; i++)
            if (chart->lines[i].thin == (thin == 1) && !chart->lines[i].dots_only)
                put_path(out, &frame, &chart->lines[i]);
    for (size_t i = 0; i < chart->line_count; i++)
        if (!chart->lines[i].thin)
            put_dots(out, &frame, &chart->lines[i]);
    fputs("</svg></figure>\n", out);
}

void chart_bar(FILE *out, double share, double low, double high)
{
    fprintf(out,
            "<svg class=cell viewBox=\"0 0 100 10\" preserveAspectRatio=none aria-hidden=true><rect class=rail "
            "width=100 height=10 /><rect class=fill width=%.1f height=10 />",
            100 * share);
    if (low <= high)
        fprintf(out, "<path class=span d=\"M%.1f 5H%.1f\"/>", 100 * low, 100 * high);
    fputs("</svg>", out);
}
