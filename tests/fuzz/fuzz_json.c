/* config.json and preprocessor_config.json; the first byte says which, and how many outputs the network has. Each is
 * looked at as timm's config.json and as a file of class names, too. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cli/model/hf_preprocessor.h"
#include "cli/model/hugging_face.h"
#include "cli/model/other_labels.h"
#include "cli/model/timm_config.h"
#include "core/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct class_names classes = {0};
    struct preprocess preprocess;
    struct model_card card = {0};
    struct error err = {0};
    bool found = false, oblong;
    enum problem problem;
    if (size < 1)
        return 0;
    char *text = malloc(size);
    if (!text)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    enum status status =
        data[0] & 1 ? hf_preprocessor_parse(&preprocess, &oblong, text, size - 1, "fuzz", &err)
                    : hugging_face_classes(&classes, &found, &problem, text, size - 1, "fuzz", data[0] / 2, &err);
    if ((status != OK && status != ERR_DATA) || found != (classes.names != NULL))
        abort();
    if (found && classes.count != data[0] / 2)
        abort();
    status = timm_config_parse(&card, &found, text, size - 1, data[0] / 2, "fuzz", &err);
    if (status != OK && (status != ERR_DATA || found))
        abort();
    if (found && card.has_classes && card.classes.count != data[0] / 2)
        abort();
    class_names_free(&card.classes);
    class_names_free(&classes);
    status = other_labels_text(&classes, &found, text, size - 1, false, data[0] / 2, &err);
    if ((status != OK && (status != ERR_DATA || found)) || found != (classes.names != NULL))
        abort();
    class_names_free(&classes);
    free(text);
    return 0;
}
