/* launch.c: the program ashlar-launch. Starts one measured program and reports how it ended.
 *
 *     ashlar --posix_spawn--> ashlar-launch --fork--> the program, in a process group of its own
 *                                  |
 *                                  +--> one JSON line on --report-fd when it has ended
 *
 * Why a program between: ru_maxrss is inherited through fork and exec from the parent, and the
 * harness is fat with books, so the parent of a measured process must be tiny. The launcher has no
 * library but libc and allocates nothing.
 *
 * What it sets for the program: layout randomisation on or off, LD_PRELOAD, a padding variable that
 * moves the stack, counters that start at exec, its processor, how much memory it may have, and
 * that the kernel kills it before anybody else when the machine has none left. With --syscalls it
 * traces the program and counts its system calls by name (trace.h).
 *
 * When the program ends, on time-out, on SIGTERM and when the launcher's own parent dies, every
 * process that descends from the program is killed, in whatever group or session it hides: what is
 * left running would disturb the next sample.
 */
#include "process/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENV_MAX 512     /* variables handed on */
#define PAD_MAX 8192    /* bytes of padding */
#define EXIT_LAUNCH 125 /* the launcher itself could not do its work */

extern char **environ;

/* ---- counters ---- */

struct counter {
    const char *name; /* in the report */
    uint32_t type;    /* PERF_TYPE_ */
    uint64_t config;  /* PERF_COUNT_ */
    int fd;           /* -1: this machine does not count it */
};

#define CACHE_READ_MISS(cache)                                                                     \
    ((cache) | (PERF_COUNT_HW_CACHE_OP_READ << 8) | (PERF_COUNT_HW_CACHE_RESULT_MISS << 16))

static struct counter counters[] = {
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, -1},
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, -1},
    {"branch_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, -1},
    {"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, -1},
    {"dtlb_load_misses", PERF_TYPE_HW_CACHE, CACHE_READ_MISS(PERF_COUNT_HW_CACHE_DTLB), -1},
    {"page_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, -1},
};

#define COUNTERS (sizeof counters / sizeof counters[0])

/* Each is opened alone: inherited counters cannot be read as a group on kernels before 6.12. */
static void counters_open(pid_t pid)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        struct perf_event_attr attr = {0};

        attr.size = sizeof attr;
        attr.type = counters[i].type;
        attr.config = counters[i].config;
        attr.disabled = 1;
        attr.enable_on_exec = 1;
        attr.inherit = 1;
        attr.exclude_kernel = 1;
        attr.exclude_hv = 1;
        attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
        counters[i].fd =
            (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    }
}

/* ---- the report ---- */

struct report {
    char text[32768]; /* room for every system call that there is */
    size_t len;
};

static void report_add(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report_add(struct report *report, const char *format, ...)
{
    va_list args;
    int added;

    va_start(args, format);
    added = vsnprintf(report->text + report->len, sizeof report->text - report->len, format, args);
    va_end(args);
    if (added > 0 && (size_t)added < sizeof report->text - report->len)
        report->len += (size_t)added;
}

/* A counter that shared its hardware with others ran for a part of the time only: the value is
 * extrapolated, and the share it really ran stands beside it. */
static void report_counters(struct report *report)
{
    const char *comma = "";

    report_add(report, "\"counters\":{");
    for (size_t i = 0; i < COUNTERS; i++) {
        struct {
            uint64_t value, enabled_ns, running_ns;
        } seen;
        double share;

        if (counters[i].fd < 0 || read(counters[i].fd, &seen, sizeof seen) != sizeof seen ||
            seen.running_ns == 0)
            continue;
        share = (double)seen.running_ns / (double)seen.enabled_ns;
        report_add(report, "%s\"%s\":%.0f,\"%s_share\":%.4f", comma, counters[i].name,
                   (double)seen.value / share, counters[i].name, share);
        comma = ",";
    }
    report_add(report, "}");
}

static void report_call(void *context, const char *name, uint64_t calls)
{
    struct report *report = context;
    bool first = report->text[report->len - 1] == '{';

    report_add(report, "%s\"%s\":%" PRIu64, first ? "" : ",", name, calls);
}

/* What the tracer counted, or why it could not. */
static void report_calls(struct report *report, int trace_error)
{
    if (trace_error != 0) {
        report_add(report, ",\"trace_error\":\"%s\"", strerror(trace_error));
        return;
    }
    report_add(report, ",\"syscalls\":{");
    trace_each(report_call, report);
    report_add(report, "}");
}

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(EXIT_LAUNCH);
        text += done;
        len -= (size_t)done;
    }
}

