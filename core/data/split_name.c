#include "core/data/split_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { WORD = 32 };

static const struct {
    const char *word;
    enum split_part part;
} parts[] = {{"train", PART_TRAIN}, {"training", PART_TRAIN}, {"trn", PART_TRAIN},      {"val", PART_VAL},
             {"valid", PART_VAL},   {"validation", PART_VAL}, {"validate", PART_VAL},   {"validating", PART_VAL},
             {"dev", PART_VAL},     {"eval", PART_VAL},       {"evaluation", PART_VAL}, {"holdout", PART_VAL},
             {"test", PART_TEST},   {"testing", PART_TEST},   {"tst", PART_TEST}};

static const char *const neutral[] = {"set",      "sets",    "image",    "images", "img",  "imgs",  "photo",
                                      "photos",   "picture", "pictures", "pic",    "pics", "data",  "dataset",
                                      "datasets", "split",   "splits",   "folder", "dir",  "files", "part",
                                      "samples",  "jpg",     "jpeg",     "png"};

static bool is_neutral(const char *word)
{
    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++)
        if (strcmp(word, neutral[i]) == 0)
            return true;
    return false;
}

/* "train", and "trainset" in one word. */
static enum split_part part_of(const char *word)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t length = strlen(parts[i].word);
        if (strncmp(word, parts[i].word, length) == 0 && (word[length] == '\0' || is_neutral(word + length)))
            return parts[i].part;
    }
    return PART_NONE;
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80; /* of UTF-8 */
}

/* Does a word end between these two? */
static bool is_border(char before, char after)
{
    bool capital = islower((unsigned char)before) && isupper((unsigned char)after);
    return capital || is_letter(before) != is_letter(after);
}

/* The next word in lower case, cut to what fits; NULL at the end. */
static const char *next_word(char word[WORD], const char *at)
{
    size_t length = 0;
    while (*at && !is_letter(*at) && !isdigit((unsigned char)*at))
        at++;
    if (!*at)
        return NULL;
    do {
        if (length < WORD - 1)
            word[length++] = (char)tolower((unsigned char)*at);
        at++;
    } while ((is_letter(*at) || isdigit((unsigned char)*at)) && !is_border(at[-1], *at));
    word[length] = '\0';
    return at;
}

struct split_name split_name_parse(const char *name)
{
    struct split_name out = {.plain =
                                 strcmp(name, "train") == 0 || strcmp(name, "val") == 0 || strcmp(name, "test") == 0};
    char word[WORD];
    size_t used = 0, found = 0;
    for (const char *at = name; (at = next_word(word, at));) {
        enum split_part part = part_of(word);
        size_t length = strlen(word);
        if (part != PART_NONE) {
            out.part = part;
            found++;
        } else if (!is_neutral(word)) {
            if (used + length + 2 > sizeof out.rest)
                return (struct split_name){0};
            memcpy(out.rest + used, word, length);
            memcpy(out.rest + used + length, " ", 2);
            used += length + 1;
        }
    }
    return found == 1 ? out : (struct split_name){0};
}

bool split_name_neutral(const char *name)
{
    char word[WORD];
    size_t words = 0;
    for (const char *at = name; (at = next_word(word, at)); words++)
        if (!is_neutral(word))
            return false;
    return words > 0;
}
