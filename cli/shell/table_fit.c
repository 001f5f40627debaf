#include "cli/shell/table_fit.h"

#include <string.h>

#include "cli/shell/term.h"
#include "core/base/text.h"

size_t title_word_width(const char *title)
{
    size_t widest = 0;
    char word[256];
    while (*title) {
        size_t length = strcspn(title, " "), kept = length < sizeof word ? length : sizeof word - 1;
        memcpy(word, title, kept);
        word[kept] = '\0';
        size_t width = text_width(word);
        widest = width > widest ? width : widest;
        title += length;
        title += strspn(title, " ");
    }
    return widest;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t all_columns(const struct table_fit *fit, size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        if (fit->shown[i])
            all += fit->widths[i] + (all ? COLUMN_GAP : 0);
    return all;
}

static void natural(struct table_fit *fit, const struct column *columns, const size_t *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t title = fit->wrapped ? title_word_width(columns[i].title) : text_width(columns[i].title);
        fit->widths[i] = larger(title, cells[i]);
    }
}

/* 0: not at all. A number stays whole, whatever becomes of its title. */
static size_t least_width(const struct column *column, size_t cells)
{
    return column->least && column->kind == COLUMN_NUMBER ? larger(column->least, cells) : column->least;
}

/* Takes `excess` columns away from those that may be shortened, one by one from the widest. Whether that was enough. */
static bool shorten(struct table_fit *fit, const struct column *columns, const size_t *cells, size_t count,
                    size_t excess)
{
    for (; excess > 0; excess--) {
        size_t widest = count;
        for (size_t i = 0; i < count; i++) {
            size_t least = least_width(&columns[i], cells[i]);
            if (fit->shown[i] && least && fit->widths[i] > least &&
                (widest == count || fit->widths[i] > fit->widths[widest]))
                widest = i;
        }
        if (widest == count)
            return false;
        fit->widths[widest]--;
    }
    return true;
}

static bool fits(struct table_fit *fit, const struct column *columns, const size_t *cells, size_t count, size_t limit)
{
    size_t all = all_columns(fit, count);
    return all <= limit || shorten(fit, columns, cells, count, all - limit);
}

/* Drops the column that is needed least; false when none may go. */
static bool drop_one(struct table_fit *fit, const struct column *columns, size_t count)
{
    size_t first = count;
    for (size_t i = 0; i < count; i++)
        if (fit->shown[i] && columns[i].drop && (first == count || columns[i].drop > columns[first].drop))
            first = i;
    if (first == count)
        return false;
    fit->shown[first] = false;
    return true;
}

void table_fit(struct table_fit *out, const struct column *columns, const size_t *cells, size_t count, size_t limit)
{
    *out = (struct table_fit){.wrapped = false};
    for (size_t i = 0; i < count; i++)
        out->shown[i] = true;
    natural(out, columns, cells, count);
    if (limit == 0 || all_columns(out, count) <= limit)
        return;
    out->wrapped = true;
    do
        natural(out, columns, cells, count);
    while (!fits(out, columns, cells, count, limit) && drop_one(out, columns, count));
    for (size_t i = 0; i < count; i++) /* what is folded must fit beside the first column */
        if (i > 0 && out->shown[i] && out->widths[0] + COLUMN_GAP + out->widths[i] > limit)
            out->widths[i] = limit > out->widths[0] + COLUMN_GAP ? limit - out->widths[0] - COLUMN_GAP : 1;
}
