#define _GNU_SOURCE
#include "cli/shell/download.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "core/base/file.h"
#include "core/base/file_map.h"
#include "core/base/memory.h"
#include "core/base/sha256.h"

enum { TOOL_PATH = 4096, ARGUMENTS_MOST = 24, NO_TOOL = 127 };

struct tool {
    bool wget;
    char path[TOOL_PATH];
};

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

static bool find_on_path(char out[TOOL_PATH], const char *name)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        struct stat info;
        int used = snprintf(out, TOOL_PATH, "%.*s/%s", (int)(length < TOOL_PATH ? length : TOOL_PATH), path, name);
        if (length > 0 && used < TOOL_PATH && stat(out, &info) == 0 && S_ISREG(info.st_mode) && access(out, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static bool find_tool(struct tool *out)
{
    out->wget = false;
    if (find_on_path(out->path, "curl"))
        return true;
    out->wget = true;
    return find_on_path(out->path, "wget");
}

/* Both give up on a server that says nothing for a minute. */
static void put_arguments(const char *argv[ARGUMENTS_MOST], const struct tool *tool, const char *url, const char *part,
                          bool go_on)
{
    static const char *const curl[] = {"-fL",          "-g", "--connect-timeout", "20", "--speed-limit", "1",
                                       "--speed-time", "60", "--retry",           "2"};
    static const char *const wget[] = {"--timeout=60", "--tries=2"};
    bool person = isatty(STDERR_FILENO);
    size_t n = 0;
    argv[n++] = tool->wget ? "wget" : "curl";
    for (size_t i = 0; !tool->wget && i < sizeof curl / sizeof *curl; i++)
        argv[n++] = curl[i];
    for (size_t i = 0; tool->wget && i < sizeof wget / sizeof *wget; i++)
        argv[n++] = wget[i];
    if (tool->wget) {
        argv[n++] = "-q";
        if (person)
            argv[n++] = "--show-progress";
        if (go_on)
            argv[n++] = "-c";
        argv[n++] = "-O";
    } else {
        argv[n++] = person && remarks_shown() ? "--progress-bar" : "-s";
        if (go_on) {
            argv[n++] = "-C";
            argv[n++] = "-";
        }
        argv[n++] = "-o";
    }
    argv[n++] = part;
    argv[n++] = url;
    argv[n] = NULL;
}

/* In the new process. */
static void become(const struct tool *tool, const char *const *argv)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for our results */
    execv(tool->path, (char *const *)argv);
    _exit(NO_TOOL);
}

/* Waits for the end of the process, which a signal to this one ends too. Returns what waitpid says of it. */
static int await(pid_t child)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    int state = 0;
    bool told = false;
    while (true) {
        pid_t ended = waitpid(child, &state, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return state;
        if (signals_stop() && !told) {
            kill(child, SIGTERM);
            told = true;
        }
        nanosleep(&moment, NULL);
    }
}

/* *code: the tool's exit code, or 128 + the signal that ended it. */
static enum status run_tool(int *code, const struct tool *tool, const char *url, const char *part, struct error *err)
{
    struct stat info;
    const char *argv[ARGUMENTS_MOST];
    put_arguments(argv, tool, url, part, stat(part, &info) == 0 && info.st_size > 0);
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return error_set(err, ERR_SYSTEM, "cannot run %s: %s", tool->path, strerror(errno));
    if (child == 0)
        become(tool, argv);
    int state = await(child);
    *code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return OK;
}

/* ---- what it says ------------------------------------------------------------------------------------------------ */

/* Exit codes of curl(1) and wget(1). */
struct meaning {
    int curl, wget; /* 0: none */
    enum status status;
    bool refused; /* what is there cannot be continued */
    const char *text;
};

static const struct meaning meanings[] = {
    {5, 4, ERR_NOINPUT, false, "no network, or the server does not answer"},
    {6, 0, ERR_NOINPUT, false, "no network, or the server does not answer"},
    {7, 0, ERR_NOINPUT, false, "no network, or the server does not answer"},
    {28, 0, ERR_NOINPUT, false, "no network, or the server does not answer"},
    {18, 0, ERR_NOINPUT, false, "the connection broke off; the next call goes on from there"},
    {52, 0, ERR_NOINPUT, false, "the connection broke off; the next call goes on from there"},
    {55, 0, ERR_NOINPUT, false, "the connection broke off; the next call goes on from there"},
    {56, 0, ERR_NOINPUT, false, "the connection broke off; the next call goes on from there"},
    {92, 0, ERR_NOINPUT, false, "the connection broke off; the next call goes on from there"},
    {22, 8, ERR_NOINPUT, true, "the server refuses it"},
    {33, 0, ERR_NOINPUT, true, "the server cannot continue a download"},
    {35, 5, ERR_NOINPUT, false,
     "the server's certificate cannot be verified (on Debian: apt-get install ca-certificates)"},
    {51, 0, ERR_NOINPUT, false,
     "the server's certificate cannot be verified (on Debian: apt-get install ca-certificates)"},
    {60, 0, ERR_NOINPUT, false,
     "the server's certificate cannot be verified (on Debian: apt-get install ca-certificates)"},
    {77, 0, ERR_NOINPUT, false,
     "the server's certificate cannot be verified (on Debian: apt-get install ca-certificates)"},
    {23, 3, ERR_CANTCREATE, false, "the file cannot be written (is the disk full?)"},
};

static const struct meaning *meaning_of(const struct tool *tool, int code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (code == (tool->wget ? meanings[i].wget : meanings[i].curl))
            return &meanings[i];
    return NULL;
}

static enum status explain(const struct tool *tool, int code, const char *url, struct error *err)
{
    const struct meaning *meaning = meaning_of(tool, code);
    if (meaning)
        return error_set(err, meaning->status, "cannot download %s: %s", url, meaning->text);
    return error_set(err, ERR_NOINPUT, "cannot download %s: %s ended with exit code %d", url,
                     tool->wget ? "wget" : "curl", code);
}

/* ---- the part ---------------------------------------------------------------------------------------------------- */

/* Opens FILE.part, which nobody else may write now. */
static enum status open_part(int *fd, const char *part, struct error *err)
{
    *fd = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
    if (*fd < 0)
        return error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s", part, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(*fd);
        *fd = -1;
        return error_set(err, ERR_CANTCREATE, "%s: another process is downloading it", part);
    }
    return OK;
}

