/* Loading: parameters and tensors are matched by name once, in a table; then shapes and types are compared, and when
 * all fits values are read. */
#include "weights/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/net/init.h"
#include "weights/param_rows.h"
#include "weights/recognise.h"

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* pairs[i] = the tensor of parameter i, or NULL. */
struct matched {
    const struct net *net;
    const struct weight_file *file;
    const struct weight_tensor **pairs; /* [net->params_count] */
    size_t count;                       /* of tensors that have a parameter */
};

static enum status match(struct matched *out, const struct net *net, const struct weight_file *file, struct error *err)
{
    void *pairs;
    enum status status = memory_alloc(&pairs, net->params_count, sizeof *out->pairs, "a table of parameters", err);
    if (status != OK)
        return status;
    *out = (struct matched){.net = net, .file = file, .pairs = pairs};
    for (size_t i = 0; i < net->params_count; i++) {
        out->pairs[i] = weight_file_find(file, net->params[i].name);
        out->count += out->pairs[i] != NULL;
    }
    return OK;
}

/* ---- do they belong together? ------------------------------------------------------------------------------------ */

/* "; the file looks like resnet101", when it looks like another architecture than the net's. */
static const char *hint(char out[80], const struct net *net, const struct weight_file *file)
{
    struct recognised found;
    out[0] = '\0';
    if (weights_recognise(&found, file) && strcmp(found.arch, net->arch) != 0)
        snprintf(out, 80, "; the file looks like %s", found.arch);
    return out;
}

static enum status refuse_missing(const struct net *net, const struct weight_file *file, const char *name,
                                  size_t others, struct error *err)
{
    char looks[80], more[96] = "";
    enum status status = weights_refuse_special(file, err);
    if (status != OK)
        return status;
    const char *instead = weight_file_left_find(file, name);
    if (instead)
        return error_set(err, ERR_DATA, "%.400s: tensor '%s' cannot be read: it is %s", weight_file_path(file), name,
                         instead);
    if (others > 0)
        snprintf(more, sizeof more, ", and %zu more that %s has", others, net->arch);
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' is missing%s%s", weight_file_path(file), name, more,
                     hint(looks, net, file));
}

static enum status refuse_shape(const struct net *net, const struct weight_file *file, const struct param *param,
                                const struct weight_tensor *tensor, struct error *err)
{
    char found[WEIGHT_SHAPE_TEXT], wanted[WEIGHT_SHAPE_TEXT], looks[80];
    struct weight_tensor own = param_describe(param);
    weight_shape_text(found, sizeof found, tensor->rank, tensor->shape);
    weight_shape_text(wanted, sizeof wanted, own.rank, own.shape);
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' is %s, the model (%s, %zu outputs) expects %s%s",
                     weight_file_path(file), param->name, found, net->arch, net_classes(net), wanted,
                     hint(looks, net, file));
}

static enum status refuse_type(const struct weight_file *file, const struct weight_tensor *tensor, const char *wanted,
                               struct error *err)
{
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' is of type %s, expected %s", weight_file_path(file),
                     tensor->name, weight_dtype_name(tensor->dtype), wanted);
}

/* The last operator when it is a linear layer. */
static const struct op *head_of(const struct net *net)
{
    const struct op *last = &net->ops[net->ops_count - 1];
    return last->kind == OP_LINEAR ? last : NULL;
}

/* Whether the file's last linear layer is missing, or fits but for its number of outputs, *classes. */
static bool head_differs(const struct matched *matched, size_t *classes)
{
    const struct op *head = head_of(matched->net);
    if (!head)
        return false;
    const struct param *own = &matched->net->params[head->param];
    const struct weight_tensor *weight = matched->pairs[head->param], *bias = matched->pairs[head->bias];
    *classes = 0;
    if (!weight && !bias)
        return true;
    if (!weight || weight->rank != 2 || weight->shape[1] != own->shape[1] || weight->shape[0] == 0)
        return false;
    *classes = (size_t)weight->shape[0];
    return weight->shape[0] != own->shape[0] && bias && bias->rank == 1 && bias->shape[0] == weight->shape[0];
}

