/* command.c: see command.h. */
#include "process/command.h"

#include "base/text.h"
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks at the child: short for git's milliseconds, longer for a build's minutes. A
 * signal that comes just before the nap is seen after it. */
#define NAP_MIN_NS 500000L
#define NAP_MAX_NS 50000000L

/* How long a group may take to end after SIGTERM before it is killed. */
#define GRACE_MS 5000

static const char *const misleading[] = {
    "GIT_DIR=",        "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_OBJECT_DIRECTORY=",
    "GIT_COMMON_DIR=", "GIT_PREFIX=",    "GIT_NAMESPACE=",  "MAKEFLAGS=",
    "MFLAGS=",         "MAKELEVEL="};

extern char **environ;

static struct words honest_env(void)
{
    struct words env = {0};

    words_add(&env, "GIT_TERMINAL_PROMPT=0");
    for (char **entry = environ; *entry != NULL; entry++) {
        bool misleads = false;

        for (size_t i = 0; i < sizeof misleading / sizeof misleading[0]; i++)
            misleads = misleads || strncmp(*entry, misleading[i], strlen(misleading[i])) == 0;
        if (!misleads)
            words_add(&env, *entry);
    }
    return env;
}

/* ---- where its words go ---- */

/* Descriptors for stdout and stderr. */
struct streams {
    int out, err;
};

static bool open_streams(const struct command_order *order, struct streams *streams)
{
    if (order->log != NULL) {
        streams->out = open(order->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
        streams->err = streams->out >= 0 ? fcntl(streams->out, F_DUPFD_CLOEXEC, 3) : -1;
        return streams->err >= 0;
    }
    streams->out = memfd_create("out", MFD_CLOEXEC);
    streams->err = memfd_create("err", MFD_CLOEXEC);
    return streams->out >= 0 && streams->err >= 0;
}

static void close_streams(const struct streams *streams)
{
    if (streams->out >= 0)
        close(streams->out);
    if (streams->err >= 0)
        close(streams->err);
}

static char *text_of(const struct command_order *order, int fd)
{
    char *path, *text;

    if (order->log != NULL)
        return text_copy("");
    path = text_format("/proc/self/fd/%d", fd);
    text = text_of_file(path);
    free(path);
    return text != NULL ? text : text_copy("");
}

/* ---- the process ---- */

static int spawn(const struct command_order *order, const struct streams *streams, pid_t *pid)
{
    struct words env = honest_env();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, streams->out, 1);
    posix_spawn_file_actions_adddup2(&actions, streams->err, 2);
    if (order->dir != NULL)
        posix_spawn_file_actions_addchdir_np(&actions, order->dir);
    error = posix_spawnp(pid, order->argv[0], &actions, &attributes, order->argv, env.at);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    words_free(&env);
    return error;
}

static void nap(long ns)
{
    struct timespec time = {0, ns};

    nanosleep(&time, NULL);
}

/* Until nobody is left in the group: its orphans have become this process's children. */
static void stop_group(pid_t pid)
{
    kill(-pid, SIGTERM);
    for (long waited_ms = 0; waited_ms < GRACE_MS; waited_ms += NAP_MAX_NS / 1000000) {
        while (waitpid(-pid, NULL, WNOHANG) > 0) {
        }
        if (kill(-pid, 0) != 0)
            return;
        nap(NAP_MAX_NS);
    }
    kill(-pid, SIGKILL);
    while (waitpid(-pid, NULL, 0) > 0) {
    }
}

/* False when Ctrl-C ended it. */
static bool wait_for(pid_t pid, const struct command_order *order, int *status)
{
    long ns = NAP_MIN_NS;

    while (waitpid(pid, status, WNOHANG) == 0) {
        if (order->meanwhile != NULL)
            order->meanwhile(order->context);
        if (order->interruptible && child_interrupted) {
            stop_group(pid);
            return false;
        }
        nap(ns);
        ns = 2 * ns < NAP_MAX_NS ? 2 * ns : NAP_MAX_NS;
    }
    return true;
}

bool command_run(struct command *command, const struct command_order *order, struct failure *why)
{
    struct streams streams = {-1, -1};
    int status = 0, error = 0;
    bool ended = false;
    pid_t pid;

    memset(command, 0, sizeof *command);
    if (order->interruptible && child_interrupted)
        return fail(why, EXIT_INTERRUPTED, "interrupted");
    if (!open_streams(order, &streams)) {
        error = errno;
        close_streams(&streams);
        return fail(why, EXIT_USAGE, "cannot write %s (%s); give another place",
                    order->log != NULL ? order->log : "a file in memory", strerror(error));
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    error = spawn(order, &streams, &pid);
    if (error == 0)
        ended = wait_for(pid, order, &status);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (ended) {
        command->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        command->out = text_of(order, streams.out);
        command->err = text_of(order, streams.err);
    }
    close_streams(&streams);
    if (error != 0)
        return fail(why, EXIT_USAGE, "cannot run %s (%s); install it", order->argv[0],
                    strerror(error));
    return ended || fail(why, EXIT_INTERRUPTED, "interrupted");
}

const char *command_last_line(struct command *command)
{
    const char *line = text_last_line(command->err);

    return line[0] != '\0' ? line : text_last_line(command->out);
}

void command_free(struct command *command)
{
    free(command->out);
    free(command->err);
    command->out = command->err = NULL;
}