enum status download_verify(bool *right, const char *file, const char *sha256, struct error *err)
{
    struct file_map map;
    char hex[65];
    *right = false;
    if (path_is_missing(file))
        return OK;
    enum status status = file_map_open(&map, file, err);
    if (status != OK)
        return status;
    status = sha256_file(hex, &map, err);
    file_map_close(&map);
    *right = status == OK && strncmp(hex, sha256, strlen(sha256)) == 0;
    return status;
}

/* Runs the tool, and says whether it all came; *refused: the server does not continue what is there. */
static enum status fill_part(bool *right, bool *refused, const struct tool *tool, const char *url, const char *part,
                             const char *sha256, struct error *err)
{
    int code = 0;
    enum status status = run_tool(&code, tool, url, part, err);
    const struct meaning *meaning = meaning_of(tool, code);
    *refused = meaning && meaning->refused;
    if (status != OK || signals_stop())
        return status;
    return code == 0 ? download_verify(right, part, sha256, err) : explain(tool, code, url, err);
}

static enum status refuse_without_tool(const char *url, struct error *err)
{
    return error_set(err, ERR_SYSTEM,
                     "cannot download %s: neither curl nor wget is here (on Debian: apt-get install curl)", url);
}

/* With the part open. Where what was there cannot be continued, or is part of something else, it begins once more. */
static enum status complete(bool *stopped, int fd, const char *url, const char *part, const char *file,
                            const char *sha256, struct error *err)
{
    struct tool tool;
    struct stat info;
    bool right, refused, continued = fstat(fd, &info) == 0 && info.st_size > 0;
    enum status status = download_verify(&right, part, sha256, err);
    if (status == OK && !right) {
        if (!find_tool(&tool))
            return refuse_without_tool(url, err);
        remark("downloading %s", url);
        status = fill_part(&right, &refused, &tool, url, part, sha256, err);
        if (continued && !signals_stop() && (status == OK ? !right : refused) && ftruncate(fd, 0) == 0)
            status = fill_part(&right, &refused, &tool, url, part, sha256, err);
        *stopped = !right && signals_stop();
    }
    if (status != OK || *stopped)
        return status;
    if (!right) {
        unlink(part);
        return error_set(err, ERR_DATA, "%s is not what was expected: its SHA-256 is not %s", url, sha256);
    }
    if (rename(part, file) != 0)
        return error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s", file, strerror(errno));
    return OK;
}

/* What stays of it. A folder that was made for nothing does not. */
static void close_part(int fd, const char *part, const char *folder, bool stopped)
{
    struct stat info;
    char bytes[NUMBER_TEXT];
    bool there = fstat(fd, &info) == 0 && info.st_nlink > 0;
    if (there && info.st_size == 0)
        unlink(part);
    else if (there && stopped)
        remark("stopped: %s of it are in %s; the same command goes on from there",
               number_bytes(bytes, (uint64_t)info.st_size), part);
    close(fd);
    rmdir(folder); /* only an empty one goes */
}

enum status download(bool *stopped, const char *url, const char *file, const char *sha256, struct error *err)
{
    char *folder = NULL, part[TOOL_PATH];
    const char *name;
    struct tool tool;
    int fd;
    *stopped = false;
    if (snprintf(part, sizeof part, "%s.part", file) >= (int)sizeof part)
        return error_set(err, ERR_CANTCREATE, "%.200s...: the name is too long", file);
    if (path_is_missing(part) && !find_tool(&tool))
        return refuse_without_tool(url, err);
    enum status status = path_split(&folder, &name, file, err);
    if (status == OK)
        status = folder_create(folder, err);
    if (status == OK)
        status = open_part(&fd, part, err);
    if (status == OK) {
        signals_catch();
        status = complete(stopped, fd, url, part, file, sha256, err);
        close_part(fd, part, folder, *stopped);
    }
    memory_free(folder);
    return status;
}
