/* mutate_photos FOLDER COUNT SEED: changes copies of the photos in a folder in memory, COUNT times in all, and decodes
 * each: cut short, bits flipped, bytes replaced, or several of these. A line for each format says how many were decoded
 * and how many refused, and how often for each kind of reason (its first four words). Run it in a build with
 * sanitizers.
 *
 * Exit code 0, 1 for an answer that is none (a status of its own or an error without a text), else freezetune's. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/image.h"

enum { MOST_FILES = 1000, MOST_REASONS = 200 };

struct photo {
    uint8_t *bytes;
    size_t size;
    char suffix[8];
};

struct reason {
    char suffix[8], text[60];
    size_t count;
};

static struct photo photos[MOST_FILES];
static struct reason reasons[MOST_REASONS];
static size_t photo_count, reason_count;

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static enum status read_folder(const char *folder, struct error *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    enum status status = count < 0 ? error_set(err, ERR_NOINPUT, "%s: cannot be read", folder) : OK;
    for (int i = 0; i < count; i++) {
        char path[600];
        const char *suffix = strrchr(entries[i]->d_name, '.');
        struct photo *photo = &photos[photo_count];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bool wanted = entries[i]->d_name[0] != '.' && suffix && strcmp(suffix, ".ppm") != 0 && photo_count < MOST_FILES;
        if (wanted && status == OK && (status = file_read(&photo->bytes, &photo->size, path, 1 << 24, err)) == OK) {
            snprintf(photo->suffix, sizeof photo->suffix, "%s", suffix + 1);
            photo_count++;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status == OK && photo_count == 0 ? error_set(err, ERR_NOINPUT, "%s: no photos", folder) : status;
}

/* Half of the changes are near the head, where the structure is. */
static size_t change(uint8_t *bytes, size_t size, uint64_t *state)
{
    uint32_t kind = draw(state) % 4;
    if (kind == 0 || kind == 3)
        size = 1 + draw(state) % size;
    for (uint32_t i = 0; kind > 0 && i < 1 + draw(state) % 4; i++) {
        size_t at = draw(state) % (draw(state) % 2 && size > 200 ? 200 : size);
        bytes[at] = (uint8_t)(kind == 2 ? draw(state) : bytes[at] ^ 1u << draw(state) % 8);
    }
    return size;
}

/* Without numbers, by its first words. */
static void count_reason(const char *suffix, const char *text)
{
    struct reason reason = {.count = 1};
    int words = 0;
    size_t used = 0;
    snprintf(reason.suffix, sizeof reason.suffix, "%s", suffix);
    for (; *text && used < sizeof reason.text - 1; text++) {
        if (*text == ' ' && ++words == 4)
            break;
        if (*text < '0' || *text > '9')
            reason.text[used++] = *text;
    }
    for (size_t i = 0; i < reason_count; i++)
        if (strcmp(reasons[i].suffix, reason.suffix) == 0 && strcmp(reasons[i].text, reason.text) == 0) {
            reasons[i].count++;
            return;
        }
    if (reason_count < MOST_REASONS)
        reasons[reason_count++] = reason;
}

static bool decode_changed(const struct photo *photo, uint64_t *state)
{
    static const struct image_options options = {.max_pixels = 1 << 20};
    struct image image = {0};
    struct error err = {0};
    uint8_t *copy = malloc(photo->size);
    memcpy(copy, photo->bytes, photo->size);
    size_t size = change(copy, photo->size, state);
    uint8_t *exact = malloc(size); /* so that a sanitizer sees a read beyond */
    memcpy(exact, copy, size);
    enum status status = image_decode(&image, exact, size, &options, &err);
    count_reason(photo->suffix, status == OK ? "decoded" : err.text);
    free(copy);
    free(exact);
    image_free(&image);
    bool right = status == OK || (status == ERR_DATA && err.text[0] && !strpbrk(err.text, "\r\n"));
    if (!right)
        printf("%-6s status %d: %s\n", photo->suffix, status, err.text);
    return right;
}

static int by_format(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;
    int order = strcmp(x->suffix, y->suffix);
    return order ? order : (x->count < y->count) - (x->count > y->count);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: mutate_photos FOLDER COUNT SEED\n");
        return ERR_USAGE;
    }
    if (read_folder(argv[1], &err) != OK) {
        fprintf(stderr, "mutate_photos: %s\n", err.text);
        return (int)err.status;
    }
    size_t count = strtoul(argv[2], NULL, 10), wrong = 0;
    uint64_t state = strtoull(argv[3], NULL, 10);
    for (size_t i = 0; i < count; i++)
        wrong += !decode_changed(&photos[i % photo_count], &state);
    qsort(reasons, reason_count, sizeof *reasons, by_format);
    for (size_t i = 0; i < reason_count; i++)
        printf("%-6s %6zu  %s\n", reasons[i].suffix, reasons[i].count, reasons[i].text);
    printf("%zu photos, %zu changed copies, %zu wrong answers\n", photo_count, count, wrong);
    for (size_t i = 0; i < photo_count; i++)
        memory_free(photos[i].bytes);
    return wrong > 0;
}
