/* Names of glibc that Debian's archives ask for and musl does not have: what _FORTIFY_SOURCE makes of printf and its
 * kind, and the sets of processors of OpenBLAS. check_musl.sh alone links this, into a program made to be compared. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __printf_chk(int flag, const char *format, ...);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);
int __snprintf_chk(char *to, size_t most, int flag, size_t room, const char *format, ...);
char *__strcat_chk(char *to, const char *from, size_t room);
void *__memcpy_chk(void *to, const void *from, size_t count, size_t room);
void *__sched_cpualloc(size_t processors);
void __sched_cpufree(void *set);

int __printf_chk(int flag, const char *format, ...)
{
    (void)flag;
    va_list list;
    va_start(list, format);
    int written = vprintf(format, list);
    va_end(list);
    return written;
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    (void)flag;
    va_list list;
    va_start(list, format);
    int written = vfprintf(file, format, list);
    va_end(list);
    return written;
}

int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...)
{
    (void)flag;
    va_list list;
    va_start(list, format);
    int written = vsnprintf(to, room, format, list);
    va_end(list);
    return written;
}

int __snprintf_chk(char *to, size_t most, int flag, size_t room, const char *format, ...)
{
    (void)flag;
    va_list list;
    va_start(list, format);
    int written = vsnprintf(to, most < room ? most : room, format, list);
    va_end(list);
    return written;
}

char *__strcat_chk(char *to, const char *from, size_t room)
{
    if (strlen(to) + strlen(from) >= room)
        abort();
    return strcat(to, from);
}

void *__memcpy_chk(void *to, const void *from, size_t count, size_t room)
{
    if (count > room)
        abort();
    return memcpy(to, from, count);
}

void *__sched_cpualloc(size_t processors)
{
    return calloc((processors + 63) / 64, 8);
}

void __sched_cpufree(void *set)
{
    free(set);
}
