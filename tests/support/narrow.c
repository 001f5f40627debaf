#define _GNU_SOURCE
#include "tests/support/narrow.h"

#include "tests/support/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ops/cpu.h"
#include "tests/support/emulator.h"

/* Where this program is: the file that an emulator shows as /proc/self/exe is another one to the system. */
static bool self_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static int run(const char *set, int output)
{
    char self[512];
    pid_t child = fork();
    if (child == 0) {
        setenv("FREEZETUNE_CPU", set, 1);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        if (emulator() && self_path(self, sizeof self))
            execl(emulator(), "narrowed", self, (char *)NULL);
        else
            execl("/proc/self/exe", "narrowed", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

int narrow_runs(int *runs)
{
    int failed = 0;
    *runs = 0;
    if (getenv("FREEZETUNE_CPU"))
        return 0;
    int sets = (int)cpu_set_get(), ways = (int)cpu_bf16_had(); /* to multiply bfloat16 within the widest set */
    for (int i = 0; i <= sets + ways; i++) {
        const char *name = i <= sets ? cpu_set_name((enum cpu_set)i) : cpu_bf16_name((enum cpu_bf16)(i - sets));
        if (i - sets == (int)cpu_bf16())
            continue;
        FILE *output = tmpfile();
        int status = output ? run(name, fileno(output)) : -1;
        ++*runs;
        failed += status != 0;
        if (status != 0 && output) {
            char line[1024];
            rewind(output);
            while (fgets(line, sizeof line, output))
                fprintf(stderr, "%s: %s", name, line);
        }
        if (output)
            fclose(output);
    }
    return failed;
}

void narrow_test(void **state)
{
    (void)state;
    int runs;
    assert_int_equal(narrow_runs(&runs), 0);
    print_message("# %d narrower instruction sets\n", runs);
}
