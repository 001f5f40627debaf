#define _GNU_SOURCE
#include "core/base/cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"

/* A line of mountinfo holds two paths and options. */
enum { LINE_MOST = 3 * CGROUP_PATH, PIECES_MOST = 100000, MOUNT_WORDS = 5 };
/* Version 1 writes no limit as the largest number of whole pages: no machine has as much as this. */
static const uint64_t no_memory_limit = (uint64_t)1 << 60;

enum controller { CPU_V1, MEMORY_V1, UNIFIED };

/* Where the process's group is found: the folder of the mount, and the group below it ("" or "/a/b"). */
struct place {
    char mount[CGROUP_PATH], group[CGROUP_PATH];
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool join(char out[CGROUP_PATH], const char *a, const char *b, const char *c)
{
    int length = snprintf(out, CGROUP_PATH, "%s%s%s", a, b, c);
    return length >= 0 && length < CGROUP_PATH;
}

/* A stream to read, or NULL; never waits for a FIFO. */
static FILE *open_text(const char *root, const char *path, const char *name)
{
    char whole[2 * CGROUP_PATH];
    int length = snprintf(whole, sizeof whole, "%s%s%s", root, path, name);
    int fd = length > 0 && length < (int)sizeof whole ? open(whole, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

/* The next line that fits into out, without its line feed; false at the end. */
static bool next_line(char out[LINE_MOST], FILE *file)
{
    bool tail = false; /* of a line that did not fit */
    for (size_t pieces = 0; pieces < PIECES_MOST && fgets(out, LINE_MOST, file); pieces++) {
        size_t length = strlen(out);
        bool whole = length > 0 && out[length - 1] == '\n';
        if (whole)
            out[length - 1] = '\0';
        if ((whole || feof(file)) && !tail)
            return true;
        tail = !whole;
    }
    return false;
}

/* The first line of a limit's file. */
static bool read_limit(char *out, size_t size, const char *root, const char *folder, const char *name)
{
    FILE *file = open_text(root, folder, name);
    bool good = file && fgets(out, (int)size, file);
    if (good)
        out[strcspn(out, "\n")] = '\0';
    if (file)
        fclose(file);
    return good;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void take_processors(struct cgroup_limits *out, const char *quota, const char *period, const char *folder,
                            const char *name)
{
    long long allowed, each;
    if (!text_to_long(&allowed, quota) || !text_to_long(&each, period) || allowed <= 0 || each <= 0)
        return; /* "max", -1, or nothing that the kernel writes */
    double processors = (double)allowed / (double)each;
    if (out->processors > 0 && out->processors <= processors)
        return;
    if (join(out->processors_from, folder, name, ""))
        out->processors = processors;
}

static void take_memory(struct cgroup_limits *out, const char *text, const char *folder, const char *name)
{
    long long bytes;
    if (!text_to_long(&bytes, text) || bytes <= 0 || (uint64_t)bytes >= no_memory_limit ||
        (out->memory > 0 && out->memory <= (uint64_t)bytes))
        return;
    if (join(out->memory_from, folder, name, ""))
        out->memory = (uint64_t)bytes;
}

/* What one group says. */
static void look(struct cgroup_limits *out, enum controller controller, const char *root, const char *folder)
{
    char text[64], period[64];
    if (controller == MEMORY_V1 && read_limit(text, sizeof text, root, folder, "/memory.limit_in_bytes"))
        take_memory(out, text, folder, "/memory.limit_in_bytes");
    if (controller == CPU_V1 && read_limit(text, sizeof text, root, folder, "/cpu.cfs_quota_us") &&
        read_limit(period, sizeof period, root, folder, "/cpu.cfs_period_us"))
        take_processors(out, text, period, folder, "/cpu.cfs_quota_us");
    if (controller != UNIFIED)
        return;
    if (read_limit(text, sizeof text, root, folder, "/memory.max"))
        take_memory(out, text, folder, "/memory.max");
    if (!read_limit(text, sizeof text, root, folder, "/cpu.max"))
        return;
    char *blank = strchr(text, ' ');
    if (blank) {
        *blank = '\0';
        take_processors(out, text, blank + 1, folder, "/cpu.max");
    }
}

/* The group and all above it, up to the folder of the mount. */
static void climb(struct cgroup_limits *out, enum controller controller, const char *root, const struct place *place)
{
    char folder[CGROUP_PATH];
    size_t mount = strlen(place->mount);
    if (!join(folder, place->mount, place->group, ""))
        return;
    while (true) {
        look(out, controller, root, folder);
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < mount)
            return;
        *slash = '\0';
    }
}

/* ---- where the group is ------------------------------------------------------------------------------------------ */

/* Is `word` one of the words in a list with commas? */
static bool listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* \040 and the like, as mountinfo writes blanks in a path. In place. */
static void unescape(char *path)
{
    char *out = path;
    for (const char *at = path; *at; out++) {
        bool octal = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' &&
                     at[3] <= '7';
        *out = octal ? (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')) : *at;
        at += octal ? 4 : 1;
    }
    *out = '\0';
}

static bool has_parent_step(const char *path)
{
    for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/.."))
        if (at[3] == '/' || at[3] == '\0')
            return true;
    return false;
}

/* `path`, a group, as seen below a mount that shows the groups from `top` on. NULL: not below it. */
static const char *below(const char *path, const char *top)
{
    size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (strncmp(path, top, length) != 0 || (path[length] != '/' && path[length] != '\0') || has_parent_step(path))
        return NULL;
    return strcmp(path + length, "/") == 0 ? "" : path + length;
}

/* A line of mountinfo (proc_pid_mountinfo(5)): "36 35 0:30 TOP MOUNT options [more] - TYPE source OPTIONS". */
static bool parse_mount(char *line, char **top, char **mount, char **type, char **options)
{
    char *save = NULL, *words[MOUNT_WORDS], *end = strstr(line, " - ");
    if (!end)
        return false;
    *end = '\0';
    size_t count = 0;
    for (char *word = strtok_r(line, " ", &save); word && count < MOUNT_WORDS; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    *type = strtok_r(end + 3, " ", &save);
    strtok_r(NULL, " ", &save);
    *options = strtok_r(NULL, " ", &save);
    if (count < MOUNT_WORDS || !*type || !*options)
        return false;
    *top = words[3];
    *mount = words[4];
    unescape(*top);
    unescape(*mount);
    return true;
}

/* The mount that shows the group `path` best; one that shows only others (in a container without a namespace of its
 * own, say) is still asked for the limits of its topmost group. */
static bool find_place(struct place *out, enum controller controller, const char *root, const char *path)
{
    static const char *const names[] = {[CPU_V1] = "cpu", [MEMORY_V1] = "memory"};
    char line[LINE_MOST], *top, *mount, *type, *options;
    bool found = false, shown = false;
    FILE *file = open_text(root, "/proc/self/mountinfo", "");
    while (file && !shown && next_line(line, file)) {
        if (!parse_mount(line, &top, &mount, &type, &options) ||
            strcmp(type, controller == UNIFIED ? "cgroup2" : "cgroup") != 0 ||
            (controller != UNIFIED && !listed(options, names[controller])))
            continue;
        const char *group = below(path, top);
        if (!group && found)
            continue;
        found = join(out->mount, mount, "", "") && join(out->group, group ? group : "", "", "");
        shown = found && group;
    }
    if (file)
        fclose(file);
    return found;
}

void cgroup_limits_read(struct cgroup_limits *out, const char *root)
{
    char line[LINE_MOST];
    struct place place;
    *out = (struct cgroup_limits){0};
    FILE *file = open_text(root, "/proc/self/cgroup", "");
    while (file && next_line(line, file)) { /* "4:memory:/jobs/7", "3:cpu,cpuacct:/", "0::/user.slice" */
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path || path[1] != '/')
            continue;
        *controllers++ = '\0';
        *path++ = '\0';
        if (!controllers[0] && find_place(&place, UNIFIED, root, path))
            climb(out, UNIFIED, root, &place);
        if (listed(controllers, "cpu") && find_place(&place, CPU_V1, root, path))
            climb(out, CPU_V1, root, &place);
        if (listed(controllers, "memory") && find_place(&place, MEMORY_V1, root, path))
            climb(out, MEMORY_V1, root, &place);
    }
    if (file)
        fclose(file);
}
