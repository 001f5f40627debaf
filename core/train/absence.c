#include "core/train/absence.h"

#include <string.h>

#include "core/base/memory.h"

size_t absence_bytes(size_t photos, size_t classes)
{
    return (photos + 2 * classes) * sizeof(uint32_t);
}

enum status absence_init(struct absence *out, const struct photo_list *photos, size_t classes, struct error *err)
{
    *out = (struct absence){.photos = photos, .classes = classes};
    const struct {
        uint32_t **out;
        size_t count;
    } arrays[] = {{&out->row_of, photos->count}, {&out->of_class, classes}, {&out->away_of_class, classes}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        void *memory;
        enum status status =
            memory_alloc(&memory, arrays[i].count, sizeof(uint32_t), "the photos that are unavailable", err);
        if (status != OK)
            return status;
        *arrays[i].out = memory;
    }
    for (size_t i = 0; i < photos->count; i++)
        out->of_class[photos->photos[i].class]++;
    return OK;
}

void absence_free(struct absence *absence)
{
    for (size_t i = 0; i < absence->reason_count; i++)
        memory_free(absence->reasons[i]);
    memory_free(absence->away_of_class);
    memory_free(absence->of_class);
    memory_free(absence->row_of);
    memory_free(absence->rows);
    *absence = (struct absence){0};
}

static size_t search_reason(const struct absence *absence, const char *reason)
{
    size_t i = 0;
    while (i < absence->reason_count && strcmp(absence->reasons[i], reason) != 0)
        i++;
    return i;
}

static enum status find_reason(uint32_t *out, struct absence *absence, const char *reason, struct error *err)
{
    size_t i = search_reason(absence, reason);
    if (i == absence->reason_count && i >= ABSENCE_REASONS - 1) {
        reason = "cannot be read";
        i = search_reason(absence, reason);
    }
    *out = (uint32_t)i;
    if (i < absence->reason_count)
        return OK;
    enum status status = memory_strdup(&absence->reasons[i], reason, err);
    absence->reason_count += status == OK;
    return status;
}

/* The row of a photo, made where there is none. */
static enum status find_row(struct absence_row **out, struct absence *absence, uint32_t photo, struct error *err)
{
    uint32_t *row_of = &absence->row_of[photo];
    if (*row_of == 0) {
        void *rows = absence->rows;
        enum status status = memory_grow(&rows, &absence->room, absence->count + 1, sizeof *absence->rows,
                                         "the photos that are unavailable", err);
        absence->rows = rows;
        if (status != OK)
            return status;
        absence->rows[absence->count] = (struct absence_row){.photo = photo};
        *row_of = (uint32_t)++absence->count;
    }
    *out = &absence->rows[*row_of - 1];
    return OK;
}

static void count(struct absence *absence, const struct absence_row *row)
{
    absence->away++;
    absence->away_of_class[absence->photos->photos[row->photo].class]++;
}

/* Counts those of another epoch from now on. */
static void begin_epoch(struct absence *absence, size_t epoch)
{
    memset(absence->away_of_class, 0, absence->classes * sizeof *absence->away_of_class);
    absence->away = 0;
    absence->epoch = epoch;
}

enum status absence_note(struct absence *absence, uint32_t photo, size_t epoch, const char *reason, bool *again,
                         struct error *err)
{
    struct absence_row *row;
    uint32_t number;
    enum status status = find_reason(&number, absence, reason, err);
    if (status == OK)
        status = find_row(&row, absence, photo, err);
    if (status != OK)
        return status;
    if (absence->epoch != epoch)
        begin_epoch(absence, epoch);
    *again = row->epochs > 0 && row->last + 1 >= epoch;
    row->reason = number;
    if (row->epochs > 0 && row->last == epoch)
        return OK;
    row->epochs++;
    row->last = (uint32_t)epoch;
    count(absence, row);
    return OK;
}

enum status absence_restore_reason(struct absence *absence, const char *reason, struct error *err)
{
    uint32_t number;
    if (absence->reason_count == ABSENCE_REASONS)
        return error_set(err, ERR_DATA, "more than %d reasons", ABSENCE_REASONS);
    return find_reason(&number, absence, reason, err);
}

enum status absence_restore(struct absence *absence, const struct absence_row *saved, struct error *err)
{
    struct absence_row *row;
    enum status status = find_row(&row, absence, saved->photo, err);
    if (status == OK && row->epochs > 0)
        status = error_set(err, ERR_DATA, "photo %u is listed twice", saved->photo);
    if (status != OK)
        return status;
    *row = *saved;
    if (row->last > absence->epoch)
        begin_epoch(absence, row->last);
    if (row->last == absence->epoch)
        count(absence, row);
    return OK;
}

void absence_forget(struct absence *absence, size_t epoch)
{
    for (size_t i = 0; i < absence->count; i++) {
        struct absence_row *row = &absence->rows[i];
        if (row->last != epoch)
            continue;
        row->epochs--;
        row->last = epoch > 0 ? (uint32_t)epoch - 1 : 0;
    }
    /* Rows that came with this epoch are the last ones. */
    for (; absence->count > 0 && absence->rows[absence->count - 1].epochs == 0; absence->count--)
        absence->row_of[absence->rows[absence->count - 1].photo] = 0;
    if (absence->epoch == epoch) {
        memset(absence->away_of_class, 0, absence->classes * sizeof *absence->away_of_class);
        absence->away = 0;
    }
}

size_t absence_in(const struct absence *absence, size_t epoch)
{
    return absence->epoch == epoch ? absence->away : 0;
}

void absence_set_bad(struct absence *absence, uint32_t photo, bool bad)
{
    uint32_t *of_class = &absence->of_class[absence->photos->photos[photo].class];
    *of_class = bad ? *of_class - 1 : *of_class + 1;
}

bool absence_takes_class(const struct absence *absence, uint32_t photo)
{
    uint32_t class = absence->photos->photos[photo].class;
    return absence->away_of_class[class] > 0 && absence->away_of_class[class] >= absence->of_class[class];
}
