/* once.c: runs one program once and says what it took. The drivers of real programs are shell
 * scripts; what they measure is started from here.
 *
 *     NAME.sh --posix_spawn--> once --posix_spawn--> the program, LD_PRELOAD set for it alone
 *
 *     once --report FILE [--preload LIB] [--stdin FILE] [--stdout FILE] -- PROGRAM ARGS
 *
 * FILE gets the inner part of a JSON object: "elapsed_ns" from before the start to after the end,
 * "vmhwm_kib", "user_us", "sys_us", "minflt". The peak is ru_maxrss, which for a program that
 * starts others (a compiler's driver) is the highest of them. A program inherits the peak of the
 * process that starts it, so this one must be tiny: it links libc alone and reads nothing into
 * memory.
 *
 * It ends as the program ended: with its exit code, or by the same signal. 126: it could not be
 * started.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENV_MAX 512
#define EXIT_NOT_STARTED 126

extern char **environ;

struct order {
    const char *report, *preload, *in, *out; /* files; NULL: not given */
    char **program;                          /* argv */
};

static void __attribute__((noreturn)) refuse(const char *what, const char *why)
{
    dprintf(2, "once: %s: %s\n", what, why);
    exit(EXIT_NOT_STARTED);
}

static struct order read_order(char **argv)
{
    struct order order = {0};

    for (argv++; *argv != NULL && strcmp(*argv, "--") != 0; argv += 2) {
        const char **field = strcmp(*argv, "--report") == 0    ? &order.report
                             : strcmp(*argv, "--preload") == 0 ? &order.preload
                             : strcmp(*argv, "--stdin") == 0   ? &order.in
                             : strcmp(*argv, "--stdout") == 0  ? &order.out
                                                               : NULL;

        if (field == NULL || argv[1] == NULL)
            refuse(*argv, "unknown option, or one without its value");
        *field = argv[1];
    }
    if (order.report == NULL || *argv == NULL || argv[1] == NULL)
        refuse("usage", "once --report FILE [--preload LIB] [--stdin FILE] [--stdout FILE] -- "
                        "PROGRAM ARGS");
    order.program = argv + 1;
    return order;
}

static char preload_text[4096 + sizeof "LD_PRELOAD="];
static char *program_env[ENV_MAX];

static void build_env(const char *preload)
{
    size_t n = 0;

    for (char **e = environ; *e != NULL && n + 2 < ENV_MAX; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11) != 0)
            program_env[n++] = *e;
    if (preload != NULL) {
        snprintf(preload_text, sizeof preload_text, "LD_PRELOAD=%s", preload);
        program_env[n++] = preload_text;
    }
    program_env[n] = NULL;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static pid_t start(const struct order *order)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int error;

    posix_spawn_file_actions_init(&actions);
    if (order->in != NULL)
        posix_spawn_file_actions_addopen(&actions, 0, order->in, O_RDONLY, 0);
    if (order->out != NULL)
        posix_spawn_file_actions_addopen(&actions, 1, order->out, O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
    error = posix_spawn(&pid, order->program[0], &actions, NULL, order->program, program_env);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        refuse(order->program[0], strerror(error));
    return pid;
}

static long long in_us(const struct timeval *time)
{
    return (long long)time->tv_sec * 1000000 + time->tv_usec;
}

static void report(const char *path, uint64_t elapsed_ns, const struct rusage *usage)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || dprintf(fd,
                          "\"elapsed_ns\":%llu,\"vmhwm_kib\":%ld,\"user_us\":%lld,\"sys_us\":%lld,"
                          "\"minflt\":%ld",
                          (unsigned long long)elapsed_ns, usage->ru_maxrss, in_us(&usage->ru_utime),
                          in_us(&usage->ru_stime), usage->ru_minflt) < 0)
        refuse(path, strerror(errno));
    close(fd);
}

/* Ends this process by the signal that ended the program, without a second core file. */
static void end_by(int sig)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    signal(sig, SIG_DFL);
    raise(sig);
}

int main(int argc, char **argv)
{
    struct order order = read_order(argv);
    struct rusage usage;
    uint64_t start_ns;
    int status;
    pid_t pid;

    (void)argc;
    build_env(order.preload);
    start_ns = now_ns();
    pid = start(&order);
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            refuse("wait4", strerror(errno));
    report(order.report, now_ns() - start_ns, &usage);
    if (WIFSIGNALED(status))
        end_by(WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_STARTED;
}
