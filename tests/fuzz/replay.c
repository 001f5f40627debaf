/* Feeds a fuzz target the saved inputs: the files in the folder tests/fuzz/corpus/NAME of the program fuzz_NAME. One
 * line of TAP for all of them, printed at the end: a target that crashes or hangs before never says "ok". */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "tests/fuzz/fuzz.h"

static size_t replay_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t fed = 0;
    for (int i = 0; i < count; i++) {
        char path[600];
        struct stat info;
        uint8_t *bytes;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || file_read(&bytes, &size, path, 1 << 24, NULL) != OK)
            continue;
        LLVMFuzzerTestOneInput(bytes, size);
        memory_free(bytes);
        fed++;
    }
    if (count >= 0)
        free(entries);
    return fed;
}

int main(int argc, char **argv)
{
    char folder[300];
    const char *name = argc > 0 ? strrchr(argv[0], '_') : NULL;
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name ? name + 1 : "");
    size_t fed = replay_folder(folder);
    printf("1..1\n%s 1 - %zu saved inputs of %s\n", fed > 0 ? "ok" : "not ok", fed, folder);
    return fed > 0 ? 0 : 1;
}
