/* The command line of train, and of a command that is like it, as it is meant: with the options of --options FILE, with
 * those that a run has recorded where it is resumed, and with --out or --resume in place of --resume-or-start. */
#ifndef FREEZETUNE_TRAIN_LINE_H
#define FREEZETUNE_TRAIN_LINE_H

#include "cli/run/train_options.h"

struct train_line {
    const struct arguments *args;  /* to go by: those of the command line, of `file` or of `recorded` */
    const struct resumed *resumed; /* `recorded` where a run is resumed, else NULL */
    struct resumed file, recorded;
};

/* Completes the values (train_values_complete), checks them, and looks whether a new run's folder can be made. What a
 * run that was killed before it began left unfinished is taken away. ERR_USAGE, and errors of train_options_file,
 * train_options_resume and path_run_check. Free with train_line_close, also after an error. */
MUST_CHECK enum status train_line_open(struct train_line *out, const struct arguments *args, struct error *err);
void train_line_close(struct train_line *line);

#endif
