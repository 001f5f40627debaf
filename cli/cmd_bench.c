/* freezetune bench: how fast this machine runs the network, and how near to its peak. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report/bench_run.h"
#include "cli/report/profile_report.h"
#include "cli/shell/engine_options.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"
#include "core/net/init.h"
#include "core/ops/blas.h"
#include "core/ops/cpu.h"
#include "models/resnet.h"
#include "weights/bind.h"

enum { FORMAT_MD, FORMAT_CSV, FORMAT_JSON };
static const char *const formats[] = {"md", "csv", "json", NULL};

struct values {
    struct engine_options engine;
    const char *freeze_until, *weights, *photo;
    int arch, format;
    long long batch_size, image_size, classes, repeat;
    bool profile, forward;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_STRING, "freeze-until", struct values, freeze_until, .placeholder = "N", .initial = "6",
               .help = "freeze children 1 to N; a number or a child's name"),
    OPTION_ROW("Common", OPTION_INT, "batch-size", struct values, batch_size, .placeholder = "N", .initial = "16",
               .low = 1, .high = 4096, .help = "use N photos in a pass"),
    OPTION_ROW("Common", OPTION_INT, "repeat", struct values, repeat, .placeholder = "N", .initial = "7", .low = 1,
               .high = 1000, .help = "measure N rounds and report the median of each figure"),
    OPTION_ROW("Common", OPTION_CHOICE, "format", struct values, format, .choices = formats, .initial = "md",
               .help = "print the figures in this format"),
    OPTION_ROW("Common", OPTION_FLAG, "profile", struct values, profile,
               .help = "show at the end where the time went, operator by operator"),
    OPTION_ROW("Common", OPTION_FLAG, "forward", struct values, forward,
               .help = "measure only the forward pass, no training step"),
    OPTION_ROW("Network", OPTION_CHOICE, "arch", struct values, arch, .choices = resnet_names, .initial = "resnet50",
               .help = "measure this network"),
    OPTION_ROW("Network", OPTION_STRING, "weights", struct values, weights, .placeholder = "FILE", .initial = "random",
               .help = "load these weights of that network, with --classes outputs; speed does not depend on them"),
    OPTION_ROW("Network", OPTION_INT, "image-size", struct values, image_size, .placeholder = "N", .initial = "224",
               .low = 1, .high = 16384, .help = "set the input size: squares of N pixels a side"),
    OPTION_ROW("Network", OPTION_INT, "classes", struct values, classes, .placeholder = "N", .initial = "1000",
               .low = 1, .high = 1000000, .help = "give the last layer N outputs"),
    OPTION_ROW("Photos", OPTION_STRING, "photo", struct values, photo, .placeholder = "FILE",
               .shown = "noise of 500x375, not decoded", .help = "decode, resize and augment this photo"),
    ENGINE_ROW_THREADS(struct values),
    ENGINE_ROW_CONV(struct values),
    ENGINE_ROW_PRECISION(struct values),
};

struct part_text {
    const char *key, *title, *unit;
};
static const struct part_text texts[BENCH_PARTS] = {
    [BENCH_PEAK_ONE] = {"peak_gflops_one_thread", "multiply-add peak, one thread", "GFLOP/s"},
    [BENCH_PEAK_ALL] = {"peak_gflops", "multiply-add peak, all threads", "GFLOP/s"},
    [BENCH_FORWARD] = {"forward_ms", "forward", "ms a photo"},
    [BENCH_STEP] = {"step_ms", "training step", "ms a photo"},
    [BENCH_PREFIX] = {"prefix_ms", "of which: frozen part", "ms a photo"},
    [BENCH_SUFFIX] = {"suffix_ms", "of which: forward of the rest", "ms a photo"},
    [BENCH_BACKWARD] = {"backward_ms", "of which: backward", "ms a photo"},
    [BENCH_OPTIMIZER] = {"optimizer_ms", "of which: optimizer", "ms a photo"},
    [BENCH_DECODE] = {"decode_ms", "decode a photo", "ms, one thread"},
    [BENCH_RESIZE] = {"resize_ms", "resize and crop it", "ms, one thread"},
    [BENCH_AUGMENT] = {"augment_ms", "or crop it at random and flip", "ms, one thread"},
};

static bool part_measured(const struct values *v, enum bench_part part)
{
    if (part == BENCH_DECODE)
        return v->photo != NULL;
    return !v->forward || part < BENCH_STEP || part > BENCH_OPTIMIZER;
}

/* GFLOP/s of a part that multiplies, counted as the definition of convolution does; 0 for others. */
static double part_rate(const struct bench_result *result, enum bench_part part, double ms)
{
    double flops = part == BENCH_FORWARD ? result->forward_flops : part == BENCH_STEP ? result->step_flops : 0;
    return ms > 0 ? flops / ms / 1e6 : 0;
}

