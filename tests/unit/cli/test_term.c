#define _XOPEN_SOURCE 700
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "cli/shell/term.h"

/* The exit code of a child that runs `body`. A shell without job control lets what it starts aside ignore SIGINT; the
 * child does not inherit that. */
static int exit_code_of(void (*body)(void))
{
    int code;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        body();
        _exit(99);
    }
    assert_int_equal(waitpid(child, &code, 0), child);
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}

static void one_interrupt(void)
{
    signals_catch();
    if (signals_stop() || signals_exit_code() != 0)
        _exit(1);
    raise(SIGINT);
    _exit(signals_stop() ? signals_exit_code() : 2);
}

static void one_term(void)
{
    signals_catch();
    raise(SIGTERM);
    _exit(signals_exit_code());
}

static void interrupt_then_term(void)
{
    signals_catch();
    raise(SIGINT);
    raise(SIGTERM);
}

static void save_then_term(void)
{
    signals_catch();
    signals_catch_save();
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGTERM);
    _exit(signals_stop() ? signals_exit_code() : 2);
}

static void ignored_interrupt(void)
{
    signal(SIGINT, SIG_IGN);
    signals_catch();
    raise(SIGINT);
    _exit(signals_stop() ? 1 : 0);
}

static void the_first_signal_asks_and_the_second_leaves(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(one_interrupt), 130);
    assert_int_equal(exit_code_of(one_term), 143);
    assert_int_equal(exit_code_of(interrupt_then_term), 143);
    assert_int_equal(exit_code_of(save_then_term), 75);
    assert_int_equal(exit_code_of(ignored_interrupt), 0);
}

/* What `body` writes on a stderr that is a terminal of 50 columns; as long as it fits the terminal's buffer. */
static void on_terminal(char *out, size_t size, void (*body)(void))
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY), kept = dup(STDERR_FILENO);
    struct winsize window = {.ws_row = 24, .ws_col = 50};
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &window), 0);
    dup2(slave, STDERR_FILENO);
    body();
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    /* The kernel hands the text over in its own time, in pieces. */
    struct pollfd reader = {.fd = master, .events = POLLIN};
    size_t length = 0;
    for (ssize_t got; length < size - 1 && poll(&reader, 1, 200) == 1; length += (size_t)got)
        if ((got = read(master, out + length, size - 1 - length)) <= 0)
            break;
    out[length] = '\0';
    close(slave);
    close(master);
}

static struct progress now_visible(const char *label, size_t total)
{
    struct progress progress;
    progress_start(&progress, label, "photos", total);
    progress.started -= 10; /* ten seconds ago */
    progress.drawn -= 10;
    return progress;
}

static void draw_once_and_remark(void)
{
    struct progress progress = now_visible("epoch 1/4", 40);
    progress_update(&progress, 10, "loss 0.5");
    progress_update(&progress, 11, "loss 0.4"); /* too soon: not drawn */
    remark("a\nremark");
    progress_end(&progress);
}

static void draw_what_is_left(void)
{
    struct progress progress = now_visible("scan", 40);
    progress.unit = NULL;
    progress_update(&progress, 36, NULL); /* in ten seconds or a little more, so that 10/9 are left */
    progress_end(&progress);
}

static void short_work(void)
{
    struct progress progress;
    progress_start(&progress, "scan", NULL, 10);
    for (size_t i = 0; i <= 10; i++)
        progress_update(&progress, i, NULL);
    progress_end(&progress);
}

static void a_terminal_shows_progress(void **state)
{
    (void)state;
    char text[1024];
    setenv("TERM", "xterm", 1);
    on_terminal(text, sizeof text, draw_once_and_remark);
    assert_string_equal(text, "\r\033[Kepoch 1/4  10/40  loss 0.5  0:30 left\r\033[Ka\\nremark\r\n");
    on_terminal(text, sizeof text, draw_what_is_left);
    assert_string_equal(text, "\r\033[Kscan  36/40 [==============> ]  0:01 left\r\033[K");
    on_terminal(text, sizeof text, short_work);
    assert_string_equal(text, "");
    setenv("TERM", "dumb", 1);
    on_terminal(text, sizeof text, draw_once_and_remark);
    assert_string_equal(text, "a\\nremark\r\n");
}

static void styles(void)
{
    fprintf(stderr, "%sx", term_style(TERM_RED));
}

static void color_only_where_it_is_wanted(void **state)
{
    (void)state;
    char text[64];
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    on_terminal(text, sizeof text, styles);
    assert_string_equal(text, "\033[31mx");
    setenv("NO_COLOR", "1", 1);
    on_terminal(text, sizeof text, styles);
    assert_string_equal(text, "x");
    setenv("NO_COLOR", "", 1);
    on_terminal(text, sizeof text, styles);
    assert_string_equal(text, "\033[31mx");
}

static void the_width_is_known_or_80(void **state)
{
    (void)state;
    static const struct {
        const char *columns;
        int width;
    } cases[] = {{NULL, 80}, {"", 80},   {"x", 80},    {"0", 80},    {"-5", 80},
                 {"10", 40}, {"60", 60}, {"400", 400}, {"1000", 400}};
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cases[i].columns ? setenv("COLUMNS", cases[i].columns, 1) : unsetenv("COLUMNS"), 0);
        assert_int_equal(term_width(file), cases[i].width);
    }
    unsetenv("COLUMNS");
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_asks_and_the_second_leaves),
        cmocka_unit_test(a_terminal_shows_progress),
        cmocka_unit_test(color_only_where_it_is_wanted),
        cmocka_unit_test(the_width_is_known_or_80),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
