#include "cli/run/page/page_measured.h"

void page_measured_free(struct page_measured *measured)
{
    page_answers_free(&measured->answers);
    *measured = (struct page_measured){0};
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void put_classes(struct json *json, const struct page_measured *measured)
{
    const struct page_answers *a = &measured->answers;
    json_open(json, "by_class", '[');
    for (size_t i = 0; i < a->classes; i++) {
        json_open(json, NULL, '{');
        json_text(json, "class", measured->classes->names[i]);
        json_int(json, "photos", (int64_t)a->labelled[i]);
        json_int(json, "predicted", (int64_t)a->predicted[i]);
        json_int(json, "right", (int64_t)a->hits[i]);
        json_close(json);
    }
    json_close(json);
    if (!a->matrix)
        return;
    json_open(json, "confusion", '[');
    for (size_t row = 0; row < a->classes; row++) {
        json_open(json, NULL, '[');
        for (size_t k = 0; k < a->classes; k++)
            json_int(json, NULL, (int64_t)a->matrix[row * a->classes + k]);
        json_close(json);
    }
    json_close(json);
}

static void put_reliability(struct json *json, const char *key, const struct reliability *reliability)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < RELIABILITY_BINS; i++) {
        const struct reliability_bin *bin = &reliability->bins[i];
        json_open(json, NULL, '{');
        json_int(json, "photos", (int64_t)bin->count);
        json_int(json, "right", (int64_t)bin->right);
        json_double(json, "mean_probability", bin->count ? bin->confidence / (double)bin->count : 0);
        json_close(json);
    }
    json_close(json);
}

static void put_trust(struct json *json, const struct page_measured *measured)
{
    const struct page_calibration *c = &measured->calibration;
    json_double(json, "ece", reliability_ece(&measured->answers.reliability));
    put_reliability(json, "reliability", &measured->answers.reliability);
    if (c->known)
        json_double(json, "temperature", c->temperature);
    if (c->reliability.count > 0) {
        json_double(json, "ece_calibrated", reliability_ece(&c->reliability));
        put_reliability(json, "reliability_calibrated", &c->reliability);
    }
}

static void put_photos(struct json *json, const struct page_measured *measured)
{
    static const char *const kinds[] = {"mistake", "unsure", "sample"};
    json_open(json, "photos", '[');
    for (size_t i = 0; i < measured->answers.chosen_count; i++) {
        const struct page_answer *answer = &measured->answers.chosen[i];
        json_open(json, NULL, '{');
        json_text(json, "kind", kinds[answer->kind]);
        json_text(json, "file", answer->file);
        if (measured->parts)
            json_text(json, "run", measured->parts[answer->part]);
        json_text(json, "class", measured->classes->names[answer->label]);
        json_text(json, "predicted", measured->classes->names[answer->predicted]);
        json_double(json, "probability", answer->probability);
        json_double(json, "class_probability", answer->label_probability);
        json_double(json, "loss", answer->loss);
        json_close(json);
    }
    json_close(json);
}

void page_measured_json(struct json *json, const struct page_measured *measured)
{
    put_classes(json, measured);
    put_trust(json, measured);
    put_photos(json, measured);
}
