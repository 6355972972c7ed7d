/* sampler.h: watches the memory of one process from outside, without a call into it.
 *
 *     ashlar --- starts ---> ashlar-launch ---> ashlar-bench frag ... --idle-ms N
 *       |                                          | 3: phase records   (a pipe)
 *       |<-----------------------------------------+ 4: live bytes      (a page that both map)
 *       +--- reads /proc/PID/smaps_rollup
 *
 * A reading walks the process's page tables and holds up its page faults meanwhile: 3 ms at
 * 256 MiB. So the next waits until all of them, by their processor time, are half a per cent of
 * the time, whatever the size; another half goes to readings out of turn where the process
 * announces a crest (ACTIVE). By processor time, because the wait for a processor on a busy machine
 * takes nothing from the process, and would silence the sampler for 200 times as long.
 * Live bytes are read before and after each reading; their mean is that of the moment.
 *
 * After DRAINED there are readings at 0.1, 1, 5 and 12 seconds, as far as the process idles.
 */
#ifndef ASHLAR_RUN_SAMPLER_H
#define ASHLAR_RUN_SAMPLER_H

#include "process/child.h"
#include "run/curve.h"

struct watched {
    struct child child;   /* has ended; the caller frees it */
    struct curve curve;   /* the caller frees it */
    double live_peak_kib; /* exact, as the process counted it */
    uint64_t read_ns;     /* processor time of the readings */
    uint64_t span_ns;     /* from the first reading to the last */
    char trouble[160];    /* why there is no curve; "" when there is one */
};

/* Runs `order`, whose hand_on and env are completed here. With `reading` false the process gets the
 * same pipe and page and is left alone, to see what the readings cost it. False only when it could
 * not be started. */
bool sampler_watch(struct watched *watched, const struct child_order *order, bool reading,
                   struct failure *why);

void watched_free(struct watched *watched);

#endif