static bool is_head(const struct net *net, size_t param)
{
    const struct op *head = head_of(net);
    return head && ((int)param == head->param || (int)param == head->bias);
}

static enum status check_missing(const struct matched *matched, bool without_head, struct error *err)
{
    const struct net *net = matched->net;
    const char *first = NULL;
    size_t missing = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        if (param->role == PARAM_BATCHES || matched->pairs[i] || (without_head && is_head(net, i)))
            continue;
        first = first ? first : param->name;
        missing++;
    }
    return first ? refuse_missing(net, matched->file, first, missing - 1, err) : OK;
}

static enum status check_extra(const struct matched *matched, const char *ignore, struct error *err)
{
    const struct net *net = matched->net;
    const struct weight_file *file = matched->file;
    const char *first = NULL;
    size_t ignored = 0;
    char name[200], looks[80];
    for (size_t i = 0; i < weight_file_count(file); i++) {
        const struct weight_tensor *tensor = weight_file_at(file, i);
        if (ignore && strncmp(tensor->name, ignore, strlen(ignore)) == 0)
            ignored++;
        else if (!first && net_param_find(net, tensor->name) < 0)
            first = tensor->name;
    }
    if (!first)
        return OK;
    enum status status = weights_refuse_special(file, err);
    if (status != OK)
        return status;
    size_t extra = weight_file_count(file) - matched->count - ignored;
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' is not part of %s (%zu such tensor%s)%s",
                     weight_file_path(file), text_escape(name, sizeof name, first), net->arch, extra,
                     extra == 1 ? "" : "s", hint(looks, net, file));
}

static enum status check_shapes(const struct matched *matched, bool without_head, struct error *err)
{
    const struct net *net = matched->net;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        const struct weight_tensor *tensor = matched->pairs[i], own = param_describe(param);
        if (!tensor || (without_head && is_head(net, i)))
            continue;
        if (!weight_tensor_same_shape(tensor, &own))
            return refuse_shape(net, matched->file, param, tensor, err);
        if (param->role != PARAM_BATCHES && !weight_dtype_is_float(tensor->dtype))
            return refuse_type(matched->file, tensor, "F32, F16, BF16 or F64", err);
    }
    return OK;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static enum status check_values(const float *row, size_t count, size_t first, const struct param *param,
                                const struct weight_file *file, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        bool negative = param->role == PARAM_RUNNING_VAR && row[i] < 0;
        if (isfinite(row[i]) && !negative)
            continue;
        return error_set(err, ERR_DATA,
                         "%.400s: tensor '%s' holds %s at value %zu of %zu: the file is damaged or its "
                         "training went wrong",
                         weight_file_path(file), param->name,
                         isnan(row[i])   ? "NaN"
                         : isinf(row[i]) ? "an infinity"
                                         : "a negative variance",
                         first + i, param->count);
    }
    return OK;
}

static enum status read_rows(float *buffer, const struct param *param, const struct weight_tensor *tensor,
                             const struct weight_file *file, float *scratch, struct error *err)
{
    struct param_rows rows = param_rows_of(param);
    enum status status = weight_tensor_fetch(tensor, file, err); /* all at once, not row by row */
    for (size_t i = 0; i < rows.count && status == OK; i++) {
        status = param_rows_read(scratch, &rows, i, tensor, file, err);
        if (status == OK)
            status = check_values(scratch, rows.floats, i * rows.floats, param, file, err);
        if (status == OK)
            param_buffer_from_torch(buffer + i * rows.floats, &rows.row, scratch);
    }
    weight_tensor_drop(tensor, file);
    return status;
}

