#define _GNU_SOURCE
#include "tests/faults/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int armed = -1;       /* the kind that is counted; -1: none */
static atomic_long calls;           /* of that kind so far */
static atomic_long victim, victims; /* the first that fails, and how many do */
static atomic_int failure;          /* their errno */
static atomic_long allocations;
static const char *names[FAULTS_NAMED]; /* of the calls */

/* Where calls come from, with the first and the last of them. */
enum { PLACES_MOST = 512 };
static struct {
    const void *code;
    long first, last;
} places[PLACES_MOST];
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;

void faults_arm_many(enum fault_kind kind, long n, long count, int error)
{
    atomic_store(&calls, 0);
    atomic_store(&victim, n);
    atomic_store(&victims, count);
    atomic_store(&failure, error);
    atomic_store(&armed, (int)kind);
}

void faults_arm(enum fault_kind kind, long n)
{
    faults_arm_many(kind, n, 1, kind == FAULT_MEMORY ? ENOMEM : EREMOTEIO);
}

long faults_disarm(void)
{
    atomic_store(&armed, -1);
    return atomic_load(&calls);
}

const char *faults_call_name(long n)
{
    return n >= 1 && n <= FAULTS_NAMED && n <= atomic_load(&calls) ? names[n - 1] : NULL;
}

long faults_allocations(void)
{
    return atomic_load(&allocations);
}

static void note_place(const void *code, long number)
{
    size_t i = 0;
    pthread_mutex_lock(&places_lock);
    while (i < PLACES_MOST && places[i].code && places[i].code != code)
        i++;
    if (i < PLACES_MOST) {
        places[i].first = places[i].code ? places[i].first : number;
        places[i].code = code;
        places[i].last = number;
    }
    pthread_mutex_unlock(&places_lock);
}

/* Whether this call is the one. `code`: where it returns to. */
static bool is_due(enum fault_kind kind, const char *name, const void *code)
{
    if (atomic_load(&armed) != (int)kind)
        return false;
    long number = atomic_fetch_add(&calls, 1), past = number + 1 - atomic_load(&victim);
    if (number < FAULTS_NAMED)
        names[number] = name;
    note_place(code, number + 1);
    if (atomic_load(&victim) == 0 || past < 0 || past >= atomic_load(&victims))
        return false;
    errno = atomic_load(&failure);
    return true;
}

/* In __wrap_NAME. */
#define due(kind) is_due(kind, __func__ + sizeof "__wrap_" - 1, __builtin_return_address(0))

/* The waits between two tries (core/base/retry.h) are not what is tested: while calls fail they take no time. */
int __real_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
    return atomic_load(&armed) < 0 ? __real_nanosleep(wanted, left) : 0;
}

static bool no_memory(const void *code)
{
    atomic_fetch_add(&allocations, 1);
    return is_due(FAULT_MEMORY, "an allocation", code);
}

__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *text = getenv("FREEZETUNE_FAULT");
    if (!text)
        return;
    const char *number = strchr(text, ':');
    enum fault_kind kind = text[0] == 'm' ? FAULT_MEMORY : text[0] == 'l' ? FAULT_LOOKS : FAULT_FILES;
    faults_arm(kind, number ? atol(number + 1) : 0);
}

__attribute__((destructor)) static void tell_calls(void)
{
    const char *path = getenv("FREEZETUNE_FAULT_CALLS");
    long count = faults_disarm();
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", count);
        for (size_t i = 0; i < PLACES_MOST && places[i].code; i++)
            fprintf(file, "%ld %ld\n", places[i].first, places[i].last);
        fclose(file);
    }
}

/* ---- what the linker puts in the place of the real ones ---------------------------------------------------------- */

/* The prototypes of both, and the body: WRAPPED(type, name, (parameters)) { ... REAL(name)(...) ... } */
#define REAL(name) __real_##name
#define WRAPPED(type, name, parameters)                                                                                \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

WRAPPED(void *, malloc, (size_t size))
{
    return no_memory(__builtin_return_address(0)) ? NULL : REAL(malloc)(size);
}

WRAPPED(void *, calloc, (size_t count, size_t size))
{
    return no_memory(__builtin_return_address(0)) ? NULL : REAL(calloc)(count, size);
}

WRAPPED(void *, realloc, (void *block, size_t size))
{
    return no_memory(__builtin_return_address(0)) ? NULL : REAL(realloc)(block, size);
}

WRAPPED(void *, aligned_alloc, (size_t alignment, size_t size))
{
    return no_memory(__builtin_return_address(0)) ? NULL : REAL(aligned_alloc)(alignment, size);
}

WRAPPED(int, pthread_create,
        (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument))
{
    return due(FAULT_MEMORY) ? EAGAIN : REAL(pthread_create)(thread, attributes, start, argument);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return due(FAULT_FILES) ? -1 : REAL(open)(path, flags, mode);
}

WRAPPED(ssize_t, read, (int fd, void *bytes, size_t size))
{
    return due(FAULT_FILES) ? -1 : REAL(read)(fd, bytes, size);
}

WRAPPED(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at))
{
    return due(FAULT_FILES) ? -1 : REAL(pread)(fd, bytes, size, at);
}

