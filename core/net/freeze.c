#include "core/net/freeze.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum status freeze_parse_given(int *until, const struct net *net, const char *text, const char *given,
                               struct error *err)
{
    int last = (int)net->children;
    long long number = -1;
    if (!text_to_long(&number, text)) {
        for (int child = 1; child <= last; child++)
            if (strcmp(text, net->child_names[child]) == 0)
                number = child;
        if (number < 0)
            return error_set(err, ERR_USAGE,
                             "%s: not a number and not a child of %s (%s, ..., %s); `freezetune inspect --arch %s` "
                             "lists them",
                             given, net->arch, net->child_names[1], net->child_names[last], net->arch);
    }
    if (number < 0 || number > last)
        return error_set(err, ERR_USAGE, "%s: %s has %d children, so this must be 0 to %d", given, net->arch, last,
                         last - 1);
    if (number == last)
        return error_set(err, ERR_USAGE,
                         "%s: that freezes all %d children and leaves nothing to train; %d trains %s alone", given,
                         last, last - 1, net->child_names[last]);
    *until = (int)number;
    return OK;
}

enum status freeze_parse(int *until, const struct net *net, const char *text, struct error *err)
{
    char given[128];
    snprintf(given, sizeof given, "--freeze-until %s", text);
    return freeze_parse_given(until, net, text, given, err);
}

bool freeze_same(const struct net *net, int until, int other)
{
    int low = until < other ? until : other, high = until < other ? other : until;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].child > low && net->params[i].child <= high)
            return false;
    return true;
}

bool freeze_covers(const struct freeze *freeze, int child)
{
    return child <= freeze->until;
}

enum bn_mode freeze_bn_mode(const struct freeze *freeze, int child)
{
    return freeze_covers(freeze, child) ? freeze->bn_frozen : freeze->bn_trained;
}

bool freeze_moves(const struct freeze *freeze, const struct param *param)
{
    return param->learnable ? param->trainable : freeze_bn_mode(freeze, param->child) == BN_BATCH;
}

void freeze_apply(struct net *net, const struct freeze *freeze)
{
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        param->trainable = param->learnable && !freeze_covers(freeze, param->child);
    }
}

void freeze_child(struct net *net, int child, bool frozen)
{
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        if (param->child == child)
            param->trainable = param->learnable && !frozen;
    }
}

/* Whether everything that an operator does is fixed. */
static bool op_is_constant(const struct net *net, const struct freeze *freeze, const struct op *op)
{
    if (op->kind == OP_BATCHNORM && freeze_bn_mode(freeze, op->child) == BN_BATCH)
        return false;
    return op->param < 0 || !net->params[op->param].learnable || freeze_covers(freeze, op->child);
}

/* How many values made before operator `cut` are read at or after it. */
static int values_across(const struct net *net, size_t cut)
{
    int count = 0;
    for (size_t v = 0; v < net->values_count; v++) {
        bool made = (int)v == net->input, read = false;
        for (size_t i = 0; i < net->ops_count; i++) {
            const struct op *op = &net->ops[i];
            made |= i < cut && op->out == (int)v;
            read |= i >= cut && (op->in[0] == (int)v || op->in[1] == (int)v);
        }
        count += made && read;
    }
    return count;
}

size_t freeze_cut(const struct net *net, const struct freeze *freeze)
{
    size_t cut = 0;
    while (cut < net->ops_count && op_is_constant(net, freeze, &net->ops[cut]))
        cut++;
    /* A BatchNorm, ReLU or addition belongs to the convolution that feeds it: not between them. */
    while (cut > 0 && cut < net->ops_count &&
           (values_across(net, cut) != 1 || net->ops[cut].kind == OP_BATCHNORM || net->ops[cut].kind == OP_RELU ||
            net->ops[cut].kind == OP_ADD))
        cut--;
    return cut;
}
