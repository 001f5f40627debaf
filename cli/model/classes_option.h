/* --classes: the names of a model's outputs, given by hand. They go before all that the file says, and count as named
 * by it: train keeps its last layer for folders of these names, convert writes them. */
#ifndef FREEZETUNE_CLASSES_OPTION_H
#define FREEZETUNE_CLASSES_OPTION_H

#include "cli/model/model_file.h"
#include "cli/shell/options.h"

/* A row of a string. */
#define CLASSES_ROW(group, type, field)                                                                                \
    OPTION_ROW(group, OPTION_STRING, "classes", type, field, .placeholder = "NAMES|FILE",                              \
               .shown = "as the model says",                                                                           \
               .help = "name the model's outputs, in their order: a,b,c, or a file with one name per line, or with a " \
                       "list or a dictionary of JSON")

/* Replaces the names of the model at `path`, unless option is NULL: by those of a file of that name, else JSON (from [
 * or { on), else names with commas between them. There must be one for each of info->classes, all different. ERR_USAGE
 * for what the command line says itself, ERR_DATA for what a file does, ERR_NOINPUT when there is no such file. */
MUST_CHECK enum status classes_override(struct model_info *info, const char *option, const char *path,
                                        struct error *err);

/* stderr, one line: the config.json beside the weights names no classes for them. Where info->config_unused is set. */
void classes_warn_unused(const char *weights);

/* stderr: that, where it is so; then, in one line, which file beside the model named its classes, or that nothing does
 * and they are called by their numbers. Silent where the model says it itself, and for ImageNet's. */
void classes_remark(const struct model_info *info, const char *path);

#endif
