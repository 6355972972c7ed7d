/* outcome.h: what a measured process came to: a figure, or one of the ways to end badly.
 *
 *     ok         it ended well and gave a result
 *     crash      a signal ended it
 *     timeout    it was killed because it did not end
 *     oom        it reported that memory ran out, or the kernel killed it for that
 *     integrity  the workload found its blocks damaged
 *     missing    the library was no longer loaded
 *     error      anything else: the program refused, or gave no result
 *
 * None of these is ever a time.
 */
#ifndef ASHLAR_RUN_OUTCOME_H
#define ASHLAR_RUN_OUTCOME_H

#include "plan/plan.h"
#include "process/child.h"

struct outcome {
    const char *status;   /* one of the words above */
    char detail[300];     /* "" when ok, else one line */
    json_int_t time_ns;   /* of the timed part; of all iterations of a micro row */
    json_int_t vmhwm_kib; /* of the process, read by itself */
    json_t *bench;        /* what the program printed; NULL when it did not */
};

/* Reads what is left of a child that has ended. */
void outcome_read(struct outcome *outcome, const struct cell *cell, struct child *child);

/* The same after a run of BENCH_NULL, which gives no time. */
void outcome_read_null(struct outcome *outcome, const struct cell *cell, struct child *child);

bool outcome_ok(const struct outcome *outcome);

void outcome_free(struct outcome *outcome);

#endif
