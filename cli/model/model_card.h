/* What the files beside the weights say of a model (hugging_face.h, timm_config.h). */
#ifndef FREEZETUNE_MODEL_CARD_H
#define FREEZETUNE_MODEL_CARD_H

#include <stdbool.h>

#include "core/data/folder.h"
#include "core/data/preprocess.h"

/* What the outputs mean, in the words of Hugging Face's problem_type. */
enum problem {
    PROBLEM_UNSAID, /* taken for single label */
    PROBLEM_SINGLE_LABEL,
    PROBLEM_MULTI_LABEL, /* each output is answered by itself: sigmoid, not softmax */
    PROBLEM_REGRESSION   /* outputs are numbers, not classes */
};
extern const char *const problem_names[]; /* by enum problem, "" for unsaid; NULL at the end */

struct model_card {
    bool has_classes, has_preprocess; /* which of the next two are filled */
    struct class_names classes;       /* owned */
    struct preprocess preprocess;
    enum problem problem;
    bool oblong; /* its own preparation leaves photos oblong, which is not done here (hf_preprocessor.h) */
};

#endif
