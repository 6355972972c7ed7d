/* run.c: see run.h. Nothing here allocates: a failure may come from inside the allocator. */
#include "run.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct run the_run;

struct ring {
    uint64_t count; /* operations ever noted; the last RUN_RING are kept */
    struct op ops[RUN_RING];
};
static struct ring *rings[RUN_THREADS_MAX];
static atomic_flag failed = ATOMIC_FLAG_INIT;
static bool in_child;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double run_elapsed(const struct run *run)
{
    return (double)(now_ns() - run->start_ns) / 1e9;
}

bool run_goes_on(const struct run *run, uint64_t done)
{
    if (run->ops != 0)
        return done < run->ops;
    return (done & 63) != 0 || run_elapsed(run) < run->secs;
}

void run_note(unsigned thread, uint64_t step, const char *name, const void *block, uint64_t a,
              uint64_t b)
{
    struct ring *ring = rings[thread];
    ring->ops[ring->count % RUN_RING] = (struct op){step, name, block, a, b};
    ring->count++;
}

/* Formatted writing without a buffer from malloc, which dprintf takes. */
__attribute__((format(printf, 2, 3))) static void put(int fd, const char *format, ...)
{
    char text[700];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= (int)sizeof text)
        len = sizeof text - 1;
    for (int done = 0, n; done < len; done += n) {
        if ((n = (int)write(fd, text + done, (size_t)(len - done))) <= 0)
            return;
    }
}

static void print_op(int fd, unsigned thread, const struct op *op)
{
    put(fd, "thread %u step %llu %s %p %llu %llu\n", thread, (unsigned long long)op->step, op->name,
        op->block, (unsigned long long)op->a, (unsigned long long)op->b);
}

static void print_ring(int fd, unsigned thread, uint64_t nlast)
{
    const struct ring *ring = rings[thread];
    uint64_t count = ring->count; /* of this moment: other threads go on */
    uint64_t kept = count < RUN_RING ? count : RUN_RING;
    uint64_t shown = kept < nlast ? kept : nlast;
    for (uint64_t i = count - shown; i < count; i++)
        print_op(fd, thread, &ring->ops[i % RUN_RING]);
}

/* The command line that leads here again: the given one with seed and operations fixed. */
static void print_repro(unsigned thread)
{
    const struct ring *ring = rings[thread];
    const char *conf = getenv("ASHLAR_CONF"), *fault = getenv("ASHLAR_STRESS_FAULT");
    const char *preload = getenv("LD_PRELOAD");
    put(2, "REPRO:");
    if (preload != NULL)
        put(2, " LD_PRELOAD=%s", preload);
    if (conf != NULL)
        put(2, " ASHLAR_CONF=%s", conf);
    if (fault != NULL)
        put(2, " ASHLAR_STRESS_FAULT=%s", fault);
    for (char **arg = the_run.argv; *arg != NULL; arg++) {
        if ((strcmp(*arg, "--seed") == 0 || strcmp(*arg, "--ops") == 0) && arg[1] != NULL)
            arg++;
        else
            put(2, " %s", *arg);
    }
    put(2, " --seed %llu", (unsigned long long)the_run.seed);
    if (the_run.repro_ops != 0) {
        put(2, " --ops %llu", (unsigned long long)the_run.repro_ops);
    } else if (ring->count > 0) {
        uint64_t last = ring->ops[(ring->count - 1) % RUN_RING].step + 1;
        put(2, " --ops %llu", (unsigned long long)last);
    }
    put(2, "\n");
}

static void dump_rings(void)
{
    char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ashlar-stress.%d.ops", dir != NULL ? dir : "/tmp", getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        put(2, "cannot write the operations to %s: %s\n", path, strerror(errno));
        return;
    }
    for (unsigned i = 0; i < RUN_THREADS_MAX; i++)
        print_ring(fd, i, RUN_RING);
    close(fd);
    put(2, "the last operations of each thread: %s\n", path);
}

static void report(unsigned thread, const char *what)
{
    if (in_child) {
        put(2, "ashlar-stress %s (child %d): %s\n", the_run.scenario, getpid(), what);
        return;
    }
    put(2, "FAIL: %s: %s\n", the_run.scenario, what);
    print_repro(thread);
    print_ring(2, thread, 8);
    dump_rings();
}

void run_fail(unsigned thread, const char *format, ...)
{
    char what[512];
    va_list args;
    if (atomic_flag_test_and_set(&failed)) { /* another thread is reporting already */
        for (;;)
            pause();
    }
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    report(thread, what);
    _exit(RUN_FAIL);
}

int run_skip(const struct run *run, const char *reason)
{
    printf("SKIP: %s: %s\n", run->scenario, reason);
    return RUN_SKIP;
}

static void on_crash(int signal_number)
{
    char what[80];
    if (atomic_flag_test_and_set(&failed))
        _exit(RUN_FAIL);
    snprintf(what, sizeof what, signal_number == SIGALRM ? "hangs (signal %d)" : "signal %d",
             signal_number);
    report(0, what);
    _exit(RUN_FAIL);
}

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};

static void set_crash_handlers(void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = handler == on_crash ? SA_ONSTACK | (int)SA_RESETHAND : 0;
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], &action, NULL);
}

void run_start(struct run *run)
{
    for (unsigned i = 0; i < RUN_THREADS_MAX; i++)
        rings[i] = memory_map(sizeof *rings[i]);
    enum { STACK = 64 << 10 };
    stack_t stack = {.ss_sp = memory_map(STACK), .ss_size = STACK, .ss_flags = 0};
    sigaltstack(&stack, NULL);
    set_crash_handlers(on_crash);
    run->start_ns = now_ns();
    /* Ten times what was asked for, and a minute for a busy machine: then it hangs. */
    alarm((unsigned)(run->secs * 10) + 60);
}

void run_in_child(void)
{
    in_child = true;
    set_crash_handlers(SIG_DFL);
}

void run_threads(struct run *run, unsigned count, void *(*body)(void *))
{
    pthread_t threads[RUN_THREADS_MAX];
    (void)run;
    for (unsigned i = 0; i < count; i++) {
        int code = pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i);
        RUN_EXPECT(i, code == 0, "cannot create thread %u: %s", i, strerror(code));
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}
