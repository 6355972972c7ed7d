/* scenario.h: a scenario is one file and one `const struct scenario`; adding one touches this list
 * and the one in main.c's table. */
#ifndef STRESS_SCENARIO_H
#define STRESS_SCENARIO_H

#include "run.h"

struct scenario {
    const char *name;
    const char *summary;  /* one line: what is done and what proves it right */
    const char *variants; /* "a|b|c", or NULL */
    double default_secs;
    unsigned default_threads;
    int (*run)(struct run *run); /* returns RUN_PASS, RUN_FAIL or RUN_SKIP */
};

extern const struct scenario scenario_oracle;
extern const struct scenario scenario_boundary;
extern const struct scenario scenario_forkstorm;
extern const struct scenario scenario_oom_nth;
extern const struct scenario scenario_rlimit_as;
extern const struct scenario scenario_threadchurn;
extern const struct scenario scenario_remote;
extern const struct scenario scenario_sampling;

#endif
