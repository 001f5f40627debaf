#include "cli/run/record_log.h"

#include "cli/shell/json.h"

void record_log_step(FILE *log, const struct step_result *step)
{
    struct json json = json_start(log, false);
    json_open(&json, NULL, '{');
    json_text(&json, "event", "step");
    json_int(&json, "epoch", (int64_t)step->epoch + 1);
    json_int(&json, "step", (int64_t)step->batch + 1);
    json_int(&json, "photos", (int64_t)step->images);
    json_double(&json, "lr", step->lr);
    json_double(&json, "loss", step->loss);
    if (step->norm > 0)
        json_double(&json, "gradient_norm", step->norm);
    json_close(&json);
    json_end(&json);
}

/* What the cache did: it may differ between two runs with the same result. */
static void log_features(struct json *json, const struct feature_counts *features)
{
    json_open(json, "features", '{');
    json_int(json, "computed", (int64_t)features->pixels);
    json_int(json, "advanced", (int64_t)features->advanced);
    json_int(json, "read", (int64_t)features->read);
    json_int(json, "damaged", (int64_t)features->damaged);
    json_close(json);
}

void record_log_epoch(FILE *log, const struct epoch_result *epoch)
{
    struct json json = json_start(log, false);
    json_open(&json, NULL, '{');
    json_text(&json, "event", "epoch");
    json_int(&json, "epoch", (int64_t)epoch->epoch + 1);
    json_double(&json, "lr", epoch->lr);
    json_double(&json, "train_loss", epoch->train_loss);
    json_double(&json, "train_accuracy", epoch->train_accuracy);
    json_double(&json, "val_loss", metrics_loss(epoch->val));
    json_double(&json, "val_accuracy", metrics_accuracy(epoch->val));
    json_double(&json, "val_top5", metrics_top5(epoch->val));
    json_double(&json, "val_macro_f1", metrics_macro_f1(epoch->val));
    json_int(&json, "val_photos", (int64_t)epoch->val->count);
    json_int(&json, "photos", (int64_t)epoch->images);
    json_int(&json, "left_out", (int64_t)epoch->left_out);
    json_int(&json, "unavailable", (int64_t)epoch->away);
    json_int(&json, "val_unavailable", (int64_t)epoch->val_away);
    json_bool(&json, "compared", epoch->compared);
    json_bool(&json, "best", epoch->best);
    json_double(&json, "seconds", epoch->seconds);
    log_features(&json, &epoch->features);
    json_close(&json);
    json_end(&json);
}
