#include "core/data/labels_path.h"

#include <string.h>

/* The length of the part at *path, which moves to its beginning; 0 at the end. "." is no part. */
static size_t part_length(const char **path)
{
    for (;;) {
        size_t length;
        *path += strspn(*path, "/");
        length = strcspn(*path, "/");
        if (length != 1 || **path != '.')
            return length;
        ++*path;
    }
}

static bool is_up(const char *part, size_t length)
{
    return length == 2 && memcmp(part, "..", 2) == 0;
}

static bool add_part(char *out, size_t size, size_t *used, const char *part, size_t length)
{
    size_t slash = *used > 0;
    if (*used + slash + length + 1 > size)
        return false;
    if (slash)
        out[(*used)++] = '/';
    memcpy(out + *used, part, length);
    *used += length;
    out[*used] = '\0';
    return true;
}

/* Skips the folders that both begin with; then a ".." for each that is left of the root. */
static bool leave_root(char *out, size_t size, size_t *used, const char **path, const char *root)
{
    if (root[0] != '/')
        return false;
    for (;;) {
        size_t length = part_length(path), other = part_length(&root);
        if (length == 0 || length != other || memcmp(*path, root, length) != 0 || is_up(root, other))
            break;
        *path += length;
        root += other;
    }
    for (size_t length; (length = part_length(&root)) > 0; root += length)
        if (is_up(root, length) || !add_part(out, size, used, "..", 2))
            return false;
    return true;
}

bool labels_path(char *out, size_t size, const char *cell, const char *root)
{
    size_t used = 0, length = strlen(cell);
    out[0] = '\0';
    if (length == 0 || cell[length - 1] == '/')
        return false;
    if (cell[0] == '/' && !leave_root(out, size, &used, &cell, root))
        return false;
    for (; (length = part_length(&cell)) > 0; cell += length)
        if (!add_part(out, size, &used, cell, length))
            return false;
    return used > 0;
}

int labels_path_order(const char *a, const char *b)
{
    for (;;) {
        size_t m = strcspn(a, "/"), n = strcspn(b, "/");
        if (m == n && memcmp(a, b, m) == 0 && a[m] && b[n]) {
            a += m + 1;
            b += n + 1;
            continue;
        }
        if (!a[m] != !b[n])
            return a[m] ? 1 : -1;
        int order = memcmp(a, b, m < n ? m : n);
        return order ? order : m < n ? -1 : m > n;
    }
}
