#include "cli/report/summary.h"

#include <stdint.h>

#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"

struct child_summary child_summarise(const struct net *net, const struct freeze *freeze, int child)
{
    struct child_summary summary = {.name = net->child_names[child],
                                    .frozen = freeze_covers(freeze, child),
                                    .bn_mode = freeze_bn_mode(freeze, child)};
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].child == child && net->params[i].learnable)
            summary.parameters += net->params[i].count;
    for (size_t i = 0; i < net->ops_count; i++)
        summary.batchnorms += net->ops[i].child == child && net->ops[i].kind == OP_BATCHNORM;
    return summary;
}

size_t trained_values(const struct net *net, const struct freeze *freeze)
{
    size_t values = 0;
    for (int child = 1; child <= (int)net->children; child++) {
        struct child_summary summary = child_summarise(net, freeze, child);
        values += summary.frozen ? 0 : summary.parameters;
    }
    return values;
}

static void print_totals(FILE *out, const struct net *net, const struct freeze *freeze)
{
    char all[NUMBER_TEXT], still[NUMBER_TEXT], moving[NUMBER_TEXT];
    size_t total = 0, trained = trained_values(net, freeze);
    for (int child = 1; child <= (int)net->children; child++)
        total += child_summarise(net, freeze, child).parameters;
    struct lines lines;
    FILE *line = lines_start(&lines, out);
    fprintf(line, "%s parameters: ", number_count(all, total));
    if (freeze->until > 0)
        fprintf(line, "%s frozen (children 1-%d), ", number_count(still, total - trained), freeze->until);
    fprintf(line, "%s trained\n", number_count(moving, trained));
    lines_end(&lines);
}

size_t trained_from(const struct freeze *freeze, const struct unfreezing *unfreezing, int child)
{
    size_t count = unfreezing ? unfreezing->count : 0;
    if (!freeze_covers(freeze, child))
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct freeze later = *freeze;
        later.until = unfreezing->steps[i].until;
        if (!freeze_covers(&later, child))
            return unfreezing->steps[i].epoch;
    }
    return SIZE_MAX;
}

static const char *bn_name(enum bn_mode mode)
{
    return mode == BN_EVAL ? "eval" : "batch";
}

static enum status child_row(struct table *table, const struct net *net, int child, const struct freeze *freeze,
                             const struct unfreezing *unfreezing, struct error *err)
{
    struct child_summary summary = child_summarise(net, freeze, child);
    size_t from = trained_from(freeze, unfreezing, child);
    enum bn_mode at_last = from == SIZE_MAX ? freeze->bn_frozen : freeze->bn_trained;
    char number[16], parameters[NUMBER_TEXT], state[48] = "frozen", bn[24] = "";
    snprintf(number, sizeof number, "%d", child);
    if (from == 0)
        snprintf(state, sizeof state, "trained");
    else if (from < SIZE_MAX)
        snprintf(state, sizeof state, "trained from epoch %zu", from + 1);
    if (summary.batchnorms && at_last == summary.bn_mode)
        snprintf(bn, sizeof bn, "%s", bn_name(at_last));
    else if (summary.batchnorms)
        snprintf(bn, sizeof bn, "%s, then %s", bn_name(summary.bn_mode), bn_name(at_last));
    const char *cells[] = {number, summary.name, number_count(parameters, summary.parameters), state, bn};
    return table_row(table, cells, err);
}

enum status summary_children(FILE *out, const struct net *net, const struct freeze *freeze,
                             const struct unfreezing *unfreezing, struct error *err)
{
    static const struct column columns[] = {{"child", COLUMN_NUMBER, 0, 0},
                                            {"name", COLUMN_TEXT, 0, 0},
                                            {"parameters", COLUMN_NUMBER, 0, 1},
                                            {"state", COLUMN_TEXT, 0, 0},
                                            {"BatchNorm", COLUMN_TEXT, 0, 0}};
    struct table table;
    struct freeze last = *freeze;
    enum status status = OK;
    if (unfreezing)
        last.until = unfreezing_until(unfreezing, freeze->until, SIZE_MAX);
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (int child = 1; child <= (int)net->children && status == OK; child++)
        status = child_row(&table, net, child, freeze, unfreezing, err);
    if (status == OK) {
        table_end(&table);
        print_totals(out, net, &last);
    }
    table_discard(&table);
    return status;
}

/* Measured as peak minus plan over ResNet-18 and -50, 32 to 224 pixels, batches of 1 to 64, 1 to 3 threads: the pages
 * of libraries that are in use and the heap 6 to 8 MB, OpenBLAS 1 to 2 MB a thread, stacks and decoders the rest. */
size_t summary_program(size_t threads, size_t loader_threads)
{
    return 7000000 + 1500000 * threads + 500000 * loader_threads;
}

size_t memory_summary_total(const struct memory_summary *memory)
{
    return memory->weights + memory->plan + memory->optimizer + memory->gradients + memory->average + memory->photos +
           memory->metrics + memory->cache + memory->program;
}

void summary_cost(FILE *out, const struct plan *plan, const struct memory_summary *memory)
{
    const struct {
        const char *name;
        size_t bytes;
    } parts[] = {{"weights", memory->weights},     {"network", memory->plan},    {"optimizer", memory->optimizer},
                 {"gradients", memory->gradients}, {"average", memory->average}, {"photos", memory->photos},
                 {"metrics", memory->metrics},     {"cache", memory->cache},     {"program", memory->program}};
    char text[NUMBER_TEXT];
    struct lines lines;
    FILE *line = lines_start(&lines, out);
    fprintf(line, "memory  %s", number_bytes(text, memory_summary_total(memory)));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].bytes)
            fprintf(line, "%s%s %s", i ? ", " : ": ", parts[i].name, number_bytes(text, parts[i].bytes));
    fprintf(line, "\nwork    %s a photo",
            number_flop(text, plan->flops_prefix + plan->flops_suffix + plan->flops_backward));
    const char *between = ": ";
    if (plan->flops_prefix > 0) {
        fprintf(line, "%s%s %s", between, plan->options.train ? "frozen part" : "forward",
                number_flop(text, plan->flops_prefix));
        between = ", ";
    }
    if (plan->flops_suffix > 0) {
        fprintf(line, "%sforward %s", between, number_flop(text, plan->flops_suffix));
        between = ", ";
    }
    if (plan->flops_backward > 0)
        fprintf(line, "%sbackward %s", between, number_flop(text, plan->flops_backward));
    putc('\n', line);
    lines_end(&lines);
}
