#include "cli/run/eval_strangers.h"

#include <string.h>

#include "cli/shell/numbers.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "cli/shell/table.h"
#include "core/base/memory.h"
#include "core/net/cam.h"
#include "core/train/calibration.h"

enum { KNOWN, STRANGER };

static const char *const names[STRANGER_SCORES] = {"probability", "energy", "distance"};
static const char *const texts[STRANGER_SCORES] = {"largest probability", "energy of the logits",
                                                   "distance to the nearest class mean"};

enum status eval_strangers_open(struct eval_strangers *out, const char *path, const struct model *model, int tta,
                                struct error *err)
{
    if (tta != TTA_NONE)
        return error_set(err, ERR_USAGE, "--strangers cannot be combined with --tta flip");
    *out = (struct eval_strangers){.model = model};
    enum status status = photo_list_add(&out->list, path, err);
    if (status == OK && out->list.count == 0)
        status = error_set(err, ERR_NOINPUT, "%s: --strangers: there is no photo", path);
    return status;
}

static enum status append(struct eval_strangers *strangers, int side, const double values[STRANGER_SCORES],
                          struct error *err)
{
    size_t at = strangers->counts[side];
    for (size_t s = 0; s < STRANGER_SCORES; s++) {
        void *room = strangers->scores[side][s];
        enum status status =
            memory_grow(&room, &strangers->scores_room[side][s], at + 1, sizeof(double), "the scores", err);
        strangers->scores[side][s] = room;
        if (status != OK)
            return status;
        strangers->scores[side][s][at] = values[s];
    }
    strangers->counts[side]++;
    return OK;
}

/* Of a photo, but for the distance. */
static enum status score(double values[STRANGER_SCORES], const struct eval_strangers *strangers, const float *logits,
                         struct error *err)
{
    const struct model_info *info = &strangers->model->info;
    size_t classes = info->classes.count;
    void *memory;
    enum status status = memory_alloc(&memory, classes, sizeof(double), "the probabilities of a photo", err);
    if (status != OK)
        return status;
    temperature_softmax(memory, logits, classes, info->calibration.temperature);
    values[STRANGER_PROBABILITY] = photo_score_of(memory, classes, 0).confidence;
    values[STRANGER_ENERGY] = logits_energy(logits, classes);
    values[STRANGER_DISTANCE] = 0;
    memory_free(memory);
    return OK;
}

static enum status keep_features(struct eval_strangers *strangers, const float *features, int32_t label,
                                 struct error *err)
{
    size_t size = strangers->means.size, at = strangers->known;
    void *room = strangers->features, *labels = strangers->labels;
    enum status status =
        memory_grow(&room, &strangers->features_room, (at + 1) * size, sizeof(float), "the features", err);
    strangers->features = room;
    if (status == OK)
        status = memory_grow(&labels, &strangers->labels_room, at + 1, sizeof(int32_t), "the classes", err);
    strangers->labels = labels;
    if (status != OK)
        return status;
    memcpy(strangers->features + at * size, features, size * sizeof(float));
    strangers->labels[at] = label;
    strangers->known++;
    class_means_add(&strangers->means, features, (size_t)label);
    return OK;
}

enum status eval_strangers_add(struct eval_strangers *strangers, const struct inference *inference,
                               const struct photo_batch *batch, const float *logits, struct error *err)
{
    if (!strangers->model)
        return OK;
    size_t size = cam_features_count(inference->cam), classes = strangers->model->info.classes.count;
    enum status status = strangers->means.sums ? OK : class_means_init(&strangers->means, classes, size, err);
    for (size_t i = 0; i < batch->count && status == OK; i++) {
        double values[STRANGER_SCORES];
        status = score(values, strangers, logits + i * classes, err);
        if (status == OK)
            status = append(strangers, KNOWN, values, err);
        if (status == OK)
            status = keep_features(strangers, cam_features(inference->cam) + i * size, batch->labels[i], err);
    }
    return status;
}

static void report_bad(struct eval_strangers *strangers, const struct loader *loader)
{
    for (; strangers->bad < loader_bad_count(loader); strangers->bad++) {
        struct photo_fault bad = loader_bad_get(loader, strangers->bad);
        strangers->failed += bad.failed;
        warn("%s: %s", photo_name(&strangers->list, bad.photo), bad.reason);
    }
}

