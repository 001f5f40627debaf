/* A labels file: which photo has which label, in a CSV (--labels) instead of folders. docs/formats.md has the format.
 *
 * The first row names the columns, in any order: `file` and `label`, and where wanted `split` (train, val or test, and
 * what split_name.h takes for them) and `group`; others are left alone. A path is relative to `root`, with / between
 * folders (\ where only that names a file), or absolute. Labels are classes and are checked as names of class folders
 * are: not empty, without /, not hidden by a dot in front, at most 255 bytes.
 */
#ifndef FREEZETUNE_LABELS_H
#define FREEZETUNE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/split_name.h"

/* Texts are places in labels.text. */
struct label {
    size_t file; /* relative to the root: without . and empty parts; ../ in front where it lies outside */
    size_t label, group;
    size_t line;          /* of the CSV */
    enum split_part part; /* PART_NONE without such a column */
};

/* In the order of the file, each photo once. Owned (labels_free). */
struct labels {
    char *path, *root; /* the CSV; the folder that paths are relative to */
    char *text;
    struct label *rows;
    size_t count;
    bool has_split, has_group;
    size_t text_used, text_room, room;
};

/* Reads the file at `path`; relative paths begin at `base` or, with base = NULL, at the folder of the CSV. Both are
 * absolute where absolute paths stand in the file. A photo that is listed twice, all the same, counts once. Errors name
 * the line: ERR_DATA for what is no CSV in UTF-8, a missing column, an empty or impossible label, an unknown split, a
 * photo twice with another label, split or group, and a file without rows; ERR_NOINPUT for a photo that is not there,
 * and as file_read has it. A photo that cannot be looked at now is left to the scan. */
MUST_CHECK enum status labels_read(struct labels *out, const char *path, const char *base, struct error *err);
void labels_free(struct labels *labels);

static inline const char *labels_text(const struct labels *labels, size_t place)
{
    return labels->text + place;
}

#endif
