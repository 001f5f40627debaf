/* What predict writes beside its answers, where it is asked for: the logits, the features, pictures with class
 * activation maps. For cmd_predict.c. */
#ifndef FREEZETUNE_PREDICT_FILES_H
#define FREEZETUNE_PREDICT_FILES_H

#include <stdbool.h>

#include "cli/report/cam_folder.h"
#include "cli/report/logits_file.h"

struct predict_files {
    const char *logits_path, *features_path, *cam_path; /* borrowed; NULL: not asked for */
    const struct inference *inference;
    struct logits_file logits, features;
    struct cam_folder cam;
};

/* Whether the inference must be one of inference_open_cam. */
static inline bool predict_files_want_cam(const struct predict_files *files)
{
    return files->features_path || files->cam_path;
}

/* Before the first photo; the paths are set. ERR_USAGE and ERR_CANTCREATE for a place where one of them cannot be. */
MUST_CHECK enum status predict_files_start(struct predict_files *files, const struct inference *inference,
                                           struct error *err);

/* Photo i of the last batch, whose logits[classes] these are. *answer: what was drawn of it, borrowed until the next
 * call; NULL without --cam. */
MUST_CHECK enum status predict_files_add(struct predict_files *files, const struct cam_answer **answer,
                                         const struct photo_batch *batch, size_t i, const float *logits,
                                         struct error *err);

/* After the last photo: puts the files in their places. */
MUST_CHECK enum status predict_files_write(struct predict_files *files, struct error *err);
/* Frees; what has not been written is gone. */
void predict_files_free(struct predict_files *files);

#endif
