/* --key and --prefix: which of several networks in one weight file. */
#ifndef FREEZETUNE_CHOICE_OPTIONS_H
#define FREEZETUNE_CHOICE_OPTIONS_H

#include "cli/shell/options.h"
#include "weights/weight_file.h"

/* Two rows; `choice` is a struct weight_choice in the command's struct of values. */
#define CHOICE_ROWS(group, type, choice)                                                                               \
    OPTION_ROW(group, OPTION_STRING, "key", type, choice.key, .placeholder = "KEY", .shown = "found by content",       \
               .help = "take the state dict under this key of a checkpoint, such as model_ema"),                       \
        OPTION_ROW(group, OPTION_STRING, "prefix", type, choice.prefix, .placeholder = "PREFIX",                       \
                   .shown = "found by content",                                                                        \
                   .help = "take the network whose tensors' names begin with this, such as teacher.backbone.")

/* Says in one remark each on stderr: which file of a folder was read; that the file holds other networks, which was
 * taken and which options take the others; that tensors or entries were left out which somebody could miss. Silent for
 * what every training script writes beside the weights (optimizer, epoch, arguments, random states). */
void remark_left(const struct weight_file *file);

#endif
