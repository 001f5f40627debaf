/* From the command line to a command and back to an exit code. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/shell/completion.h"
#include "cli/shell/group.h"
#include "cli/shell/help.h"
#include "cli/shell/progress.h"
#include "cli/shell/signals.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"
#include "core/base/descriptors.h"
#include "core/base/text.h"
#include "core/ops/blas.h"

enum { EXIT_READER_GONE = 141 }; /* what a shell shows for SIGPIPE */

/* A standard stream that was closed by the caller would hand its number to the next file that is opened, and results
 * would land in it. The closed ones get a descriptor on which the use that they are for fails. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
}

/* OpenBLAS starts a thread for each processor when it is loaded. Ours never use them; each asks for a large buffer, and
 * where there is no memory for it the process hangs when it ends. OpenBLAS reads its environment once: later than now
 * where blas_open loads it, and before main in a build that links it, so that the program begins again with the right
 * one. Where that cannot be done all goes on as it is. */
static void without_blas_threads(char **argv)
{
    static const char name[] = "OPENBLAS_NUM_THREADS";
    const char *set = getenv(name);
    if ((!set || strcmp(set, "1") != 0) && setenv(name, "1", 1) == 0 && blas_linked())
        execv("/proc/self/exe", argv);
}

/* One line on stderr: "freezetune train: ...". Of several processes rank 0 tells the error of all. */
static int report(const char *command, const struct error *err)
{
    char safe[4 * sizeof err->text + 4];
    if (group_peers()->rank > 0)
        return (int)err->status;
    progress_clear();
    text_printable(safe, sizeof safe, err->text[0] ? err->text : "failed without saying why");
    fprintf(stderr, "%sfreezetune%s%s:%s ", term_style(TERM_RED), command ? " " : "", command ? command : "",
            term_style(TERM_PLAIN));
    text_wrap(stderr, safe,
              (struct wrap){.width = term_limit(stderr),
                            .column = strlen("freezetune: ") + (command ? strlen(command) + 1 : 0),
                            .indent = 2});
    putc('\n', stderr);
    return (int)err->status;
}

static bool reader_gone(void)
{
    struct pollfd stream = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&stream, 1, 0) == 1 && (stream.revents & (POLLERR | POLLHUP));
}

/* The last act of every command: was everything that it printed taken? */
static int finish_stdout(const char *command, int code)
{
    struct error err;
    errno = 0;
    bool flushed = fflush(stdout) == 0;
    int reason = errno;
    bool failed = !flushed || ferror(stdout);
    if (failed && (reason == EPIPE || reader_gone()))
        return code ? code : EXIT_READER_GONE;
    if (!failed && close(STDOUT_FILENO) != 0 && errno != EBADF) {
        failed = true;
        reason = errno;
    }
    if (!failed)
        return code;
    error_set(&err, ERR_IO, "stdout: the results could not be written: %s", reason ? strerror(reason) : "write error");
    report(command, &err);
    return code ? code : ERR_IO;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static const char *command_name_at(const void *context, size_t i)
{
    (void)context;
    return commands[i]->name;
}

static int unknown_command(const char *name)
{
    struct error err;
    size_t count = 0;
    while (commands[count])
        count++;
    const char *meant = name_nearest(name, command_name_at, NULL, count);
    if (meant)
        error_set(&err, ERR_USAGE, "unknown command %s: did you mean %s?", name, meant);
    else
        error_set(&err, ERR_USAGE, "unknown command %s: freezetune --help lists them", name);
    return report(NULL, &err);
}

static enum status check_group(const struct command *command, struct error *err)
{
    size_t count = group_peers()->count;
    if (count == 1 || command->shared)
        return OK;
    return error_set(err, ERR_USAGE, "%zu processes can only train: start it as one process", count);
}

static int run(const struct command *command, int argc, const char *const *argv)
{
    struct arguments args;
    struct error err = {.status = OK};
    enum status status = arguments_parse(&args, command, argc, argv, &err);
    if (status == OK)
        status = check_group(command, &err);
    if (status == OK && !args.help)
        status = descriptors_plan(&err);
    status = peers_settle(group_peers(), status, &err);
    if (status == OK && args.help)
        command_help(stdout, command, term_width(stdout));
    else if (status == OK)
        status = command->run(&args, &err);
    arguments_free(&args);
    status = peers_settle(group_peers(), status, &err);
    if (status == ERR_NO && !err.text[0])
        return ERR_NO; /* the answer was printed */
    if (status != OK) {
        err.status = status;
        return report(command->name, &err);
    }
    return signals_exit_code();
}

/* --completion SHELL, --completion=SHELL */
static int print_completion(const char *shell)
{
    struct error err;
    if (shell && completion_print(stdout, shell, commands))
        return finish_stdout(NULL, OK);
    error_set(&err, ERR_USAGE, "--completion %s: must be bash, zsh or fish", shell ? shell : "without a shell");
    return report(NULL, &err);
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        program_help(stderr, commands, term_width(stderr));
        return ERR_USAGE;
    }
    const char *const *rest = (const char *const *)argv + 2;
    if (strcmp(name, "--version") == 0) {
        program_version(stdout);
        return finish_stdout(NULL, OK);
    }
    if (strcmp(name, "--completion") == 0)
        return print_completion(argv[2]);
    if (strncmp(name, "--completion=", 13) == 0)
        return print_completion(name + 13);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        program_help(stdout, commands, term_width(stdout));
        return finish_stdout(NULL, OK);
    }
    bool help = strcmp(name, "help") == 0;
    const struct command *command = find_command(help ? argv[2] : name);
    if (!command)
        return unknown_command(help ? argv[2] : name);
    if (help) {
        command_help(stdout, command, term_width(stdout));
        return finish_stdout(command->name, OK);
    }
    return finish_stdout(command->name, run(command, argc - 2, rest));
}

int main(int argc, char **argv)
{
    without_blas_threads(argv);
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a run must not die because a reader left; finish_stdout sees to it */
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of writing like a full disk */
    group_open(&argc, &argv);
    return group_close(dispatch(argc, argv));
}
