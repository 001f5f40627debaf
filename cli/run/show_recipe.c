#include "cli/run/show_recipe.h"

#include "cli/shell/numbers.h"
#include "cli/shell/wrap.h"

static void put_photos(FILE *out, const struct run_setup *t)
{
    const struct train_options *o = &t->options;
    size_t steps = train_needs(t->train).steps_per_epoch;
    int crop = o->loader.preprocess.crop;
    fprintf(out, "epochs  %lld, %zu step%s each, batches of %zu photo%s of %dx%d pixels, augmentation: %s",
            t->values->epochs, steps, steps == 1 ? "" : "s", o->loader.batch, o->loader.batch == 1 ? "" : "s", crop,
            crop, augment_names[o->augment]);
    if (o->views > 1)
        fprintf(out, " in %zu views", o->views);
    putc('\n', out);
}

static void put_rate(FILE *out, const struct run_setup *t)
{
    const struct train_values *v = t->values;
    const struct optimizer_options *optimizer = &t->options.optimizer;
    char number[NUMBER_TEXT];
    fprintf(out, "lr      %s, %s schedule", v->lr == LR_FIND ? "still to be found" : number_double(number, v->lr),
            schedule_names[v->schedule]);
    if (v->schedule == SCHEDULE_STEP)
        fprintf(out, " (times %s every %lld epochs)", number_double(number, v->gamma), v->step_epochs);
    if (v->warmup > 0)
        fprintf(out, ", warm-up over %s epoch%s", number_double(number, v->warmup), v->warmup == 1 ? "" : "s");
    fprintf(out, ", %s", optimizer_names[optimizer->kind]);
    if (optimizer->kind == OPTIMIZER_SGD)
        fprintf(out, " with %smomentum %s", optimizer->nesterov ? "Nesterov's " : "",
                number_double(number, optimizer->momentum));
    fprintf(out, ", weight decay %s\n", number_double(number, optimizer->weight_decay));
}

void show_recipe(FILE *out, const struct run_setup *t)
{
    struct lines lines;
    FILE *line = lines_start(&lines, out);
    put_photos(line, t);
    put_rate(line, t);
    lines_end(&lines);
}

void recipe_json(struct json *json, const struct run_setup *t)
{
    const struct train_values *v = t->values;
    const struct train_options *o = &t->options;
    json_int(json, "epochs", v->epochs);
    json_int(json, "batch_size", (int64_t)o->loader.batch);
    json_int(json, "image_size", o->loader.preprocess.crop);
    json_text(json, "augment", augment_names[o->augment]);
    if (v->lr == LR_FIND)
        json_text(json, "lr", "find");
    else
        json_double(json, "lr", v->lr);
    json_text(json, "schedule", schedule_names[v->schedule]);
    json_double(json, "warmup", v->warmup);
    json_text(json, "optimizer", optimizer_names[o->optimizer.kind]);
    if (o->optimizer.kind == OPTIMIZER_SGD)
        json_double(json, "momentum", o->optimizer.momentum);
    json_double(json, "weight_decay", o->optimizer.weight_decay);
}