/* No training makes these: such a file was written before its network was, or lost its values. */
static enum status check_zeros(const struct param *param, const struct weight_file *file, struct error *err)
{
    bool convolution = param->role == PARAM_WEIGHT && param->rank == 4;
    if (!convolution && param->role != PARAM_RUNNING_VAR)
        return OK;
    for (size_t i = 0; i < param->count; i++)
        if (param->data[i] != 0)
            return OK;
    return error_set(err, ERR_DATA,
                     "%.400s: tensor '%s' holds nothing but zeros: the file is damaged or was never filled; "
                     "download or save it again",
                     weight_file_path(file), param->name);
}

static enum status load_param(struct param *param, const struct weight_tensor *tensor, const struct weight_file *file,
                              float *scratch, struct weights_loaded *loaded, struct error *err)
{
    param->batches = 0;
    if (!tensor)
        return OK; /* a count that may be missing: check_missing has seen to the others */
    loaded->tensors++;
    loaded->values += weight_tensor_values(tensor);
    if (param->role == PARAM_BATCHES)
        return weight_tensor_read_i64(&param->batches, tensor, file, err);
    enum status status = read_rows(param->data, param, tensor, file, scratch, err);
    return status == OK ? check_zeros(param, file, err) : status;
}

static enum status check_all(const struct matched *matched, const struct weights_rules *rules, bool without_head,
                             struct error *err)
{
    enum status status = check_missing(matched, without_head, err);
    if (status == OK)
        status = check_shapes(matched, without_head, err);
    if (status == OK)
        status = check_extra(matched, rules->ignore, err);
    return status;
}

/* Everything that fits is known by now: what may still fail is reading. */
static enum status load_all(struct net *net, const struct matched *matched, const struct weights_rules *rules,
                            struct weights_loaded *loaded, struct error *err)
{
    void *scratch;
    enum status status = memory_alloc(&scratch, param_rows_longest(net), sizeof(float), "a row of weights", err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < net->params_count && status == OK; i++) {
        if (loaded->head_drawn && is_head(net, i))
            param_init(net, i, rules->seed);
        else
            status = load_param(&net->params[i], matched->pairs[i], matched->file, scratch, loaded, err);
    }
    memory_free(scratch);
    return status == OK ? weight_file_check(matched->file, err) : status;
}

enum status weights_load(struct net *net, const struct weight_file *file, const struct weights_rules *rules,
                         struct weights_loaded *out, struct error *err)
{
    struct weights_loaded loaded = {0};
    struct matched matched;
    enum status status = match(&matched, net, file, err);
    if (status != OK)
        return status;
    loaded.head_drawn = head_differs(&matched, &loaded.file_classes) && rules->new_head;
    status = check_all(&matched, rules, loaded.head_drawn, err);
    if (status == OK)
        status = load_all(net, &matched, rules, &loaded, err);
    memory_free(matched.pairs);
    if (status == OK && out)
        *out = loaded;
    return status;
}

enum status weights_read_buffer(float *buffer, const struct param *param, const struct weight_tensor *tensor,
                                const struct weight_file *file, struct error *err)
{
    struct weight_tensor own = param_describe(param);
    if (!weight_tensor_same_shape(tensor, &own)) {
        char found[WEIGHT_SHAPE_TEXT], wanted[WEIGHT_SHAPE_TEXT];
        return error_set(err, ERR_DATA, "%.400s: tensor '%s' is %s, '%s' expects %s", weight_file_path(file),
                         tensor->name, weight_shape_text(found, sizeof found, tensor->rank, tensor->shape), param->name,
                         weight_shape_text(wanted, sizeof wanted, own.rank, own.shape));
    }
    if (!weight_dtype_is_float(tensor->dtype))
        return refuse_type(file, tensor, "F32, F16, BF16 or F64", err);
    void *scratch;
    enum status status = memory_alloc(&scratch, param_rows_of(param).floats, sizeof(float), "a row of weights", err);
    if (status != OK)
        return status;
    struct param named = *param; /* an error names the tensor, not the parameter; a momentum may be negative */
    snprintf(named.name, sizeof named.name, "%s", tensor->name);
    named.role = PARAM_WEIGHT;
    status = read_rows(buffer, &named, tensor, file, scratch, err);
    memory_free(scratch);
    return status;
}
