/* A chart of lines as SVG in a page: titles, ticks, a legend, and each point with its numbers as a tooltip. It takes no
 * script, and its colours are those of the page's style sheet, so they follow light, dark and paper.
 *
 *   +--------------------------+   <figure>: title, legend, <svg>
 *   | y                        |   points are class "k0" to "k5" by their line; a test, or another program, finds the
 *   |   band |   band    *     |   axes in data-x and data-y of the <svg>: "low high from to" and "log" where they are
 *   |________|_________________|   logarithmic, and maps the points back
 *           x
 */
#ifndef FREEZETUNE_HTML_CHART_H
#define FREEZETUNE_HTML_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct chart_line {
    const char *name;    /* in the legend; escaped here */
    const double *x, *y; /* [count], borrowed; a value that is not finite makes a gap */
    size_t count;
    const double *low, *high; /* [count] or NULL: bars of uncertainty */
    int colour;               /* 0 to 5 */
    bool thin;                /* no dots, and drawn behind the others */
    bool dots_only;
};

struct chart_band {
    double from, to;
    const char *name;
};

struct chart {
    const char *title, *x_name, *y_name;
    const struct chart_line *lines;
    size_t line_count;
    const struct chart_band *bands; /* shaded in turn, named at the top */
    size_t band_count;
    double x_low, x_high; /* ends of the x axis: data beyond are not drawn */
    double y_low, y_high; /* values that must be on the y axis */
    bool x_whole, x_log;
    bool percent;   /* y is a share */
    bool x_percent; /* x is a share: an axis from 0 to 1 */
    bool mark;      /* a line at x = mark_at */
    double mark_at;
    const char *mark_name;
    bool level; /* a line at y = level_at, which is on the axis; named in the legend */
    double level_at;
    const char *level_name;
    bool diagonal;  /* a line of y = x */
    bool short_one; /* half as high */
};

void chart_write(FILE *out, const struct chart *chart);

/* A bar of `share` (0 to 1) for the cell of a table, with a line over the interval low to high where low <= high. */
void chart_bar(FILE *out, double share, double low, double high);

#endif
