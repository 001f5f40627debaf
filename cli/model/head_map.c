#include "cli/model/head_map.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/net/init.h"

/* A name and its place. */
struct place {
    const char *name;
    size_t at;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

static enum status sort_names(struct place **out, const struct class_names *names, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, names->count, sizeof **out, "the class names", err);
    if (status != OK)
        return status;
    *out = memory;
    for (size_t i = 0; i < names->count; i++)
        (*out)[i] = (struct place){names->names[i], i};
    qsort(*out, names->count, sizeof **out, by_name);
    return OK;
}

enum status head_map_make(size_t *out, bool *same, const char **stranger, const struct class_names *names,
                          const struct class_names *folders, struct error *err)
{
    struct place *sorted;
    enum status status = sort_names(&sorted, names, err);
    if (status != OK)
        return status;
    *same = names->count == folders->count;
    *stranger = NULL;
    for (size_t i = 0; i < folders->count; i++) {
        const struct place wanted = {folders->names[i], 0};
        const struct place *found = bsearch(&wanted, sorted, names->count, sizeof *sorted, by_name);
        if (!found && !*stranger)
            *stranger = folders->names[i];
        if (found && *same)
            out[i] = found->at;
    }
    *same = *same && !*stranger;
    memory_free(sorted);
    return OK;
}

static const struct op *find_head(const struct net *net)
{
    for (size_t i = 0; i < net->ops_count; i++)
        if (net->ops[i].kind == OP_LINEAR && net->ops[i].out == net->output)
            return &net->ops[i];
    return NULL;
}

void head_draw(struct net *net, uint64_t seed)
{
    const struct op *head = find_head(net);
    if (!head)
        return;
    param_init(net, (size_t)head->param, seed);
    param_init(net, (size_t)head->bias, seed);
}

/* Rows of [outputs, ...], as PyTorch has them. */
static enum status reorder(struct param *param, size_t outputs, const size_t *map, struct error *err)
{
    void *memory;
    size_t row = param->count / outputs;
    enum status status = memory_alloc(&memory, 2 * param->count, sizeof(float), "the last layer", err);
    if (status != OK)
        return status;
    float *from = memory, *to = from + param->count;
    param_to_torch(from, param);
    for (size_t i = 0; i < outputs; i++)
        memcpy(to + i * row, from + map[i] * row, row * sizeof *to);
    param_from_torch(param, to);
    memory_free(memory);
    return OK;
}

enum status head_map_apply(struct net *net, const size_t *map, struct error *err)
{
    const struct op *head = find_head(net);
    size_t outputs = net_classes(net);
    if (!head)
        return OK;
    enum status status = reorder(&net->params[head->bias], outputs, map, err);
    return status == OK ? reorder(&net->params[head->param], outputs, map, err) : status;
}
