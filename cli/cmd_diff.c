/* freezetune diff: which children and tensors of two weight files differ, and by how much. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/model/children.h"
#include "cli/report/tensor_diff.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "weights/weight_file.h"

enum { VERDICT_TEXT = 80 };

struct values {
    struct weight_choice choice_a, choice_b;
    bool json, tensors, quiet;
};

static const struct option options[] = {
    OPTION_ROW("Options", OPTION_FLAG, "tensors", struct values, tensors, .help = "list every tensor that differs"),
    CHOICE_ROWS("Options", struct values, choice_a),
    OPTION_ROW("Options", OPTION_STRING, "key-b", struct values, choice_b.key, .placeholder = "KEY",
               .shown = "found by content",
               .help = "take the state dict under this key of B; --key and --prefix apply to A"),
    OPTION_ROW("Options", OPTION_STRING, "prefix-b", struct values, choice_b.prefix, .placeholder = "PREFIX",
               .shown = "found by content", .help = "take the network of B whose tensors' names begin with this"),
    OPTION_ROW("Options", OPTION_FLAG, "json", struct values, json,
               .help = "print one JSON object with all children and tensors"),
    OPTION_ROW("Options", OPTION_FLAG, "quiet", struct values, quiet,
               .help = "print nothing; the exit code tells the result"),
};

/* One child, from tensors first..first+tensors-1 of the comparison. */
struct child {
    const char *name;
    size_t name_length;
    int number; /* 0: not a ResNet's */
    size_t first, tensors, changed;
    struct difference difference;
    enum tensor_verdict worst;
};

static size_t group_children(struct child *children, const struct file_diff *diff)
{
    size_t count = 0;
    for (size_t i = 0; i < diff->count; i++) {
        const struct tensor_diff *tensor = &diff->tensors[i];
        size_t length = child_name_length(tensor->name);
        struct child *child = count ? &children[count - 1] : NULL;
        if (!child || child->name_length != length || memcmp(child->name, tensor->name, length) != 0) {
            child = &children[count++];
            *child = (struct child){tensor->name, length, child_number(tensor->name), i, 0, 0, {0}, TENSOR_SAME};
        }
        child->tensors++;
        child->changed += tensor->verdict != TENSOR_SAME;
        if (tensor->verdict > child->worst)
            child->worst = tensor->verdict;
        difference_add(&child->difference, &tensor->difference);
    }
    return count;
}

/* "0.0123" of a measured difference, "" where nothing was or nothing differs. */
static const char *measured(char out[NUMBER_TEXT], double value, const struct difference *difference)
{
    if (difference->changed == 0)
        return "";
    snprintf(out, NUMBER_TEXT, "%.3g", value);
    return out;
}

