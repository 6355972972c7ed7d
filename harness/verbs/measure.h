/* measure.h: what `ashlar run`, `ashlar compare` and `ashlar gate` have in common: the options, and
 * the run itself. */
#ifndef ASHLAR_VERBS_MEASURE_H
#define ASHLAR_VERBS_MEASURE_H

#include "base/failure.h"
#include "base/text.h"

#include "plan/plan.h"
#include "run/journal.h"
#include "run/store.h"

#include <argp.h>
#include <stdint.h>

struct measure_options {
    const char *suite;         /* name or file; NULL: "quick" */
    struct words workloads;    /* instead of a suite: "larson --threads 2 --ops 1000000" */
    const char *allocators;    /* words; NULL: "glibc ashlar" */
    const char *baseline;      /* NULL: glibc where it is there, else the first */
    const char *registry;      /* file or NULL */
    const char *results;       /* directory */
    const char *resume;        /* directory of a run or NULL */
    const char *bench, *micro; /* programs or NULL */
    uint64_t blocks;           /* 0: the suite's */
    uint64_t timeout_s;        /* 0: the suite's */
    uint64_t seed;             /* valid with seed_given */
    bool seed_given;
    uint64_t memory_limit_mib; /* valid with memory_limit_given; 0: no bound */
    bool memory_limit_given;
    enum duet duet; /* the blocks are doubled for DUET_BOTH */
    bool no_counts, json, quiet, calibrate;
    bool comparing;      /* a baseline alone is no comparison */
    struct failure *why; /* where the parser puts its complaint */

    /* Of a gate: fills plan->gate from the suite that was read, and says how many blocks. */
    bool (*settle)(struct plan *plan, void *context, struct failure *why);
    void *context;
};

/* A run that is under way. */
struct measurement {
    struct plan plan;
    struct journal journal;
    struct store store;
};

/* Settles all of a new run; nothing is run or written. Close the plan in either case. */
bool measure_plan(const struct measure_options *chosen, struct plan *plan, struct failure *why);

/* Begins a run, or opens the one to resume; nothing is measured yet. Close it in either case. */
bool measure_open(const struct measure_options *chosen, struct measurement *run,
                  struct failure *why);
void measure_close(struct measurement *run);

/* A child for the verb's argp; its input is a struct measure_options. */
extern const struct argp measure_argp;

/* Runs or resumes. On success `dir` is the run's directory, on the heap, and `failures` the number
 * of processes that ended badly. */
bool measure(const struct measure_options *chosen, char **dir, size_t *failures,
             struct failure *why);

/* Points results/latest at a finished run. */
bool measure_publish(const char *dir, struct failure *why);

#endif