/* ---- the child ---- */

struct order {
    char **program;         /* argv of the measured program */
    const char *preload;    /* path or NULL */
    const char *preload_as; /* the variable that names it */
    size_t pad_bytes;       /* length of the padding variable's value */
    uint64_t timeout_ms;    /* 0: none */
    uint64_t memory_mib;    /* of private, writable memory; 0: no bound */
    pid_t parent;           /* who has started the launcher; 0: not said */
    int cpu;                /* the processor that the program is pinned to; -1: none */
    int report_fd;          /* where the report goes */
    bool randomise;         /* ASLR */
    bool count;             /* open the counters */
    bool trace;             /* count system calls */
};

static char preload_text[4096 + 64];
static char pad_text[PAD_MAX + sizeof "ASHLAR_PAD="];
static char *child_env[ENV_MAX];

static void build_env(const struct order *order)
{
    size_t n = 0;

    for (char **e = environ; *e != NULL && n + 3 < ENV_MAX; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11) != 0 && strncmp(*e, "ASHLAR_PAD=", 11) != 0)
            child_env[n++] = *e;
    if (order->preload != NULL) {
        snprintf(preload_text, sizeof preload_text, "%s=%s", order->preload_as, order->preload);
        child_env[n++] = preload_text;
    }
    strcpy(pad_text, "ASHLAR_PAD=");
    memset(pad_text + 11, 'x', order->pad_bytes);
    child_env[n++] = pad_text;
    child_env[n] = NULL;
}

static void set_layout(bool randomise)
{
    int now = personality(0xffffffff);

    if (now != -1)
        personality(randomise ? (unsigned long)now & ~(unsigned long)ADDR_NO_RANDOMIZE
                              : (unsigned long)now | ADDR_NO_RANDOMIZE);
}

/* False with errno when there is no such processor, or it is not ours. */
static bool pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return true;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

/* RLIMIT_DATA counts what can be written and belongs to the process alone, so addresses that are
 * merely reserved (PROT_NONE) are free. A lower bound of the user's own stays. */
static void bound_memory(uint64_t mib)
{
    struct rlimit limit;

    if (mib == 0 || getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_max < mib << 20)
        return;
    limit.rlim_cur = limit.rlim_max = mib << 20;
    setrlimit(RLIMIT_DATA, &limit);
}

/* Where the machine runs out of memory all the same, this one is to go, not the harness. Where that
 * is refused the kernel chooses by size, which is mostly the same. */
static void offer_to_oom_killer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t done = fd >= 0 ? write(fd, "1000", 4) : 0;

    (void)done;
    if (fd >= 0)
        close(fd);
}

/* Runs in the child: waits until the counters are attached, then becomes the program. What exec
 * said goes through `error_fd`, which a successful exec closes. */
static void __attribute__((noreturn))
become(const struct order *order, const sigset_t *old_mask, const int go[2], int error_fd)
{
    char told;
    int error;

    close(go[1]); /* or the launcher's death would leave this one waiting for itself */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, old_mask, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    set_layout(order->randomise);
    bound_memory(order->memory_mib);
    offer_to_oom_killer();
    if (read(go[0], &told, 1) != 1)
        _exit(EXIT_LAUNCH);
    if (pin(order->cpu))
        execve(order->program[0], order->program, child_env);
    error = errno;
    if (write(error_fd, &error, sizeof error) != (ssize_t)sizeof error)
        _exit(EXIT_LAUNCH);
    _exit(EXIT_LAUNCH);
}

/* ---- waiting ---- */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* What fits of a file of /proc, as a string; "" when it cannot be read. */
static const char *read_proc(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, size - 1) : 0;

    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* How often the kernel has killed for want of memory, since boot: a SIGKILL with a step here is the
 * OOM killer's, one without is somebody's. */
static long oom_kills(void)
{
    static char text[32768];
    const char *found = strstr(read_proc("/proc/vmstat", text, sizeof text), "\noom_kill ");

    return found != NULL ? atol(found + 10) : 0;
}

enum ending { ENDED, TIMED_OUT, STOPPED };
enum news { NOTHING_YET, A_STEP, THE_END };

/* What there is to hear of the program. Of a traced one also each call of each thread, and the ends
 * of threads, without which the kernel would not tell its own end. */
static enum news hear(pid_t pid, bool traced, int options, int *status, struct rusage *usage)
{
    struct rusage used;
    int said;
    pid_t got = wait4(traced ? -1 : pid, &said, options | (traced ? __WALL : 0), &used);

