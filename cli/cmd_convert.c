/* freezetune convert: a weight file in another format. */
#include "cli/model/convert.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/model/classes_option.h"
#include "cli/model/model_file.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/preprocess_options.h"
#include "cli/shell/remark.h"
#include "core/train/checkpoint.h"
#include "weights/onnx/onnx_write.h"
#include "weights/recognise.h"

struct values {
    struct preprocess_options preprocess;
    struct weight_choice choice;
    const char *classes;
    int format, dtype, names;
    bool fold, normalise, softmax;
    long long opset;
};

enum { NAMES_TORCHVISION, NAMES_HUGGING_FACE };

/* By enum convert_format. */
static const char *const formats[] = {"safetensors", "pth", "onnx", "hf", "timm", NULL};
static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
static const char *const naming[] = {"torchvision", "hf", NULL};
static const enum weight_dtype dtype_values[] = {WEIGHT_F32, WEIGHT_F16, WEIGHT_BF16};

static const struct option options[] = {
    OPTION_ROW(
        "Common", OPTION_CHOICE, "format", struct values, format, .choices = formats,
        .help =
            "write OUT in this format when its name does not end in .safetensors, .pth, .pt or .onnx; hf and timm make a "
            "folder, which transformers or timm opens"),
    OPTION_ROW("Common", OPTION_CHOICE, "dtype", struct values, dtype, .choices = dtypes,
               .help = "round float tensors to this type, to nearest; without it they stay as they are"),
    OPTION_ROW("Common", OPTION_CHOICE, "names", struct values, names, .choices = naming, .initial = "torchvision",
               .help = "name the tensors as torchvision (and timm) does, or as Hugging Face does"),
    CHOICE_ROWS("Common", struct values, choice),
    CLASSES_ROW("Common", struct values, classes),
    OPTION_ROW("ONNX", OPTION_FLAG, "fold-bn", struct values, fold,
               .help = "fold each BatchNorm into the convolution before it"),
    OPTION_ROW("ONNX", OPTION_FLAG, "normalise", struct values, normalise,
               .help = "take pixels, uint8 RGB [batch, crop, crop, 3], and normalise them in the file"),
    OPTION_ROW("ONNX", OPTION_FLAG, "softmax", struct values, softmax,
               .help = "give probabilities, after division by the model's temperature if it has one"),
    OPTION_ROW("ONNX", OPTION_INT, "opset", struct values, opset, .placeholder = "N", .initial = "7",
               .low = ONNX_OPSET_LEAST, .high = ONNX_OPSET_MOST,
               .help = "write this operator set, for a program that does not accept the default"),
    PREPROCESS_ROWS(struct values),
};

/* A conversion under way. */
struct job {
    const struct values *values;
    const char *in, *out;
    enum convert_format format;
    struct weight_file *file;
    bool resnet;
    struct recognised found;
    struct model_info info; /* of a ResNet */
    struct convert_texts texts;
};

static enum status find_format(enum convert_format *out, const struct arguments *args, struct error *err)
{
    static const struct {
        const char *suffix;
        enum convert_format format;
    } rows[] = {
        {".safetensors", CONVERT_SAFETENSORS}, {".pth", CONVERT_PTH}, {".pt", CONVERT_PTH}, {".onnx", CONVERT_ONNX}};
    const struct values *v = args->values;
    const char *suffix = strrchr(args->operands[1], '.');
    if (arguments_given(args, "format")) {
        *out = (enum convert_format)v->format;
        return OK;
    }
    for (size_t i = 0; suffix && i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(suffix, rows[i].suffix) == 0) {
            *out = rows[i].format;
            return OK;
        }
    return error_set(err, ERR_USAGE,
                     "%s: unknown format: end the name in .safetensors, .pth, .pt or .onnx, or set --format",
                     args->operands[1]);
}

static bool is_folder(enum convert_format format)
{
    return format == CONVERT_HUGGING_FACE || format == CONVERT_TIMM;
}

static enum status check_options(const struct job *job, const struct arguments *args, struct error *err)
{
    if (job->format == CONVERT_ONNX && arguments_given(args, "dtype"))
        return error_set(err, ERR_USAGE, "--dtype cannot be combined with ONNX, which is written as float32");
    if (job->format == CONVERT_ONNX && arguments_given(args, "names"))
        return error_set(err, ERR_USAGE,
                         "--names cannot be combined with ONNX, whose tensors have torchvision's "
                         "names");
    if (is_folder(job->format) && arguments_given(args, "names"))
        return error_set(err, ERR_USAGE,
                         "--names cannot be combined with --format %s, whose tensors have the "
                         "library's names",
                         formats[job->format]);
    if (job->format != CONVERT_ONNX && job->values->fold)
        return error_set(err, ERR_USAGE,
                         "--fold-bn only applies to ONNX: other formats hold the network's own "
                         "tensors");
    if (job->format != CONVERT_ONNX && (job->values->normalise || job->values->softmax))
        return error_set(err, ERR_USAGE, "--%s only applies to ONNX", job->values->normalise ? "normalise" : "softmax");
    if (job->format != CONVERT_ONNX && arguments_given(args, "opset"))
        return error_set(err, ERR_USAGE, "--opset only applies to ONNX");
    if (path_same_file(job->in, job->out))
        return error_set(err, ERR_USAGE, "%s: is the input", job->out);
    return OK;
}

