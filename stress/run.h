/* run.h: one run of a scenario: its parameters, its clock, its record of operations, its failure.
 *
 * Every thread of a scenario keeps its last 4096 operations in a ring. The first failure of any
 * thread prints what failed and a REPRO line, writes all rings to a file and ends the program with
 * status 1; signals that mean a crash or an abort of the library come to the same end.
 */
#ifndef STRESS_RUN_H
#define STRESS_RUN_H

#include "doors.h"
#include "rng.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RUN_PASS = 0, RUN_FAIL = 1, RUN_USAGE = 2, RUN_SKIP = 77 };
enum { RUN_THREADS_MAX = 64, RUN_RING = 4096 };

struct run {
    const char *scenario;     /* its name */
    const struct doors *door; /* the allocator under test */
    uint64_t seed;
    double secs;  /* how long, where ops is 0 */
    uint64_t ops; /* operations of each thread, or 0: by time */
    unsigned threads;
    bool full;                   /* tag every byte, try every size */
    const char *variant;         /* of the scenario, or "all" */
    char **argv;                 /* of the program, for REPRO */
    _Atomic uint64_t operations; /* done by all threads so far */
    uint64_t repro_ops;          /* for REPRO, where operations are not what a ring counts; or 0 */
    uint64_t start_ns;
};

/* One entry of a ring: an operation just before it is carried out. */
struct op {
    uint64_t step;
    const char *name;  /* a literal */
    const void *block; /* what it is given, or NULL */
    uint64_t a, b;     /* sizes, alignments, slots */
};

/* Notes an operation of thread `thread` (0 .. RUN_THREADS_MAX - 1). */
void run_note(unsigned thread, uint64_t step, const char *name, const void *block, uint64_t a,
              uint64_t b);

/* Whether a thread that has done `done` operations should go on. */
bool run_goes_on(const struct run *run, uint64_t done);

/* Seconds since the start. */
double run_elapsed(const struct run *run);

/* Ends the program as failed. `thread` is the ring to show first. */
_Noreturn void run_fail(unsigned thread, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fails unless the condition holds. */
#define RUN_EXPECT(thread, condition, ...)                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            run_fail(thread, __VA_ARGS__);                                                         \
    } while (0)

/* Skips the scenario: prints the reason, returns RUN_SKIP. */
int run_skip(const struct run *run, const char *reason);

/* Sets up rings and signal handlers for this run. */
void run_start(struct run *run);

/* In a forked child: failures end the child with status 1 and no REPRO of their own, and a crash
 * signal takes its default action, so that the parent reports. */
void run_in_child(void);

/* Starts `count` threads with their numbers as argument and waits for them. */
void run_threads(struct run *run, unsigned count, void *(*body)(void *));

/* The run of this process (one at a time). */
extern struct run the_run;

#endif
