/* peak_memory COMMAND...: runs it and prints the most memory that it had resident, in bytes, as the last line of
 * stdout. A command that fails is this one's failure. Built with a sanitizer, whose own memory would be counted, it
 * says "sanitizer" and runs nothing. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZER = 1 };
#elif defined(__has_feature)
enum { SANITIZER = __has_feature(address_sanitizer) };
#else
enum { SANITIZER = 0 };
#endif

int main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    if (argc < 2)
        return 64;
    if (SANITIZER) {
        puts("sanitizer");
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("peak_memory");
        return 71;
    }
    printf("%lld\n", (long long)usage.ru_maxrss * 1024);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