static enum status look(struct eval_strangers *strangers, struct inference *inference, bool quiet, struct error *err)
{
    const struct photo_batch *batch = NULL;
    const float *logits = NULL;
    size_t size = strangers->means.size, classes = strangers->model->info.classes.count;
    struct progress progress;
    enum status status = OK;
    progress_start(&progress, "strangers", "photos", strangers->list.count);
    loader_start(inference->loader, NULL, strangers->list.count, 0, 0, AUGMENT_NONE);
    while (status == OK && !signals_stop()) {
        status = inference_next(inference, &batch, &logits, err);
        report_bad(strangers, inference->loader);
        if (status != OK || !batch)
            break;
        for (size_t i = 0; i < batch->count && status == OK; i++) {
            double values[STRANGER_SCORES];
            status = score(values, strangers, logits + i * classes, err);
            values[STRANGER_DISTANCE] =
                -class_means_distance(&strangers->means, cam_features(inference->cam) + i * size, -1);
            if (status == OK)
                status = append(strangers, STRANGER, values, err);
        }
        if (!quiet)
            progress_update(&progress, batch->position, NULL);
    }
    progress_end(&progress);
    return status;
}

enum status eval_strangers_run(struct eval_strangers *strangers, const struct engine_options *engine, size_t batch_size,
                               struct error *err)
{
    struct inference inference = {0};
    const struct class_means *means = &strangers->means;
    if (!strangers->model)
        return OK;
    for (size_t i = 0; i < strangers->known; i++)
        strangers->scores[KNOWN][STRANGER_DISTANCE][i] =
            -class_means_distance(means, strangers->features + i * means->size, strangers->labels[i]);
    enum status status =
        inference_open_cam(&inference, strangers->model, &strangers->list, engine, batch_size, false, err);
    if (status == OK)
        status = look(strangers, &inference, engine->quiet, err);
    inference_close(&inference);
    if (status == OK && !signals_stop() && strangers->counts[STRANGER] == 0)
        status = error_set(err, ERR_DATA, "--strangers: none of the %zu photos could be read", strangers->list.count);
    for (size_t s = 0; s < STRANGER_SCORES && status == OK && !signals_stop(); s++)
        strangers->auroc[s] = auroc_measure(strangers->scores[KNOWN][s], strangers->counts[KNOWN],
                                            strangers->scores[STRANGER][s], strangers->counts[STRANGER]);
    return status;
}

enum status eval_strangers_text(FILE *out, const struct eval_strangers *strangers, struct error *err)
{
    static const struct column columns[] = {{"strangers are told by", COLUMN_TEXT, 0, 0},
                                            {"AUROC", COLUMN_NUMBER, 0, 0},
                                            {"95 % interval", COLUMN_TEXT, 0, 1}};
    struct table table;
    enum status status = OK;
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t s = 0; s < STRANGER_SCORES && status == OK; s++) {
        const struct auroc *auroc = &strangers->auroc[s];
        char area[NUMBER_TEXT], interval[2 * NUMBER_TEXT];
        snprintf(area, sizeof area, "%.4f", auroc->area);
        snprintf(interval, sizeof interval, "%.4f to %.4f", auroc->low, auroc->high);
        const char *cells[] = {texts[s], area, interval};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    if (status == OK)
        fprintf(out, "%zu photos of the classes, %zu strangers; 0.5: not told apart, 1: always\n",
                strangers->counts[KNOWN], strangers->counts[STRANGER]);
    return status;
}

void eval_strangers_json(struct json *json, const struct eval_strangers *strangers)
{
    json_open(json, "strangers", '{');
    json_int(json, "photos", (int64_t)strangers->counts[STRANGER]);
    json_int(json, "unreadable", (int64_t)strangers->bad);
    for (size_t s = 0; s < STRANGER_SCORES; s++) {
        json_open(json, names[s], '{');
        json_double(json, "auroc", strangers->auroc[s].area);
        json_double(json, "low", strangers->auroc[s].low);
        json_double(json, "high", strangers->auroc[s].high);
        json_close(json);
    }
    json_close(json);
}

void eval_strangers_free(struct eval_strangers *strangers)
{
    photo_list_free(&strangers->list);
    class_means_free(&strangers->means);
    memory_free(strangers->features);
    memory_free(strangers->labels);
    for (int side = 0; side < 2; side++)
        for (size_t s = 0; s < STRANGER_SCORES; s++)
            memory_free(strangers->scores[side][s]);
    *strangers = (struct eval_strangers){0};
}
