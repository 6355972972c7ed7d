/* child.c: see child.h. */
#include "process/child.h"

#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX (1 << 20) /* a program that says more than this is cut off, not stored */
#define REPORT_FD 9        /* the launcher's number for it */
#define HAND_ON_FD 3       /* the first of the program's two */

volatile sig_atomic_t child_interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    child_interrupted = 1;
}

void child_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* The measured programs get a small, fixed environment: a MALLOC_ or ASHLAR_CONF variable of the
 * user's shell would change one contender and not be seen in the result. */
static struct words clean_env(char *const *more)
{
    static const char *const kept[] = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"};
    struct words env = {0};

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const char *value = getenv(kept[i]);

        if (value != NULL) {
            char *entry = text_format("%s=%s", kept[i], value);

            words_add(&env, entry);
            free(entry);
        }
    }
    words_add(&env, "LC_ALL=C");
    words_add_all(&env, more);
    return env;
}

static void add_option(struct words *argv, const char *option, char *value)
{
    words_add(argv, option);
    words_add(argv, value);
    free(value);
}

static struct words launcher_argv(const struct child_order *order)
{
    struct words argv = {0};
    char *launcher = place_of("ashlar-launch");

    words_add(&argv, launcher);
    free(launcher);
    add_option(&argv, "--report-fd", text_format("%d", REPORT_FD));
    add_option(&argv, "--pad", text_format("%u", order->pad_bytes));
    add_option(&argv, "--timeout-ms", text_format("%llu", (unsigned long long)order->timeout_ms));
    add_option(&argv, "--parent", text_format("%d", (int)getpid()));
    if (order->memory_mib > 0)
        add_option(&argv, "--memory-mib",
                   text_format("%llu", (unsigned long long)order->memory_mib));
    if (order->cpu != NULL)
        add_option(&argv, "--cpu", text_format("%d", *order->cpu));
    if (order->preload != NULL)
        add_option(&argv, "--preload", text_copy(order->preload));
    if (order->preload_as != NULL)
        add_option(&argv, "--preload-as", text_copy(order->preload_as));
    if (!order->randomise)
        words_add(&argv, "--no-aslr");
    if (order->count)
        words_add(&argv, "--count");
    if (order->trace)
        words_add(&argv, "--syscalls");
    words_add(&argv, "--");
    words_add_all(&argv, order->argv);
    return argv;
}

static int spawn_launcher(struct child *child, const struct child_order *order, int ends[3])
{
    static const int numbers[3] = {1, 2, REPORT_FD};
    struct words argv = launcher_argv(order);
    struct words env = clean_env(order->env);
    posix_spawn_file_actions_t actions;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, ends[i], numbers[i]);
    for (int i = 0; order->hand_on != NULL && i < 2; i++)
        posix_spawn_file_actions_adddup2(&actions, order->hand_on[i], HAND_ON_FD + i);
    error = posix_spawn(&child->launcher, argv.at[0], &actions, NULL, argv.at, env.at);
    posix_spawn_file_actions_destroy(&actions);
    words_free(&argv);
    words_free(&env);
    return error;
}

bool child_start(struct child *child, const struct child_order *order, struct failure *why)
{
    int ends[3] = {-1, -1, -1};
    int error = 0;

    memset(child, 0, sizeof *child);
    for (int i = 0; i < 3; i++)
        child->fd[i] = -1;
    for (int i = 0; i < 3 && error == 0; i++) {
        int pair[2];

        if (pipe2(pair, O_CLOEXEC) != 0) {
            error = errno;
            break;
        }
        child->fd[i] = pair[0];
        /* Above the numbers that the launcher uses, so that no dup2 treads on another. */
        ends[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, REPORT_FD + 1);
        close(pair[1]);
        child->text[i] = text_alloc(TEXT_MAX + 1, 1);
    }
    if (error == 0)
        error = spawn_launcher(child, order, ends);
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    if (error != 0) {
        child->launcher = 0;
        child_free(child);
        return fail(why, EXIT_USAGE, "cannot start %s/ashlar-launch (%s); run make", place_home(),
                    strerror(error));
    }
    return true;
}

/* Takes what is there; closes at the end of the stream. What is above TEXT_MAX is read and dropped,
 * so that the program does not block. */
static void take(struct child *child, int i)
{
    char rest[4096];
    size_t room = TEXT_MAX - child->len[i];
    ssize_t got = room > 0 ? read(child->fd[i], child->text[i] + child->len[i], room)
                           : read(child->fd[i], rest, sizeof rest);

    if (got > 0 && room > 0)
        child->len[i] += (size_t)got;
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
        close(child->fd[i]);
        child->fd[i] = -1;
    }
}

/* The launcher has ended: what is left in the pipes is all that will be counted. A process that the
 * program left behind may still hold them open, so nothing waits for their end. */
