/* The folders in --data that stand for parts of a split. Inside core/data only. */
#ifndef FREEZETUNE_LAYOUT_PARTS_H
#define FREEZETUNE_LAYOUT_PARTS_H

#include "core/data/line.h"
#include "core/data/subfolders.h"

struct parts {
    const struct subfolder *train, *val, *test; /* NULL: there is none */
};

/* The folder that stands for a part and has the same rest in its name (split_name.h), or any rest (NULL). Of several
 * the one with the plain name; else ERR_DATA, or *out = NULL with rest = NULL. */
MUST_CHECK enum status parts_find(const struct subfolder **out, const struct subfolders *subs, enum split_part part,
                                  const char *rest, struct error *err);

/* Those of one split: with plain names, else with one kind of names ("seg_train", "seg_test"), else the only ones there
 * are, with nothing beside them. ERR_DATA when more than one split could be meant. */
MUST_CHECK enum status parts_choose(struct parts *out, const struct subfolders *subs, struct error *err);

/* A part to train on and one to validate on. */
bool parts_are_split(const struct parts *parts);

/* Where there is no split: ERR_DATA for a part with class folders that is alone. */
MUST_CHECK enum status parts_refuse_lone(const struct subfolders *subs, struct error *err);

/* And for folders with names of parts and photos directly in them: ERR_DATA when there are no others, else they are
 * classes, which *note says. */
MUST_CHECK enum status parts_check_flat(struct line *note, const struct subfolders *subs, struct error *err);

#endif
