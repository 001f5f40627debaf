#include "cli/report/inspect_arch.h"

#include <stdio.h>

#include "cli/report/summary.h"
#include "cli/shell/json.h"
#include "cli/shell/wrap.h"
#include "core/net/plan.h"
#include "models/resnet.h"

static struct memory_summary memory_of(const struct net *net, const struct plan *plan, const struct freeze *freeze)
{
    return (struct memory_summary){.weights = net_floats(net) * sizeof(float),
                                   .plan = plan_bytes(plan),
                                   .optimizer = trained_values(net, freeze) * sizeof(float),
                                   .program = summary_program(plan->options.threads, plan->options.threads)};
}

static void json_children(struct json *json, const struct net *net, const struct freeze *freeze)
{
    json_open(json, "children", '[');
    for (int child = 1; child <= (int)net->children; child++) {
        struct child_summary summary = child_summarise(net, freeze, child);
        json_open(json, NULL, '{');
        json_int(json, "child", child);
        json_text(json, "name", summary.name);
        json_int(json, "parameters", (int64_t)summary.parameters);
        json_bool(json, "frozen", summary.frozen);
        json_int(json, "batchnorm_layers", (int64_t)summary.batchnorms);
        json_text(json, "batchnorm_mode", summary.batchnorms ? (summary.bn_mode == BN_EVAL ? "eval" : "batch") : NULL);
        json_close(json);
    }
    json_close(json);
}

static void print_json(const struct inspect_arch *what, const struct net *net, const struct plan *plan,
                       const struct freeze *freeze)
{
    struct memory_summary memory = memory_of(net, plan, freeze);
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "arch", net->arch);
    json_int(&json, "freeze_until", freeze->until);
    json_int(&json, "batch_size", (int64_t)what->batch);
    json_int(&json, "image_size", (int64_t)what->image_size);
    json_int(&json, "classes", (int64_t)what->classes);
    json_int(&json, "threads", (int64_t)what->threads);
    json_text(&json, "precision", precision_names[what->precision]);
    json_children(&json, net, freeze);
    json_int(&json, "trained_parameters", (int64_t)trained_values(net, freeze));
    json_open(&json, "memory_bytes", '{');
    json_int(&json, "weights", (int64_t)memory.weights);
    json_int(&json, "network", (int64_t)memory.plan);
    json_int(&json, "optimizer", (int64_t)memory.optimizer);
    json_int(&json, "program", (int64_t)memory.program);
    json_int(&json, "total", (int64_t)memory_summary_total(&memory));
    json_close(&json);
    json_open(&json, "flop_per_photo", '{');
    json_double(&json, "frozen_part", plan->flops_prefix);
    json_double(&json, "forward", plan->flops_suffix);
    json_double(&json, "backward", plan->flops_backward);
    json_close(&json);
    json_close(&json);
    json_end(&json);
}

static enum status print_text(const struct inspect_arch *what, const struct net *net, const struct plan *plan,
                              const struct freeze *freeze, struct error *err)
{
    struct memory_summary memory = memory_of(net, plan, freeze);
    enum status status = summary_children(stdout, net, freeze, NULL, err);
    if (status != OK)
        return status;
    say(stdout, "\ntraining with SGD and momentum, batches of %zu photos of %zux%zu pixels, %zu %s%s:", what->batch,
        what->image_size, what->image_size, what->threads, what->threads == 1 ? "thread" : "threads",
        what->precision == PRECISION_BF16 ? ", maps in bfloat16" : "");
    summary_cost(stdout, plan, &memory);
    return OK;
}

enum status inspect_arch(const struct inspect_arch *what, struct error *err)
{
    struct net *net = NULL;
    struct plan *plan = NULL;
    struct plan_options options = {.train = true,
                                   .batch = what->batch,
                                   .height = what->image_size,
                                   .width = what->image_size,
                                   .freeze = {.bn_frozen = what->bn_frozen, .bn_trained = what->bn_trained},
                                   .conv = what->conv,
                                   .precision = what->precision,
                                   .threads = what->threads};
    enum status status = resnet_create(&net, what->arch, what->classes, err);
    if (status == OK)
        status = freeze_parse(&options.freeze.until, net, what->freeze_until, err);
    if (status == OK) {
        freeze_apply(net, &options.freeze);
        status = plan_create(&plan, net, &options, err);
    }
    if (status == OK && what->json)
        print_json(what, net, plan, &options.freeze);
    else if (status == OK)
        status = print_text(what, net, plan, &options.freeze, err);
    plan_destroy(plan);
    net_destroy(net);
    return status;
}