/* Half of it is written, and nothing of the other half: a disk that is full. */
WRAPPED(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at))
{
    static atomic_int full = -1;
    int expected = fd;
    if (atomic_compare_exchange_strong(&full, &expected, -1)) {
        errno = ENOSPC;
        return -1;
    }
    if (due(FAULT_FILES)) {
        atomic_store(&full, fd);
        size /= 2;
    }
    return REAL(pwrite)(fd, bytes, size, at);
}

static void pause_for_test(void);

/* FREEZETUNE_NO_LOCKS: as on a share without them. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *); /* of all that is called here */
    va_end(rest);
    if (command == F_OFD_SETLK)
        pause_for_test();
    if (command == F_OFD_SETLK && getenv("FREEZETUNE_NO_LOCKS")) {
        errno = ENOLCK;
        return -1;
    }
    return due(FAULT_FILES) ? -1 : REAL(fcntl)(fd, command, argument);
}

WRAPPED(int, stat, (const char *path, struct stat *info))
{
    return due(FAULT_LOOKS) ? -1 : REAL(stat)(path, info);
}

WRAPPED(int, fstat, (int fd, struct stat *info))
{
    return due(FAULT_FILES) ? -1 : REAL(fstat)(fd, info);
}

WRAPPED(void *, mmap, (void *address, size_t size, int protection, int flags, int fd, off_t at))
{
    return due(FAULT_FILES) ? MAP_FAILED : REAL(mmap)(address, size, protection, flags, fd, at);
}

WRAPPED(DIR *, opendir, (const char *path))
{
    return due(FAULT_FILES) ? NULL : REAL(opendir)(path);
}

WRAPPED(struct dirent *, readdir, (DIR * folder))
{
    return due(FAULT_FILES) ? NULL : REAL(readdir)(folder);
}

WRAPPED(char *, realpath, (const char *path, char *resolved))
{
    return due(FAULT_FILES) ? NULL : REAL(realpath)(path, resolved);
}

WRAPPED(int, mkdir, (const char *path, mode_t mode))
{
    return due(FAULT_FILES) ? -1 : REAL(mkdir)(path, mode);
}

WRAPPED(char *, mkdtemp, (char *path))
{
    return due(FAULT_FILES) ? NULL : REAL(mkdtemp)(path);
}

WRAPPED(int, chmod, (const char *path, mode_t mode))
{
    return due(FAULT_FILES) ? -1 : REAL(chmod)(path, mode);
}

WRAPPED(FILE *, fopen, (const char *path, const char *mode))
{
    return due(FAULT_FILES) ? NULL : REAL(fopen)(path, mode);
}

WRAPPED(int, mkostemps, (char *path, int suffix, int flags))
{
    return due(FAULT_FILES) ? -1 : REAL(mkostemps)(path, suffix, flags);
}

WRAPPED(int, fchmod, (int fd, mode_t mode))
{
    return due(FAULT_FILES) ? -1 : REAL(fchmod)(fd, mode);
}

WRAPPED(FILE *, fdopen, (int fd, const char *mode))
{
    return due(FAULT_FILES) ? NULL : REAL(fdopen)(fd, mode);
}

/* As a real failure does: ferror() says so from now on. The flag is glibc's _IO_ERR_SEEN. */
static void mark_failed(FILE *stream)
{
    if (stream)
        stream->_flags |= 0x20;
}

/* Half of it is written: a disk that is full. */
WRAPPED(size_t, fwrite, (const void *bytes, size_t size, size_t count, FILE *stream))
{
    if (!due(FAULT_FILES))
        return REAL(fwrite)(bytes, size, count, stream);
    size_t written = REAL(fwrite)(bytes, size, count / 2, stream);
    mark_failed(stream);
    errno = ENOSPC;
    return written;
}

WRAPPED(int, fflush, (FILE * stream))
{
    if (!due(FAULT_FILES))
        return REAL(fflush)(stream);
    mark_failed(stream);
    return EOF;
}

WRAPPED(int, fsync, (int fd))
{
    return due(FAULT_FILES) ? -1 : REAL(fsync)(fd);
}

WRAPPED(int, fseeko, (FILE * stream, off_t at, int from))
{
    return due(FAULT_FILES) ? -1 : REAL(fseeko)(stream, at, from);
}

WRAPPED(int, ftruncate, (int fd, off_t size))
{
    return due(FAULT_FILES) ? -1 : REAL(ftruncate)(fd, size);
}

/* The stream is gone in both cases. */
WRAPPED(int, fclose, (FILE * stream))
{
    bool fails = due(FAULT_FILES);
    int result = REAL(fclose)(stream);
    errno = fails ? EIO : errno;
    return fails ? EOF : result;
}

/* FREEZETUNE_PAUSE=FILE: the first lock makes FILE.reached and waits for FILE, so that a test does something between
 * what was looked at before the lock and the lock. */
static void pause_for_test(void)
{
    static atomic_flag paused = ATOMIC_FLAG_INIT;
    const char *path = getenv("FREEZETUNE_PAUSE");
    char reached[4096];
    if (!path || atomic_flag_test_and_set(&paused))
        return;
    snprintf(reached, sizeof reached, "%s.reached", path);
    FILE *file = REAL(fopen)(reached, "w");
    if (file)
        REAL(fclose)(file);
    while (access(path, F_OK) != 0)
        __real_nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

WRAPPED(int, rename, (const char *from, const char *to))
{
    return due(FAULT_FILES) ? -1 : REAL(rename)(from, to);
}
