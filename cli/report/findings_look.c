#include "cli/report/findings_look.h"

#include "core/base/memory.h"

/* ---- photos ------------------------------------------------------------------------------------------------------ */

struct look {
    struct findings *out;
    const struct dataset *dataset;
    uint32_t photo;
};

static enum status add(const struct look *look, enum finding_kind kind, double score, struct error *err)
{
    const struct finding finding = {.kind = kind,
                                    .photo = look->photo,
                                    .other = FINDING_NONE,
                                    .class = finding_class(look->dataset, look->photo),
                                    .score = score};
    return findings_add(look->out, &finding, err);
}

/* A photo of one colour is also dark or bright, and blurred: that is said once. What is too small to be judged is not
 * called blurred. */
static enum status look_at_light(const struct look *look, const struct quality *quality, int least, struct error *err)
{
    enum status status = OK;
    if (quality->spread < CHECK_ONE_COLOUR)
        return add(look, FINDING_ONE_COLOUR, (double)quality->spread, err);
    if (quality->dark < CHECK_DARK)
        status = add(look, FINDING_DARK, quality->dark, err);
    if (status == OK && quality->light > CHECK_BRIGHT)
        status = add(look, FINDING_BRIGHT, quality->light, err);
    if (status == OK && least >= CHECK_TINY && quality->sharpness < CHECK_BLURRED)
        status = add(look, FINDING_BLURRED, (double)quality->sharpness, err);
    return status;
}

static enum status look_at(const struct look *look, const struct quality_photo *photo, struct error *err)
{
    const struct quality *quality = &photo->quality;
    int least = quality->height < quality->width ? quality->height : quality->width;
    int most = quality->height < quality->width ? quality->width : quality->height;
    enum status status = OK;
    if (photo->reason) {
        const struct finding finding = {.kind = photo->away ? FINDING_AWAY : FINDING_UNREADABLE,
                                        .photo = look->photo,
                                        .other = FINDING_NONE,
                                        .class = finding_class(look->dataset, look->photo),
                                        .reason = photo->reason};
        return findings_add(look->out, &finding, err);
    }
    if (quality->damaged)
        status = add(look, FINDING_DAMAGED, 0, err);
    if (status == OK && least < CHECK_TINY)
        status = add(look, FINDING_TINY, least, err);
    if (status == OK)
        status = look_at_light(look, quality, least, err);
    if (status == OK && most >= CHECK_ODD_SHAPE * least)
        status = add(look, FINDING_ODD_SHAPE, (double)most / least, err);
    return status;
}

enum status findings_look_photos(struct findings *out, const struct dataset *dataset,
                                 const struct quality_photo *photos, struct error *err)
{
    enum status status = OK;
    struct look look = {.out = out, .dataset = dataset};
    for (size_t i = 0; i < dataset->train.count + dataset->val.count && status == OK; i++) {
        look.photo = (uint32_t)i;
        status = look_at(&look, &photos[i], err);
    }
    return status;
}

/* ---- the same bytes ---------------------------------------------------------------------------------------------- */

enum status findings_look_duplicates(struct findings *out, const struct dataset *dataset,
                                     const struct scan_report *scan, struct error *err)
{
    static const enum finding_kind kinds[SCAN_SAME] = {
        [SCAN_LABEL_CONFLICT] = FINDING_LABEL_CONFLICT, [SCAN_LEAK] = FINDING_LEAK, [SCAN_REPEAT] = FINDING_REPEAT};
    uint32_t train = (uint32_t)dataset->train.count;
    enum status status = OK;
    for (size_t i = 0; i < scan->duplicate_count && status == OK; i++) {
        const struct scan_duplicate *pair = &scan->duplicates[i];
        uint32_t photo = pair->val ? train + pair->photo : pair->photo;
        const struct finding finding = {.kind = kinds[pair->kind],
                                        .photo = photo,
                                        .other = pair->same_val ? train + pair->same : pair->same,
                                        .class = finding_class(dataset, photo)};
        status = findings_add(out, &finding, err);
    }
    return status;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

struct usable {
    uint32_t train, val;
};

static enum status add_class(struct findings *out, enum finding_kind kind, size_t class, double score,
                             struct error *err)
{
    const struct finding finding = {
        .kind = kind, .photo = FINDING_NONE, .other = FINDING_NONE, .class = (uint32_t) class, .score = score};
    return findings_add(out, &finding, err);
}

static enum status look_at_classes(struct findings *out, const struct usable *classes, size_t count, bool has_val,
                                   struct error *err)
{
    enum status status = OK;
    uint32_t most = 0;
    for (size_t k = 0; k < count; k++)
        most = classes[k].train > most ? classes[k].train : most;
    for (size_t k = 0; k < count && status == OK; k++) {
        uint32_t train = classes[k].train;
        if (train < SCAN_FEW_PHOTOS)
            status = add_class(out, FINDING_FEW, k, train, err);
        if (status == OK && train > 0 && most >= CHECK_IMBALANCE * (uint64_t)train)
            status = add_class(out, FINDING_IMBALANCE, k, (double)most / train, err);
        if (status == OK && has_val && classes[k].val == 0)
            status = add_class(out, FINDING_NO_VAL, k, 0, err);
    }
    return status;
}

enum status findings_look_classes(struct findings *out, const struct dataset *dataset,
                                  const struct quality_photo *photos, struct error *err)
{
    void *memory;
    size_t train = dataset->train.count;
    enum status status = memory_alloc(&memory, dataset->classes.count, sizeof(struct usable), "the classes", err);
    if (status != OK)
        return status;
    struct usable *classes = memory;
    for (size_t i = 0; i < train + dataset->val.count; i++) {
        if (photos[i].reason)
            continue;
        struct usable *class = &classes[finding_class(dataset, (uint32_t)i)];
        *(i < train ? &class->train : &class->val) += 1;
    }
    status = look_at_classes(out, classes, dataset->classes.count, dataset->val.count > 0, err);
    memory_free(classes);
    return status;
}
