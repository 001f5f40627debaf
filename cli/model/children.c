#define _GNU_SOURCE
#include "cli/model/children.h"

#include <string.h>

#include "models/resnet.h"

size_t child_name_length(const char *tensor)
{
    return strcspn(tensor, ".");
}

int child_number(const char *tensor)
{
    size_t length = child_name_length(tensor);
    for (int i = 0; resnet_children[i]; i++)
        if (strlen(resnet_children[i]) == length && memcmp(resnet_children[i], tensor, length) == 0)
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
