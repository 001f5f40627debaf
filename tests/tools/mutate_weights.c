/* mutate_weights COUNT SEED FILE...: changes copies of weight files in memory, COUNT times in all, and opens each: bits
 * flipped, bytes or opcodes replaced, lengths that lie, pieces copied, taken out or put in from another file, the end
 * cut off. In two of three changed zip files the sums are made right again, so that what is behind them is seen. A file
 * that opens is read to the last value. A line for each kind of answer says how often it was given. Run it in a build
 * with sanitizers.
 *
 * Exit code 0, 1 for an answer that is none (another status than ERR_DATA, or not one line with a byte), else
 * freezetune's. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/crc32.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "weights/recognise.h"
#include "weights/torch/zip_read.h"
#include "weights/weight_file.h"

enum { MOST_FILES = 1000, MOST_ANSWERS = 400, LONGEST_PIECE = 256, WORDS = 4 };

struct answer {
    char text[80];
    size_t count;
};

struct sample {
    uint8_t *bytes;
    size_t size;
    struct zip zip; /* no entries: not a zip file */
    struct file_map map;
};

static struct sample samples[MOST_FILES];
static struct answer answers[MOST_ANSWERS];
static size_t sample_count, answer_count;
static volatile uint32_t kept; /* so that no read is left out as useless */

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static enum status load(struct sample *out, const char *path, struct error *err)
{
    enum status status = file_read(&out->bytes, &out->size, path, 1 << 24, err);
    if (status != OK)
        return status;
    out->map = (struct file_map){.bytes = out->bytes, .size = out->size};
    if (out->size > 4 && memcmp(out->bytes, "PK\3\4", 4) == 0) {
        status = zip_open(&out->zip, &out->map, path, err);
        for (size_t i = 0; i < out->zip.count && status == OK; i++)
            out->zip.entries[i].data = out->zip.entries[i].header + 30 + out->bytes[out->zip.entries[i].header + 26] +
                                       (size_t)256 * out->bytes[out->zip.entries[i].header + 27] +
                                       out->bytes[out->zip.entries[i].header + 28] +
                                       (size_t)256 * out->bytes[out->zip.entries[i].header + 29];
    }
    return status;
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* A number of this many bytes that is likely to be wrong. */
static void put_length(uint8_t *at, size_t bytes, uint64_t *state)
{
    static const uint64_t lengths[] = {0,      1,          0x7F,       0x80,       0xFF,      0x7FFF,
                                       0xFFFF, 0x7FFFFFFF, 0x80000000, UINT32_MAX, INT64_MAX, UINT64_MAX};
    uint64_t value = lengths[draw(state) % (sizeof lengths / sizeof *lengths)] + draw(state) % 3;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Changes bytes [from, from + length) of `copy`, in place. */
static void change_in_place(uint8_t *copy, size_t from, size_t length, uint64_t *state)
{
    static const char opcodes[] = "(.0123BCGIJKMNQRTUX]abcehijoqrstu}"
                                  "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94"
                                  "\x95\x96\x97";
    for (uint32_t i = 0; i < 1 + draw(state) % 4 && length > 0; i++) {
        size_t place = draw(state) % length, rest = length - place, bytes = (size_t)1 << draw(state) % 4;
        uint8_t *at = copy + from + place;
        switch (draw(state) % 5) {
        case 0:
            *at ^= (uint8_t)(1u << draw(state) % 8);
            break;
        case 1:
            *at = (uint8_t)draw(state);
            break;
        case 2:
            *at = (uint8_t)opcodes[draw(state) % (sizeof opcodes - 1)];
            break;
        case 3:
            put_length(at, bytes < rest ? bytes : rest, state);
            break;
        default: { /* a piece of the same file over another */
            size_t piece = 1 + draw(state) % LONGEST_PIECE;
            piece = piece < rest ? piece : rest;
            memmove(at, copy + from + draw(state) % (length - piece + 1), piece);
        }
        }
    }
}

/* Makes the sums of all entries right again, where they are said. */
static void repair(uint8_t *copy, const struct sample *sample)
{
    for (size_t i = 0; i < sample->zip.count; i++) {
        const struct zip_entry *entry = &sample->zip.entries[i];
        uint32_t crc = crc32_add(0, copy + entry->data, entry->size);
        const size_t places[] = {entry->directory_at + 16, entry->data + entry->size + 4, entry->header + 14};
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            bool descriptor = entry->flags & 8;
            for (size_t byte = 0; byte < 4 && (k == 0 || descriptor == (k == 1)); byte++)
                copy[places[k] + byte] = (uint8_t)(crc >> 8 * byte);
        }
    }
}

/* Mostly the pickle, which is the longest entry of no storage. */
static const struct zip_entry *pick_entry(const struct sample *sample, uint64_t *state)
{
    if (draw(state) % 4)
        for (size_t i = 0; i < sample->zip.count; i++)
            if (memmem(sample->zip.entries[i].name, sample->zip.entries[i].name_length, "data.pkl", 8))
                return &sample->zip.entries[i];
    return &sample->zip.entries[draw(state) % sample->zip.count];
}

/* *out[room] = a changed copy; its size. */
static size_t change(uint8_t *out, size_t room, const struct sample *sample, uint64_t *state)
{
    size_t size = sample->size;
    memcpy(out, sample->bytes, size);
    if (sample->zip.count > 0 && draw(state) % 3) {
        const struct zip_entry *entry = pick_entry(sample, state);
        change_in_place(out, entry->data, entry->size, state);
        repair(out, sample);
        return size;
    }
    uint32_t kind = draw(state) % 6;
    size_t at = draw(state) % (draw(state) % 2 && size > 2000 ? 2000 : size), piece = 1 + draw(state) % LONGEST_PIECE;
    if (kind == 0)
        return 1 + draw(state) % size;
    if (kind == 1) { /* taken out */
        piece = piece < size - at ? piece : size - at;
        memmove(out + at, out + at + piece, size - at - piece);
        return size - piece > 0 ? size - piece : 1;
    }
    if (kind == 2) { /* put in, from any file */
        const struct sample *other = &samples[draw(state) % sample_count];
        size_t from = draw(state) % other->size;
        piece = piece < other->size - from ? piece : other->size - from;
        piece = piece < room - size ? piece : room - size;
        memmove(out + at + piece, out + at, size - at);
        memcpy(out + at, other->bytes + from, piece);
        return size + piece;
    }
    size_t length = size - at < 3000 ? size - at : 3000;
    change_in_place(out, at, length, state);
    return size;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* By its first words, without numbers and names. */
static void count_answer(const char *text)
{
    struct answer answer = {.count = 1};
    size_t used = 0, words = 0;
    bool quoted = false;
    for (; *text && used < sizeof answer.text - 1 && words < WORDS; text++) {
        if (*text == '\'')
            quoted = !quoted;
        else if (!quoted && !(*text >= '0' && *text <= '9')) {
            words += *text == ' ';
            answer.text[used++] = *text;
        }
    }
    for (size_t i = 0; i < answer_count; i++)
        if (strcmp(answers[i].text, answer.text) == 0) {
            answers[i].count++;
            return;
        }
    if (answer_count < MOST_ANSWERS)
        answers[answer_count++] = answer;
}

static void read_all(const struct weight_file *file)
{
    struct recognised found;
    kept = kept + weights_recognise(&found, file);
    for (size_t i = 0; i < weight_file_count(file); i++) {
        const struct weight_tensor *tensor = weight_file_at(file, i);
        if (weight_file_find(file, tensor->name) != tensor)
            abort();
        if (weight_tensor_fetch(tensor, file, NULL) != OK)
            abort();
        kept = crc32_add(kept, tensor->data, tensor->bytes);
    }
    for (size_t i = 0; i < weight_file_left_count(file); i++) {
        struct weight_left left = weight_file_left_at(file, i);
        kept = kept + (uint32_t)(strlen(left.name) + strlen(left.what));
    }
}

static bool open_changed(int memory, const uint8_t *bytes, size_t size)
{
    char path[40];
    struct weight_file *file;
    struct error err = {0};
    if (ftruncate(memory, 0) != 0 || pwrite(memory, bytes, size, 0) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    if (weight_file_open(&file, path, &err) == OK) {
        read_all(file);
        weight_file_close(file);
        count_answer("read");
        return true;
    }
    const char *text = strstr(err.text, ": ");
    const char *byte = strstr(err.text, ": byte ");
    const char *behind = byte ? strstr(byte + 7, ": ") : NULL;
    count_answer(behind ? behind + 2 : text ? text + 2 : "nothing");
    bool right = err.status == ERR_DATA && (strstr(err.text, "byte ") || strstr(err.text, ": truncated: ")) &&
                 !strpbrk(err.text, "\r\n");
    if (!right)
        printf("status %d: %s\n", (int)err.status, err.text);
    return right;
}

static int by_count(const void *a, const void *b)
{
    const struct answer *x = a, *y = b;
    return (x->count < y->count) - (x->count > y->count);
}

int main(int argc, char **argv)
{
    enum { ROOM = (1 << 24) + LONGEST_PIECE };
    struct error err = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: mutate_weights COUNT SEED FILE...\n");
        return ERR_USAGE;
    }
    for (int i = 3; i < argc && sample_count < MOST_FILES; i++)
        if (load(&samples[sample_count++], argv[i], &err) != OK) {
            fprintf(stderr, "mutate_weights: %s\n", err.text);
            return (int)err.status;
        }
    size_t count = strtoul(argv[1], NULL, 10), wrong = 0;
    uint64_t state = strtoull(argv[2], NULL, 10);
    int memory = memfd_create("weights", MFD_CLOEXEC);
    uint8_t *copy = malloc(ROOM);
    if (memory < 0 || !copy)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t size = change(copy, ROOM, &samples[i % sample_count], &state);
        wrong += !open_changed(memory, copy, size);
    }
    qsort(answers, answer_count, sizeof *answers, by_count);
    for (size_t i = 0; i < answer_count; i++)
        printf("%6zu  %s\n", answers[i].count, answers[i].text);
    printf("%zu files, %zu changed copies, %zu wrong answers\n", sample_count, count, wrong);
    for (size_t i = 0; i < sample_count; i++) {
        zip_close(&samples[i].zip);
        memory_free(samples[i].bytes);
    }
    free(copy);
    return wrong > 0;
}
