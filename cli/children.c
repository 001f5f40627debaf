#define _GNU_SOURCE
#include "cli/children.h"

#include <string.h>

size_t child_name_length(const char *tensor)
{
    return strcspn(tensor, ".");
}

int child_number(const char *tensor)
{
    static const char *const names[] = {"conv1",  "bn1",    "relu",   "maxpool", "layer1",
                                        "layer2", "layer3", "layer4", "avgpool", "fc"};
    size_t length = child_name_length(tensor);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strlen(names[i]) == length && memcmp(names[i], tensor, length) == 0)
            return i + 1;
    return 0;
}

int tensor_name_compare(const char *a, const char *b)
{
    int child_a = child_number(a), child_b = child_number(b);
    if (child_a != child_b)
        return (child_a ? child_a : 1000) - (child_b ? child_b : 1000);
    return strverscmp(a, b);
}
