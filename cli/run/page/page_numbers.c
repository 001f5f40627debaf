/* All numbers of the page as JSON, for other programs: <script type="application/json" id="data">. */
#define _GNU_SOURCE
#include "cli/run/page/page_parts.h"

#include <stdlib.h>

#include "cli/report/html/html_page.h"
#include "cli/shell/json.h"

static void put_result(struct json *json, const struct page_run *run)
{
    const struct record_result *r = &run->result;
    json_open(json, "result", '{');
    json_bool(json, "diverged", r->diverged);
    json_int(json, "freeze_until", r->freeze_until);
    json_double(json, "lr", r->lr);
    record_result_json(json, r);
    json_close(json);
}

static void put_epochs(struct json *json, const struct page_run *run)
{
    json_open(json, "epochs", '[');
    for (size_t i = 0; i < run->row_count; i++) {
        const struct metrics_row *row = &run->rows[i];
        json_open(json, NULL, '{');
        json_int(json, "epoch", (int64_t)row->epoch);
        json_double(json, "lr", row->lr);
        json_double(json, "train_loss", row->train_loss);
        json_double(json, "train_accuracy", row->train_accuracy);
        json_double(json, "val_loss", row->val_loss);
        json_double(json, "val_accuracy", row->val_accuracy);
        json_double(json, "val_macro_f1", row->macro_f1);
        json_double(json, "seconds", row->seconds);
        json_close(json);
    }
    json_close(json);
}

static void put_given(struct json *json, const struct page_run *run)
{
    const struct page_training *t = &run->training;
    json_open(json, "given", '[');
    for (size_t i = 0; i < t->classes; i++) {
        json_open(json, NULL, '{');
        json_text(json, "class", run->classes.names[i]);
        json_int(json, "train", (int64_t)t->train[i]);
        json_int(json, "val", (int64_t)t->val[i]);
        json_close(json);
    }
    json_close(json);
}

static void put_all(FILE *out, const struct page_run *run)
{
    struct json json = json_start(out, false);
    json_open(&json, NULL, '{');
    json_text(&json, "run", run->name);
    json_text(&json, "command", run->command);
    if (run->over)
        put_result(&json, run);
    put_epochs(&json, run);
    if (run->answered) {
        page_measured_json(&json, &run->measured);
        if (run->training.known)
            put_given(&json, run);
    }
    json_close(&json);
    json_end(&json);
}

enum status page_put_numbers(FILE *out, const struct page_run *run, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(err, "the numbers of the report", 0);
    put_all(stream, run);
    enum status status = fclose(stream) == 0 ? OK : error_memory(err, "the numbers of the report", 0);
    if (status == OK)
        page_data(out, text, size);
    free(text);
    return status;
}
