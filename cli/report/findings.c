#include "cli/report/findings.h"

#include <stdlib.h>

#include "core/base/memory.h"

const struct finding_about finding_abouts[FINDING_KINDS] = {
    [FINDING_UNREADABLE] = {"unreadable", "replace it or remove it: training skips it", false, false, false},
    [FINDING_AWAY] = {"unavailable", "make it readable: training leaves it out while it is not", false, false, false},
    [FINDING_DAMAGED] = {"damaged", "replace it if there is a good copy: a part of it may be missing", false, false,
                         false},
    [FINDING_TINY] = {"tiny", "find a larger copy: the network sees it enlarged", true, true, false},
    [FINDING_ONE_COLOUR] = {"one colour", "remove it: nothing is to be seen", true, true, false},
    [FINDING_DARK] = {"dark", "look at it: keep it only if the class can be recognised", true, true, false},
    [FINDING_BRIGHT] = {"bright", "look at it: keep it only if the class can be recognised", true, false, false},
    [FINDING_BLURRED] = {"blurred", "look at it: keep it only if the class can be recognised", true, true, false},
    [FINDING_ODD_SHAPE] = {"odd shape", "crop it to its subject: the network sees only the middle square", true, false,
                           false},
    [FINDING_LABEL_CONFLICT] = {"label conflict", "keep it in one class: the same file has another label", false, false,
                                false},
    [FINDING_LEAK] = {"leak", "remove it from one of both: the same file trains and validates", false, false, false},
    [FINDING_REPEAT] = {"repeat", "remove one of both: the same file counts twice", false, false, false},
    [FINDING_NEAR_CONFLICT] = {"near label conflict", "look at both: the same picture has another label", true, false,
                               false},
    [FINDING_NEAR_LEAK] = {"near leak", "remove one of both: the same picture trains and validates", true, false,
                           false},
    [FINDING_NEAR_REPEAT] = {"near repeat", "remove one of both: the same picture counts twice", true, false, false},
    [FINDING_WRONG_LABEL] = {"wrong label", "look at it: the other class is more likely", true, true, false},
    [FINDING_DOUBTFUL_LABEL] = {"doubtful label",
                                "look at it if there is time: the network takes it for the other class", true, true,
                                false},
    [FINDING_FEW] = {"few photos", "add photos to this class", true, true, true},
    [FINDING_IMBALANCE] = {"imbalance", "add photos to this class: the larger ones outweigh it", true, false, true},
    [FINDING_NO_VAL] = {"not validated", "add photos of this class to val", false, false, true},
};

enum status findings_add(struct findings *findings, const struct finding *finding, struct error *err)
{
    enum status status = memory_grow((void **)&findings->rows, &findings->room, findings->count + 1,
                                     sizeof *findings->rows, "the findings", err);
    if (status != OK)
        return status;
    findings->rows[findings->count++] = *finding;
    findings->counts[finding->kind]++;
    return OK;
}

static int by_kind(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->score < y->score || x->score > y->score)
        return (x->score < y->score) == finding_abouts[x->kind].low_first ? -1 : 1;
    if (x->photo != y->photo)
        return x->photo < y->photo ? -1 : 1;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->other > y->other) - (x->other < y->other);
}

void findings_sort(struct findings *findings)
{
    if (findings->count > 0)
        qsort(findings->rows, findings->count, sizeof *findings->rows, by_kind);
}

void findings_free(struct findings *findings)
{
    memory_free(findings->rows);
    *findings = (struct findings){0};
}

enum status findings_photos(size_t *out, const struct findings *findings, const struct dataset *dataset,
                            struct error *err)
{
    void *memory;
    enum status status =
        memory_alloc(&memory, dataset->train.count + dataset->val.count, sizeof(bool), "the findings", err);
    if (status != OK)
        return status;
    bool *met = memory;
    *out = 0;
    for (size_t i = 0; i < findings->count; i++) {
        uint32_t photo = findings->rows[i].photo;
        if (photo == FINDING_NONE || met[photo])
            continue;
        met[photo] = true;
        ++*out;
    }
    memory_free(met);
    return OK;
}

const struct photo_list *finding_list(const struct dataset *dataset, uint32_t photo)
{
    return photo < dataset->train.count ? &dataset->train : &dataset->val;
}

const char *finding_list_name(const struct dataset *dataset, uint32_t photo)
{
    return photo < dataset->train.count ? "train" : "val";
}

static size_t place_of(const struct dataset *dataset, uint32_t photo)
{
    return photo < dataset->train.count ? photo : photo - dataset->train.count;
}

const char *finding_file(const struct dataset *dataset, uint32_t photo)
{
    return photo_name(finding_list(dataset, photo), place_of(dataset, photo));
}

uint32_t finding_class(const struct dataset *dataset, uint32_t photo)
{
    return finding_list(dataset, photo)->photos[place_of(dataset, photo)].class;
}

const char *finding_other_class(const struct dataset *dataset, const struct finding *finding)
{
    if (finding->kind == FINDING_WRONG_LABEL || finding->kind == FINDING_DOUBTFUL_LABEL)
        return dataset->classes.names[finding->guess];
    return finding->other == FINDING_NONE ? NULL : dataset->classes.names[finding_class(dataset, finding->other)];
}
