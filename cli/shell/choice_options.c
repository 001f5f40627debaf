#include "cli/shell/choice_options.h"

#include <stdio.h>
#include <string.h>

#include "cli/shell/remark.h"
#include "core/base/text.h"

enum { NAMED = 3, NAME_TEXT = 80, LIST_TEXT = NAMED * (NAME_TEXT + 4) + 8 };

/* How many of a kind were left out, and the first of them: "'a', 'b', 'c', ...". */
static size_t list_left(char out[LIST_TEXT], const struct weight_file *file, enum weight_left_kind kind)
{
    size_t count = 0, used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < weight_file_left_count(file); i++) {
        struct weight_left left = weight_file_left_at(file, i);
        char name[NAME_TEXT];
        if (left.kind != kind)
            continue;
        if (count < NAMED)
            used += (size_t)snprintf(out + used, LIST_TEXT - used, "%s'%s'", count ? ", " : "",
                                     text_escape(name, sizeof name, left.name));
        if (count++ == NAMED)
            snprintf(out + used, LIST_TEXT - used, ", ...");
    }
    return count;
}

static void remark_networks(const struct weight_file *file)
{
    char list[LIST_TEXT], key[NAME_TEXT] = "", prefix[NAME_TEXT] = "";
    size_t count = list_left(list, file, WEIGHT_LEFT_NETWORK), keys = 0;
    if (count == 0)
        return;
    for (size_t i = 0; i < weight_file_left_count(file); i++)
        keys += weight_file_left_at(file, i).kind == WEIGHT_LEFT_NETWORK && weight_file_left_at(file, i).key;
    text_escape(key, sizeof key, weight_file_key(file));
    text_escape(prefix, sizeof prefix, weight_file_prefix(file));
    const char *taken = keys > 0 ? key : prefix;
    remark("weights: took %s%s%s of the file's %zu networks; %s chooses another: %s", taken[0] ? "'" : "",
           taken[0] ? taken : "the one without a prefix", taken[0] ? "'" : "", count + 1,
           keys == 0       ? "--prefix"
           : keys == count ? "--key"
                           : "--key or --prefix",
           list);
}

void remark_left(const struct weight_file *file)
{
    char list[LIST_TEXT];
    if (weight_file_was_searched(file))
        remark("weights: read from %s", weight_file_path(file));
    remark_networks(file);
    size_t count = list_left(list, file, WEIGHT_LEFT_PART);
    if (count > 0)
        remark("weights: %zu part%s of the file %s left out: %s; `freezetune inspect` lists %s", count,
               count == 1 ? "" : "s", count == 1 ? "is" : "are", list, count == 1 ? "it" : "them");
}
