/* child.h: one program run under the launcher, and all that is known of it afterwards.
 *
 *     child_start() --> child_wait_any() --> child.out, child.err, child.report --> child_free()
 *
 * Several may run at once (the instruction counts do, and the two of a duet); other timed samples
 * run one at a time.
 */
#ifndef ASHLAR_PROCESS_CHILD_H
#define ASHLAR_PROCESS_CHILD_H

#include "base/failure.h"
#include "base/text.h"

#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

/* Set by the handler of SIGINT and SIGTERM; whoever waits gives up when it is. */
extern volatile sig_atomic_t child_interrupted;

/* Installs the handler. */
void child_catch_interrupts(void);

struct child_order {
    char *const *argv;      /* the program, by path, and its arguments */
    char *const *env;       /* NAME=VALUE to add; NULL: none */
    const char *preload;    /* library or NULL */
    const char *preload_as; /* the variable that names it; NULL: LD_PRELOAD */
    unsigned pad_bytes;     /* padding of the environment, 0..8192 */
    uint64_t timeout_ms;    /* 0: none */
    uint64_t memory_mib;    /* private, writable memory that it may have; 0: no bound */
    const int *cpu;         /* the processor that it is pinned to; NULL: none */
    bool randomise;         /* address space layout */
    bool count;             /* perf_event counters */
    bool trace;             /* system calls by name, see trace.h */
    const int *hand_on;     /* [2] descriptors that the program gets as 3 and 4; NULL: none */
};

enum child_fate {
    FATE_EXITED,   /* with .exit */
    FATE_SIGNALED, /* by .signal */
    FATE_TIMEOUT,  /* killed after timeout_ms */
    FATE_OOM_KILL, /* SIGKILL by the kernel for want of memory */
    FATE_NOT_RUN,  /* .why says what stood in the way */
    FATE_STOPPED   /* given up because child_interrupted was set */
};

struct child {
    pid_t launcher;       /* 0 when it does not run */
    int fd[3];            /* out, err, report; -1 when closed */
    char *text[3];        /* what came through them */
    size_t len[3];        /* of text, without the terminator */
    enum child_fate fate; /* valid after the end, like all below */
    int exit, signal;     /* of the program */
    uint64_t wall_ns;     /* exec to end */
    json_t *report;       /* the launcher's line; NULL when there was none */
    char why[256];        /* with FATE_NOT_RUN */
};

#define CHILD_OUT 0
#define CHILD_ERR 1
#define CHILD_REPORT 2

bool child_start(struct child *child, const struct child_order *order, struct failure *why);

/* Waits until one of the running children has ended; returns its index. With child_interrupted set
 * it stops them, one a call. At least one of them must run. */
size_t child_wait_any(struct child **children, size_t count);

/* Waits for wait_ms at most, or until something can be read from extra_fd, which the caller then
 * reads. True when the child has ended. With child_interrupted set it is stopped, and has ended. */
bool child_wait_for(struct child *child, int extra_fd, int wait_ms);

/* Start and wait in one. False only when it could not be started. */
bool child_run(struct child *child, const struct child_order *order, struct failure *why);

/* Ends a running child before its time, and frees it. */
void child_stop(struct child *child);

void child_free(struct child *child);

#endif