static void print_rows(const struct values *v, const struct bench_result *result)
{
    size_t n = (size_t)v->repeat;
    bool csv = v->format == FORMAT_CSV;
    double peak = bench_median(result, BENCH_PEAK_ALL, n);
    fputs(csv ? "figure,median,lowest,highest,unit,gflops,share_of_peak\n"
              : "| figure | median | lowest | highest | unit | GFLOP/s | of peak |\n|---|---|---|---|---|---|---|\n",
          stdout);
    for (int i = 0; i < BENCH_PARTS; i++) {
        enum bench_part part = (enum bench_part)i;
        if (!part_measured(v, part))
            continue;
        double median = bench_median(result, part, n), low = result->values[part][0],
               high = result->values[part][n - 1];
        double rate = part_rate(result, part, median);
        char more[64] = "";
        if (rate > 0)
            snprintf(more, sizeof more, csv ? "%.1f,%.3f" : "%.1f | %.0f %%", rate, rate / peak * (csv ? 1 : 100));
        if (csv)
            printf("%s,%.4g,%.4g,%.4g,%s,%s\n", texts[part].key, median, low, high,
                   part <= BENCH_PEAK_ALL ? "gflops" : "ms", rate > 0 ? more : ",");
        else
            printf("| %s | %.4g | %.4g | %.4g | %s | %s |\n", texts[part].title, median, low, high, texts[part].unit,
                   rate > 0 ? more : "|");
    }
    if (csv)
        printf("peak_rss_mb,%.1f,,,MB,,\n", (double)result->peak_rss / 1e6);
    else
        printf("| peak memory | %.1f | | | MB | | |\n", (double)result->peak_rss / 1e6);
}

/* What Markdown shows, for eyes: a terminal may be too narrow for the former. */
static enum status print_aligned(const struct values *v, const struct bench_result *result, struct error *err)
{
    static const struct column columns[] = {{"figure", COLUMN_TEXT, 0, 0},   {"median", COLUMN_NUMBER, 0, 0},
                                            {"lowest", COLUMN_NUMBER, 0, 2}, {"highest", COLUMN_NUMBER, 0, 3},
                                            {"unit", COLUMN_TEXT, 0, 0},     {"GFLOP/s", COLUMN_NUMBER, 0, 4},
                                            {"of peak", COLUMN_NUMBER, 0, 5}};
    size_t n = (size_t)v->repeat;
    double peak = bench_median(result, BENCH_PEAK_ALL, n);
    char median[NUMBER_TEXT], low[NUMBER_TEXT], high[NUMBER_TEXT], rate[NUMBER_TEXT], share[NUMBER_TEXT];
    struct table table;
    enum status status = OK;
    table_start(&table, stdout, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < BENCH_PARTS && status == OK; i++) {
        enum bench_part part = (enum bench_part)i;
        if (!part_measured(v, part))
            continue;
        double value = bench_median(result, part, n), speed = part_rate(result, part, value);
        snprintf(median, sizeof median, "%.4g", value);
        snprintf(low, sizeof low, "%.4g", result->values[part][0]);
        snprintf(high, sizeof high, "%.4g", result->values[part][n - 1]);
        rate[0] = share[0] = '\0';
        if (speed > 0) {
            snprintf(rate, sizeof rate, "%.1f", speed);
            snprintf(share, sizeof share, "%.0f %%", speed / peak * 100);
        }
        const char *cells[] = {texts[part].title, median, low, high, texts[part].unit, rate, share};
        status = table_row(&table, cells, err);
    }
    snprintf(median, sizeof median, "%.1f", (double)result->peak_rss / 1e6);
    const char *memory[] = {"peak memory", median, "", "", "MB", "", ""};
    if (status == OK)
        status = table_row(&table, memory, err);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static void print_json(const struct values *v, const struct bench_result *result, const struct bench_options *o,
                       const struct net *net, const struct profile_sums *sums)
{
    size_t n = (size_t)v->repeat;
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "arch", net->arch);
    json_int(&json, "freeze_until", o->freeze_until);
    json_int(&json, "batch_size", (int64_t)o->batch);
    json_int(&json, "image_size", (int64_t)o->image_size);
    json_int(&json, "threads", (int64_t)o->threads);
    json_text(&json, "conv", conv_engine_names[v->engine.conv]);
    json_text(&json, "precision", precision_names[v->engine.precision]);
    json_text(&json, "instruction_set", cpu_instructions());
    json_text(&json, "blas", blas_library());
    json_int(&json, "repeat", v->repeat);
    for (int i = 0; i < BENCH_PARTS; i++)
        if (part_measured(v, (enum bench_part)i))
            json_double(&json, texts[i].key, bench_median(result, (enum bench_part)i, n));
    json_double(&json, "forward_gflops", part_rate(result, BENCH_FORWARD, bench_median(result, BENCH_FORWARD, n)));
    if (!v->forward)
        json_double(&json, "step_gflops", part_rate(result, BENCH_STEP, bench_median(result, BENCH_STEP, n)));
    json_double(&json, "peak_rss_mb", (double)result->peak_rss / 1e6);
    json_double(&json, "network_mb", (double)result->network / 1e6);
    if (result->network_bf16)
        json_double(&json, "network_bf16_mb", (double)result->network_bf16 / 1e6);
    else
        json_text(&json, "network_bf16_mb", NULL);
    json_open(&json, "lowest_highest", '{');
    for (int i = 0; i < BENCH_PARTS; i++) {
        if (!part_measured(v, (enum bench_part)i))
            continue;
        json_open(&json, texts[i].key, '[');
        json_double(&json, NULL, result->values[i][0]);
        json_double(&json, NULL, result->values[i][n - 1]);
        json_close(&json);
    }
    json_close(&json);
    if (v->profile)
        profile_report_json(&json, sums, NULL, 0, profile_sums_seconds(sums));
    json_close(&json);
    json_end(&json);
}