static void drain(struct child *child)
{
    for (int i = 0; i < 3; i++) {
        if (child->fd[i] < 0)
            continue;
        fcntl(child->fd[i], F_SETFL, O_NONBLOCK);
        for (size_t before = SIZE_MAX; child->fd[i] >= 0 && before != child->len[i];) {
            before = child->len[i];
            take(child, i);
        }
        if (child->fd[i] >= 0)
            close(child->fd[i]);
        child->fd[i] = -1;
    }
}

static void read_report(struct child *child)
{
    const char *exec_error = "";
    int timed_out = 0, stopped = 0;
    json_int_t wall_ns = 0, oom_kills = 0;

    child->fate = FATE_NOT_RUN;
    child->report = json_loads(child->text[CHILD_REPORT], 0, NULL);
    if (child->report == NULL ||
        json_unpack(child->report, "{s:i,s:i,s:b,s:b,s:s,s:I,s:I}", "exit", &child->exit, "signal",
                    &child->signal, "timed_out", &timed_out, "stopped", &stopped, "exec_error",
                    &exec_error, "wall_ns", &wall_ns, "oom_kills", &oom_kills) != 0) {
        snprintf(child->why, sizeof child->why, "the launcher gave no report: %.180s",
                 child->text[CHILD_ERR]);
        return;
    }
    child->wall_ns = (uint64_t)wall_ns;
    if (exec_error[0] != '\0')
        snprintf(child->why, sizeof child->why, "%s", exec_error);
    else if (stopped)
        child->fate = FATE_STOPPED;
    else if (timed_out)
        child->fate = FATE_TIMEOUT;
    else if (child->signal == SIGKILL && oom_kills > 0)
        child->fate = FATE_OOM_KILL;
    else
        child->fate = child->signal != 0 ? FATE_SIGNALED : FATE_EXITED;
}

/* A NUL in what a program printed would hide what stands behind it: a line of JSON with garbage
 * after it would look whole. */
static void show_nuls(struct child *child, int i)
{
    for (size_t at = 0; at < child->len[i]; at++)
        if (child->text[i][at] == '\0')
            child->text[i][at] = '?';
}

static void finish(struct child *child)
{
    int status;

    if (child_interrupted)
        kill(child->launcher, SIGTERM);
    while (waitpid(child->launcher, &status, 0) < 0 && errno == EINTR)
        if (child_interrupted)
            kill(child->launcher, SIGTERM);
    child->launcher = 0;
    drain(child);
    show_nuls(child, CHILD_OUT);
    show_nuls(child, CHILD_ERR);
    read_report(child);
    if (child_interrupted)
        child->fate = FATE_STOPPED;
}

size_t child_wait_any(struct child **children, size_t count)
{
    struct pollfd *polled = text_alloc(3 * count, sizeof *polled);

    for (;;) {
        for (size_t i = 0; i < count; i++) {
            bool ended = child_interrupted || children[i]->fd[CHILD_REPORT] < 0;

            if (children[i]->launcher != 0 && ended) {
                finish(children[i]);
                free(polled);
                return i;
            }
        }
        for (size_t i = 0; i < 3 * count; i++)
            polled[i] = (struct pollfd){.fd = children[i / 3]->fd[i % 3], .events = POLLIN};
        /* The time-out closes the gap between the test of child_interrupted and the poll. */
        if (poll(polled, 3 * count, 500) <= 0)
            continue;
        for (size_t i = 0; i < 3 * count; i++)
            if (polled[i].fd >= 0 && polled[i].revents != 0)
                take(children[i / 3], (int)(i % 3));
    }
}

bool child_wait_for(struct child *child, int extra_fd, int wait_ms)
{
    struct pollfd polled[4] = {{.fd = extra_fd, .events = POLLIN}};

    for (int i = 0; i < 3; i++)
        polled[i + 1] = (struct pollfd){.fd = child->fd[i], .events = POLLIN};
    if (poll(polled, 4, wait_ms) > 0)
        for (int i = 0; i < 3; i++)
            if (polled[i + 1].fd >= 0 && polled[i + 1].revents != 0)
                take(child, i);
    if (!child_interrupted && child->fd[CHILD_REPORT] >= 0)
        return false;
    finish(child);
    return true;
}

bool child_run(struct child *child, const struct child_order *order, struct failure *why)
{
    struct child *one = child;

    if (!child_start(child, order, why))
        return false;
    child_wait_any(&one, 1);
    return true;
}

void child_stop(struct child *child)
{
    struct child *one = child;

    kill(child->launcher, SIGTERM);
    child_wait_any(&one, 1);
    child_free(child);
}

void child_free(struct child *child)
{
    for (int i = 0; i < 3; i++) {
        if (child->fd[i] >= 0)
            close(child->fd[i]);
        child->fd[i] = -1;
        free(child->text[i]);
        child->text[i] = NULL;
    }
    json_decref(child->report);
    child->report = NULL;
}
