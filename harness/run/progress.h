/* progress.h: how far, and how long still. On stderr: a bar on a terminal, else a line now and
 * then.
 *
 *     [===========               ]  37 of 208  larson-2  1 min 20 s left
 */
#ifndef ASHLAR_RUN_PROGRESS_H
#define ASHLAR_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *unit;     /* "blocks" */
    uint64_t done, total; /* units */
    uint64_t begun_at;    /* units that were done before this session */
    uint64_t start_ns;    /* when it began */
    uint64_t said_ns;     /* when a line was last written */
    double later_s;       /* what is known to come after the last unit */
    bool terminal, quiet;
};

void progress_begin(struct progress *progress, const char *unit, uint64_t done, uint64_t total,
                    double later_s, bool quiet);

/* One unit more is done; `what` is what comes now. */
void progress_step(struct progress *progress, const char *what);

/* Wipes the bar off the terminal, so that something else can be printed. */
void progress_clear(struct progress *progress);

uint64_t progress_now_ns(void);

#endif
