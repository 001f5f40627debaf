/* Remarks on what a model file does not say of its photos, or says and is not done. For train, eval and predict. */
#ifndef FREEZETUNE_PREPROCESS_REMARK_H
#define FREEZETUNE_PREPROCESS_REMARK_H

#include "cli/model/model_file.h"

/* stderr: one line with what is assumed where nothing said it (`said` is false), or that photos become squares where
 * the model's own processor leaves them oblong. */
void preprocess_remark(bool said, bool oblong, const struct preprocess *used, const char *path);

#endif