    if (got <= 0)
        return got < 0 && errno == ECHILD ? THE_END : NOTHING_YET;
    if (got == pid && !WIFSTOPPED(said)) {
        *status = said;
        *usage = used;
        return THE_END;
    }
    trace_answer(got, said);
    return A_STEP;
}

/* Waits for the child's end; kills it when the time is over or somebody wants us to stop. */
static enum ending await(pid_t pid, bool traced, uint64_t timeout_ms, const sigset_t *signals,
                         int *status, struct rusage *usage)
{
    uint64_t deadline_ns = now_ns() + timeout_ms * UINT64_C(1000000);
    enum ending ending = ENDED;

    for (;;) {
        uint64_t at_ns = now_ns();
        uint64_t left_ns = timeout_ms == 0       ? UINT64_C(3600000000000)
                           : at_ns < deadline_ns ? deadline_ns - at_ns
                                                 : 0;
        struct timespec left = {(time_t)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
        enum news news = hear(pid, traced, WNOHANG, status, usage);
        int sig;

        if (news == THE_END)
            break;
        if (left_ns == 0) {
            ending = TIMED_OUT;
            break;
        }
        if (news == A_STEP)
            continue;
        sig = sigtimedwait(signals, NULL, &left);
        if (sig == SIGTERM) {
            ending = STOPPED;
            break;
        }
    }
    if (ending != ENDED) {
        kill(pid, SIGKILL); /* it may have left its group */
        while (hear(pid, traced, 0, status, usage) != THE_END)
            continue;
    }
    return ending;
}

/* ---- what is left behind ---- */

/* The parent of a process, 0 when it is gone. Its name may hold anything, so the fields are counted
 * from the last bracket. */
static pid_t parent_of(const char *pid)
{
    char path[64], text[512];
    const char *bracket;
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%.32s/stat", pid);
    bracket = strrchr(read_proc(path, text, sizeof text), ')');
    return bracket != NULL && sscanf(bracket, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Kills whoever is a child of the launcher now; how many there are. */
static int kill_children(void)
{
    static _Alignas(struct dirent64) char entries[16384];
    pid_t self = getpid();
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
    ssize_t len;

    while (fd >= 0 && (len = getdents64(fd, entries, sizeof entries)) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            pid_t pid = (pid_t)atoi(entry->d_name);

            at += entry->d_reclen;
            if (pid > 0 && parent_of(entry->d_name) == self) {
                kill(pid, SIGKILL);
                found++;
            }
        }
    if (fd >= 0)
        close(fd);
    return found;
}

/* Kills all that descends from the program, and waits until it is gone; returns how many had to be
 * killed. The launcher is their reaper: a process whose parent dies becomes the launcher's child
 * before that death can be waited for, so when there is no child there is no descendant. There is
 * no deadline: SIGKILL cannot be refused, and what the kernel still holds takes memory and time. */
static long sweep(pid_t program, const sigset_t *signals)
{
    const struct timespec moment = {0, 20000000};
    long killed = 0;

    kill(-program, SIGKILL); /* most of them at one stroke */
    for (;;) {
        int status;
        pid_t got = waitpid(-1, &status, WNOHANG | __WALL);

        if (got > 0)
            killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        else if (got < 0 || kill_children() == 0)
            return killed; /* nobody is left, or nobody can be seen: /proc is not there */
        else
            sigtimedwait(signals, NULL, &moment);
    }
}

/* ---- main ---- */

static void __attribute__((noreturn)) refuse(const char *what)
{
    dprintf(2,
            "ashlar-launch: %s; usage: ashlar-launch --report-fd FD [--preload LIB] [--preload-as "
            "VARIABLE] "
            "[--pad BYTES] [--timeout-ms MS] [--memory-mib MIB] [--cpu N] [--parent PID] "
            "[--no-aslr] [--count] [--syscalls] -- PROGRAM ARGS\n",
            what);
    _exit(2);
}

static struct order read_order(char **argv)
{
    struct order order = {
        .preload_as = "LD_PRELOAD", .cpu = -1, .report_fd = -1, .randomise = true};

    for (argv++; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "--no-aslr") == 0) {
            order.randomise = false;
        } else if (strcmp(*argv, "--count") == 0) {
            order.count = true;
        } else if (strcmp(*argv, "--syscalls") == 0) {
            order.trace = true;
        } else if (argv[1] == NULL) {
            refuse("an option has no value");
        } else if (strcmp(*argv, "--preload") == 0) {
            order.preload = *++argv;
        } else if (strcmp(*argv, "--preload-as") == 0) {
            order.preload_as = *++argv;
        } else if (strcmp(*argv, "--pad") == 0) {
            order.pad_bytes = strtoul(*++argv, NULL, 10);
        } else if (strcmp(*argv, "--timeout-ms") == 0) {
            order.timeout_ms = strtoull(*++argv, NULL, 10);
        } else if (strcmp(*argv, "--memory-mib") == 0) {
            order.memory_mib = strtoull(*++argv, NULL, 10);
        } else if (strcmp(*argv, "--cpu") == 0) {
            order.cpu = atoi(*++argv);
        } else if (strcmp(*argv, "--parent") == 0) {
            order.parent = atoi(*++argv);
        } else if (strcmp(*argv, "--report-fd") == 0) {
            order.report_fd = atoi(*++argv);
        } else {
            refuse("an option is unknown");
        }
    }
    if (*argv == NULL || argv[1] == NULL)
        refuse("no program is given");
    if (order.report_fd < 0)
        refuse("--report-fd is missing");
    if (order.pad_bytes > PAD_MAX)
        refuse("--pad is above 8192");
    order.program = argv + 1;
    return order;
}

static void report_ending(struct report *report, enum ending ending, int status, int exec_error,
                          const struct rusage *usage, uint64_t wall_ns, long kills, long outlived)
{
    report_add(report, "{\"wall_ns\":%" PRIu64 ",\"timed_out\":%s,\"stopped\":%s,", wall_ns,
               ending == TIMED_OUT ? "true" : "false", ending == STOPPED ? "true" : "false");
    report_add(report, "\"exit\":%d,\"signal\":%d,\"exec_error\":\"%s\",\"oom_kills\":%ld,",
               WIFEXITED(status) ? WEXITSTATUS(status) : -1,
               WIFSIGNALED(status) ? WTERMSIG(status) : 0,
               exec_error != 0 ? strerror(exec_error) : "", kills);
    report_add(report, "\"outlived\":%ld,", outlived);
    report_add(report, "\"user_us\":%lld,\"sys_us\":%lld,",
               (long long)usage->ru_utime.tv_sec * 1000000 + usage->ru_utime.tv_usec,
               (long long)usage->ru_stime.tv_sec * 1000000 + usage->ru_stime.tv_usec);
    report_add(report, "\"minflt\":%ld,\"majflt\":%ld,\"ctx_switches\":%ld,\"maxrss_kib\":%ld,",
               usage->ru_minflt, usage->ru_majflt, usage->ru_nvcsw + usage->ru_nivcsw,
               usage->ru_maxrss);
    report_counters(report);
}

int main(int argc, char **argv)
{
    struct order order = read_order(argv);
    struct report report = {.len = 0};
    struct rusage usage = {0};
    sigset_t signals, old_mask;
    int go[2], error[2], status = 0, exec_error = 0, trace_error = 0;
    uint64_t start_ns;
    long kills_before, outlived;
    enum ending ending;
    pid_t pid;

    (void)argc;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGINT, SIG_IGN);  /* Ctrl-C reaches ashlar, which decides and sends SIGTERM */
    signal(SIGPIPE, SIG_IGN); /* nobody may be left to read the report */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &old_mask);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (order.parent != 0 && getppid() != order.parent)
        return EXIT_LAUNCH; /* it has died before it could be watched */
    fcntl(order.report_fd, F_SETFD, FD_CLOEXEC);
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0)
        refuse("no pipe can be opened");
    build_env(&order);
    kills_before = oom_kills();
    pid = fork();
    if (pid < 0)
        refuse("no process can be started");
    if (pid == 0)
        become(&order, &old_mask, go, error[1]);
    setpgid(pid, pid);
    close(error[1]);
    if (order.count)
        counters_open(pid);
    if (order.trace && !trace_seize(pid))
        trace_error = errno;
    start_ns = now_ns();
    write_all(go[1], "g", 1);
    ending =
        await(pid, order.trace && trace_error == 0, order.timeout_ms, &signals, &status, &usage);
    start_ns = now_ns() - start_ns;
    outlived = sweep(pid, &signals);
    if (read(error[0], &exec_error, sizeof exec_error) != (ssize_t)sizeof exec_error)
        exec_error = 0;
    report_ending(&report, ending, status, exec_error, &usage, start_ns, oom_kills() - kills_before,
                  outlived);
    if (order.trace)
        report_calls(&report, trace_error);
    report_add(&report, "}\n");
    write_all(order.report_fd, report.text, report.len);
    return 0;
}