static enum status load_net(struct net **out, const struct values *v, struct error *err)
{
    struct net *net;
    struct weight_file *file = NULL;
    const struct weights_rules rules = {0};
    enum status status = resnet_create(&net, resnet_names[v->arch], (size_t)v->classes, err);
    if (status != OK)
        return status;
    if (strcmp(v->weights, "random") == 0) {
        net_init(net, 0);
    } else {
        status = weight_file_open(&file, v->weights, err);
        if (status == OK)
            status = weights_load(net, file, &rules, NULL, err);
        weight_file_close(file);
    }
    if (status == OK)
        *out = net;
    else
        net_destroy(net);
    return status;
}

/* What the other precision would take is known of the memory; its time is another bench's to measure. */
static void print_precision(const struct bench_options *o, const struct bench_result *result)
{
    char now[NUMBER_TEXT], bf16[NUMBER_TEXT];
    if (o->precision == PRECISION_BF16 && !cpu_multiplies_bf16())
        say(stdout, "this processor multiplies bfloat16 as float32, no faster\n");
    if (o->precision == PRECISION_F32 && cpu_multiplies_bf16() && result->network_bf16)
        say(stdout, "--precision bf16 would take %s for the network instead of %s; bench it for its time\n",
            number_bytes(bf16, result->network_bf16), number_bytes(now, result->network));
}

static enum status print(const struct values *v, const struct bench_result *result, const struct bench_options *o,
                         const struct net *net, const struct profile_sums *sums, struct error *err)
{
    if (v->format == FORMAT_JSON) {
        print_json(v, result, o, net, sums);
        return OK;
    }
    if (v->format == FORMAT_MD)
        say(stdout, "%s, %s %d, batch %zu, %zu px, %zu thread%s, %s, %s, %s\n", net->arch,
            v->forward ? "forward alone; freeze" : "freeze", o->freeze_until, o->batch, o->image_size, o->threads,
            o->threads == 1 ? "" : "s", precision_names[o->precision], cpu_set_name(cpu_set_get()), blas_library());
    if (v->format == FORMAT_MD)
        print_precision(o, result);
    enum status status = OK;
    if (v->format == FORMAT_MD && term_limit(stdout))
        status = print_aligned(v, result, err);
    else
        print_rows(v, result);
    if (!v->profile || status != OK)
        return status;
    putchar('\n');
    return profile_report(stdout, v->format == FORMAT_CSV ? TABLE_CSV : TABLE_TEXT, sums, err);
}

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    struct bench_options o = {.batch = (size_t)v->batch_size,
                              .image_size = (size_t)v->image_size,
                              .threads = engine_threads(&v->engine),
                              .repeat = (size_t)v->repeat,
                              .conv = (enum conv_engine)v->engine.conv,
                              .precision = (enum precision)v->engine.precision,
                              .forward_only = v->forward,
                              .photo = v->photo};
    struct pool *pool = NULL;
    struct net *net = NULL;
    struct profile_sums sums = {0};
    struct bench_result result = {0};
    enum status status = engine_start(&pool, &v->engine, err);
    if (status == OK)
        status = load_net(&net, v, err);
    if (status == OK)
        status = freeze_parse(&o.freeze_until, net, v->freeze_until, err);
    if (status == OK)
        status = bench_run(&result, net, &o, pool, v->profile ? &sums : NULL, err);
    if (status == OK)
        status = print(v, &result, &o, net, &sums, err);
    bench_result_free(&result);
    profile_sums_free(&sums);
    net_destroy(net);
    pool_destroy(pool);
    return status;
}

const struct command cmd_bench = {
    .name = "bench",
    .summary = "measure how fast this machine runs the network",
    .usage = "[options]",
    .description =
        "Measures, in rounds: the multiply-add peak, the forward pass, a training step and its parts, and the "
        "preparation of a photo. GFLOP/s count the operations in a convolution's definition, so a kernel that needs "
        "fewer can exceed the peak.",
    .examples = "  freezetune bench --freeze-until 6 --threads 1\n"
                "  freezetune bench --forward --format json\n"
                "  freezetune bench --profile --photo photo.jpg\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .run = run,
};
