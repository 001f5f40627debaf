#define _GNU_SOURCE
#include "cli/report/findings_apply.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

const char *const wrong_label_choices[] = {"leave-out", "correct", "keep", NULL};

/* What becomes of a photo. */
struct fate {
    bool out;
    enum finding_kind why; /* when it is out */
    bool corrected;
    uint32_t class;
};

static bool is_left_out(enum finding_kind kind, enum wrong_labels wrong)
{
    switch (kind) {
    case FINDING_UNREADABLE:
    case FINDING_ONE_COLOUR:
    case FINDING_LABEL_CONFLICT:
    case FINDING_LEAK:
    case FINDING_REPEAT:
    case FINDING_NEAR_CONFLICT:
    case FINDING_NEAR_LEAK:
    case FINDING_NEAR_REPEAT:
        return true;
    case FINDING_WRONG_LABEL:
        return wrong == WRONG_LEAVE_OUT;
    default:
        return false;
    }
}

static void decide(struct fate *fates, const struct findings *findings, const struct dataset *dataset, size_t count,
                   enum wrong_labels wrong)
{
    for (size_t i = 0; i < count; i++)
        fates[i].class = finding_class(dataset, (uint32_t)i);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->rows[i];
        if (finding->photo == FINDING_NONE)
            continue;
        struct fate *fate = &fates[finding->photo];
        if (is_left_out(finding->kind, wrong) && !fate->out) {
            fate->out = true;
            fate->why = finding->kind;
        } else if (finding->kind == FINDING_WRONG_LABEL && wrong == WRONG_CORRECT) {
            fate->corrected = true;
            fate->class = finding->guess;
        }
    }
}

/* A cell of RFC 4180, exactly: unlike csv_cell, which is for people. */
static void put_cell(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* One list of the dataset, whose first photo has the number `first`. */
static enum status put_list(FILE *out, struct applied *applied, const struct fate *fates, const struct dataset *dataset,
                            const struct photo_list *list, size_t first, struct error *err)
{
    const char *split = dataset->val.count == 0 ? NULL : first == 0 ? "train" : "val";
    char *root = list->count ? realpath(list->root, NULL) : NULL, *path = NULL;
    enum status status = OK;
    if (list->count && !root)
        return error_set(err, ERR_NOINPUT, "%s: %s", list->root, strerror(errno));
    for (size_t i = 0; i < list->count && status == OK; i++) {
        const struct fate *fate = &fates[first + i];
        if (fate->out) {
            applied->left_out[fate->why]++;
            continue;
        }
        status = path_join(&path, root, photo_name(list, i), err);
        if (status != OK)
            break;
        if (text_is_utf8(path, strlen(path))) {
            put_cell(out, path);
            putc(',', out);
            put_cell(out, dataset->classes.names[fate->class]);
            fprintf(out, split ? ",%s\n" : "\n", split);
            applied->listed++;
            applied->corrected += fate->corrected;
        } else {
            applied->unnamed++;
        }
        memory_free(path);
    }
    free(root);
    return status;
}

enum status findings_apply(FILE *out, struct applied *applied, const struct findings *findings,
                           const struct dataset *dataset, enum wrong_labels wrong, struct error *err)
{
    size_t train = dataset->train.count, count = train + dataset->val.count;
    void *memory;
    *applied = (struct applied){0};
    enum status status = memory_alloc(&memory, count, sizeof(struct fate), "the list of photos", err);
    if (status != OK)
        return status;
    struct fate *fates = memory;
    decide(fates, findings, dataset, count, wrong);
    fputs(dataset->val.count ? "file,label,split\n" : "file,label\n", out);
    status = put_list(out, applied, fates, dataset, &dataset->train, 0, err);
    if (status == OK)
        status = put_list(out, applied, fates, dataset, &dataset->val, train, err);
    memory_free(fates);
    return status;
}