static enum status print_children(const struct child *children, size_t count, struct error *err)
{
    static const struct column columns[] = {
        {"child", COLUMN_NUMBER, 0, 0},   {"name", COLUMN_TEXT, 8, 0},       {"tensors", COLUMN_NUMBER, 0, 4},
        {"changed", COLUMN_NUMBER, 0, 0}, {"values", COLUMN_NUMBER, 0, 3},   {"changed values", COLUMN_NUMBER, 0, 0},
        {"largest", COLUMN_NUMBER, 0, 0}, {"relative", COLUMN_NUMBER, 0, 2}, {"verdict", COLUMN_TEXT, 12, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, stdout, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count && status == OK; i++) {
        const struct child *child = &children[i];
        const struct difference *d = &child->difference;
        char number[16] = "", name[256], tensors[NUMBER_TEXT], changed[NUMBER_TEXT], values[NUMBER_TEXT],
             moved[NUMBER_TEXT], largest[NUMBER_TEXT], relative[NUMBER_TEXT];
        if (child->number)
            snprintf(number, sizeof number, "%d", child->number);
        snprintf(name, sizeof name, "%.*s", (int)child->name_length, child->name);
        const char *cells[] = {number,
                               name,
                               number_count(tensors, child->tensors),
                               number_count(changed, child->changed),
                               number_count(values, d->values),
                               number_count(moved, d->changed),
                               measured(largest, d->largest, d),
                               measured(relative, difference_relative(d), d),
                               tensor_verdict_name(child->worst)};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    else
        table_discard(&table);
    return status;
}

static const char *shape_of(char out[WEIGHT_SHAPE_TEXT], const struct weight_tensor *tensor)
{
    return tensor ? weight_shape_text(out, WEIGHT_SHAPE_TEXT, tensor->rank, tensor->shape) : "";
}

/* "changed", or "other type: F32, F16", with ", equal values" where that was measured. */
static const char *verdict_text(char out[VERDICT_TEXT], const struct tensor_diff *tensor)
{
    const struct difference *d = &tensor->difference;
    const char *name = tensor_verdict_name(tensor->verdict);
    if (tensor->verdict != TENSOR_TYPE)
        return name;
    snprintf(out, VERDICT_TEXT, "%s: %s, %s%s", name, weight_dtype_name(tensor->a->dtype),
             weight_dtype_name(tensor->b->dtype), d->values && !d->changed ? ", equal values" : "");
    return out;
}

static enum status print_tensors(const struct file_diff *diff, struct error *err)
{
    static const struct column columns[] = {{"tensor", COLUMN_TEXT, 30, 0},   {"A", COLUMN_TEXT, 0, 3},
                                            {"B", COLUMN_TEXT, 0, 2},         {"changed", COLUMN_NUMBER, 0, 0},
                                            {"largest", COLUMN_NUMBER, 0, 1}, {"relative", COLUMN_NUMBER, 0, 2},
                                            {"verdict", COLUMN_TEXT, 12, 0}};
    struct table table;
    enum status status = OK;
    putchar('\n');
    table_start(&table, stdout, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < diff->count && status == OK; i++) {
        const struct tensor_diff *tensor = &diff->tensors[i];
        const struct difference *d = &tensor->difference;
        char a[WEIGHT_SHAPE_TEXT], b[WEIGHT_SHAPE_TEXT], changed[NUMBER_TEXT], largest[NUMBER_TEXT],
            relative[NUMBER_TEXT], verdict[VERDICT_TEXT];
        if (tensor->verdict == TENSOR_SAME)
            continue;
        const char *cells[] = {tensor->name,
                               shape_of(a, tensor->a),
                               shape_of(b, tensor->b),
                               number_count(changed, d->changed),
                               measured(largest, d->largest, d),
                               measured(relative, difference_relative(d), d),
                               verdict_text(verdict, tensor)};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    else
        table_discard(&table);
    return status;
}

/* "identical: 1 conv1, 2 bn1": the children of one kind, nothing when there is none. */
static void print_list(const char *label, const struct child *children, size_t count, bool changed)
{
    bool any = false;
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    for (size_t i = 0; i < count; i++) {
        if ((children[i].changed != 0) != changed)
            continue;
        fputs(any ? ", " : label, out);
        if (children[i].number)
            fprintf(out, "%d ", children[i].number);
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)children[i].name_length, children[i].name);
        text_padded(out, name, 0, false);
        any = true;
    }
    if (any)
        putc('\n', out);
    lines_end(&lines);
}

static void json_difference(struct json *json, const struct difference *d)
{
    json_int(json, "values", (int64_t)d->values);
    json_int(json, "changed_values", (int64_t)d->changed);
    json_double(json, "largest", d->largest);
    json_double(json, "relative", difference_relative(d));
}

static void json_shape(struct json *json, const char *key, const struct weight_tensor *tensor)
{
    if (!tensor) {
        json_text(json, key, NULL);
        return;
    }
    json_open(json, key, '[');
    for (unsigned i = 0; i < tensor->rank; i++)
        json_int(json, NULL, (int64_t)tensor->shape[i]);
    json_close(json);
}

static void print_json(const struct file_diff *diff, const struct child *children, size_t count, size_t changed,
                       const struct arguments *args)
{
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "a", args->operands[0]);
    json_text(&json, "b", args->operands[1]);
    json_bool(&json, "identical", changed == 0);
    json_open(&json, "children", '[');
    for (size_t i = 0; i < count; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)children[i].name_length, children[i].name);
        json_open(&json, NULL, '{');
        json_int(&json, "child", children[i].number);
        json_text(&json, "name", name);
        json_bool(&json, "identical", children[i].changed == 0);
        json_int(&json, "tensors", (int64_t)children[i].tensors);
        json_int(&json, "changed_tensors", (int64_t)children[i].changed);
        json_difference(&json, &children[i].difference);
        json_close(&json);
    }
    json_close(&json);
    json_open(&json, "tensors", '[');
    for (size_t i = 0; i < diff->count; i++) {
        const struct tensor_diff *tensor = &diff->tensors[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", tensor->name);
        json_text(&json, "verdict", tensor_verdict_name(tensor->verdict));
        json_text(&json, "type_a", tensor->a ? weight_dtype_name(tensor->a->dtype) : NULL);
        json_text(&json, "type_b", tensor->b ? weight_dtype_name(tensor->b->dtype) : NULL);
        json_shape(&json, "shape_a", tensor->a);
        json_shape(&json, "shape_b", tensor->b);
        json_difference(&json, &tensor->difference);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
    json_end(&json);
}

static enum status report(const struct file_diff *diff, const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    void *children = NULL;
    size_t changed = 0;
    enum status status = memory_alloc(&children, diff->count, sizeof(struct child), "the list of children", err);
    if (status != OK)
        return status;
    size_t count = group_children(children, diff);
    for (size_t i = 0; i < count; i++)
        changed += ((struct child *)children)[i].changed;
    if (v->json) {
        print_json(diff, children, count, changed, args);
    } else if (!v->quiet) {
        status = print_children(children, count, err);
        if (status == OK && v->tensors && changed)
            status = print_tensors(diff, err);
        print_list("identical: ", children, count, false);
        print_list("different: ", children, count, true);
    }
    memory_free(children);
    return status == OK && changed ? ERR_NO : status;
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    struct weight_file *a = NULL, *b = NULL;
    struct file_diff diff = {0};
    enum status status = weight_file_open_choice(&a, args->operands[0], &v->choice_a, err);
    if (status == OK)
        status = weight_file_open_choice(&b, args->operands[1], &v->choice_b, err);
    if (status == OK)
        status = file_diff_make(&diff, a, b, err);
    if (status == OK)
        status = report(&diff, args, err);
    file_diff_free(&diff);
    weight_file_close(a);
    weight_file_close(b);
    return status;
}

const struct command cmd_diff = {
    .name = "diff",
    .summary = "show which children and tensors of two weight files differ, and by how much",
    .usage = "[options] A B",
    .description =
        "Compares tensor by tensor and bit by bit. \"largest\" is max |a - b|, \"relative\" is ||a - b|| / ||a||. "
        "Tensors of two float types are measured as well, and differ even when all their values are equal. "
        "The exit code is 0 when all tensors are identical, 1 when something differs.",
    .examples = "  freezetune diff resnet50.safetensors runs/1/best.safetensors\n"
                "  freezetune diff --tensors runs/1/best.safetensors runs/2/best.safetensors\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 2,
    .operands_most = 2,
    .run = run,
};