/* Opens the file and asks what it is. */
static enum status open_input(struct job *job, struct error *err)
{
    enum status status = weight_file_open_choice(&job->file, job->in, &job->values->choice, err);
    if (status != OK)
        return status;
    if (path_same_file(weight_file_path(job->file), job->out))
        return error_set(err, ERR_USAGE, "%s: is the input", job->out);
    if (job->format != CONVERT_ONNX)
        remark_left(job->file); /* model_read says it */
    job->resnet = weights_recognise(&job->found, job->file) && strncmp(job->found.arch, "resnet", 6) == 0;
    if (job->resnet) {
        status = model_info_read(&job->info, job->file, job->found.classes, err);
        preprocess_override(&job->info.preprocess, &job->values->preprocess);
        if (status == OK)
            status = classes_override(&job->info, job->values->classes, job->in, err);
        if (status == OK && job->info.config_unused)
            classes_warn_unused(weight_file_path(job->file));
    } else if (is_folder(job->format)) {
        return weights_refuse_unknown(job->file, err);
    } else if (preprocess_given(&job->values->preprocess) || job->values->classes) {
        return error_set(err, ERR_DATA,
                         "%s: not a ResNet's weights, so --classes, --resize, --crop, --resize-mode and "
                         "--interpolation have no effect",
                         job->in);
    }
    if (status == OK)
        status = convert_texts_make(&job->texts, job->file, job->resnet ? job->found.arch : NULL, &job->info, err);
    return status;
}

static enum status convert_onnx(const struct job *job, struct error *err)
{
    struct onnx_options onnx = {.opset = (int)job->values->opset,
                                .height = (size_t)job->info.preprocess.crop,
                                .width = (size_t)job->info.preprocess.crop,
                                .fold = job->values->fold,
                                .softmax = job->values->softmax};
    struct model model = {0};
    struct normalise normalise;
    enum status status = model_read(&model, job->file, err);
    if (status == OK && onnx.softmax && model.info.problem == PROBLEM_MULTI_LABEL)
        status = error_set(err, ERR_USAGE, "--softmax cannot be combined with a multi-label model");
    if (status == OK && model.info.calibration.known)
        onnx.temperature = (float)model.info.calibration.temperature;
    memcpy(normalise.mean, job->info.preprocess.mean, sizeof normalise.mean);
    memcpy(normalise.std, job->info.preprocess.std, sizeof normalise.std);
    if (job->values->normalise)
        onnx.normalise = &normalise;
    if (status == OK)
        status = onnx_write(job->out, model.net, &onnx, job->texts.entries, job->texts.count, err);
    model_close(&model);
    struct stat file;
    char bytes[NUMBER_TEXT];
    if (status == OK && stat(job->out, &file) == 0 && S_ISREG(file.st_mode)) /* a pipe has no size */
        remark("%s: %s", job->out, number_bytes(bytes, (uint64_t)file.st_size));
    return status;
}

static enum status convert_plain(const struct job *job, const struct arguments *args, struct error *err)
{
    const struct convert_rules rules = {.format = job->format,
                                        .cast = arguments_given(args, "dtype"),
                                        .dtype = dtype_values[job->values->dtype],
                                        .hugging_face = job->values->names == NAMES_HUGGING_FACE,
                                        .ignore = job->resnet ? CHECKPOINT_PREFIX : NULL};
    struct convert_result result;
    char count[NUMBER_TEXT], bytes[NUMBER_TEXT];
    enum status status =
        is_folder(job->format)
            ? convert_folder(&result, job->out, job->file, &job->found, &job->info, &rules, &job->texts, err)
            : convert_tensors(&result, job->out, job->file, &rules, &job->texts, err);
    if (status != OK)
        return status;
    if (result.ignored)
        remark("left out: %s tensors of the optimizer", number_count(count, result.ignored));
    remark("%s: %s tensors, %s", job->out, number_count(count, result.tensors), number_bytes(bytes, result.bytes));
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    struct job job = {.values = args->values, .in = args->operands[0], .out = args->operands[1]};
    enum status status = find_format(&job.format, args, err);
    if (status == OK)
        status = check_options(&job, args, err);
    if (status == OK)
        status = open_input(&job, err);
    if (status == OK)
        status = job.format == CONVERT_ONNX ? convert_onnx(&job, err) : convert_plain(&job, args, err);
    convert_texts_free(&job.texts);
    model_info_free(&job.info);
    weight_file_close(job.file);
    return status;
}

const struct command cmd_convert = {
    .name = "convert",
    .summary = "write a weight file in another format: safetensors, PyTorch's .pth, ONNX, a folder for transformers or "
               "timm",
    .usage = "[options] IN OUT",
    .description =
        "IN is any weight file. The classes and preprocessing of a ResNet are kept; of a checkpoint (last.safetensors) "
        "only the model is written. A .pth is a state dict for torch.load(weights_only=True); its metadata is the "
        "attribute freezetune_metadata. An ONNX file has operator set 7 or --opset, the input \"input\" [batch, 3, "
        "crop, crop] (normalised float32 RGB) and the output \"logits\" [batch, classes]; with --normalise the input is "
        "[batch, crop, crop, 3] (uint8 RGB, as decoders give it), with --softmax the output is \"probabilities\". --format hf and timm create "
        "a folder with classes and preprocessing (OUT must not exist, or be empty); it opens with transformers' "
        "from_pretrained(\"OUT\") and timm's create_model(\"local-dir:OUT\", pretrained=True). OUT appears whole or "
        "not at all; a pipe or a device (/dev/stdout) is written at the end.",
    .examples = "  freezetune convert runs/1/best.safetensors model.onnx\n"
                "  freezetune convert --normalise --softmax runs/1 model.onnx\n"
                "  freezetune convert runs/1/best.safetensors model.pth\n"
                "  freezetune convert --format hf runs/1 my-model/\n"
                "  freezetune convert --dtype f16 runs/1/best.safetensors small.safetensors\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 2,
    .operands_most = 2,
    .run = run,
};
