/* phase.h: tells a sampler outside what the process is doing.
 *
 * When ASHLAR_PHASE_FD names a descriptor that is open for writing (by convention 3), each phase
 * is announced there by one record of 16 bytes, in host byte order:
 *
 *     READY    everything is set up, the timed part has not begun
 *     BEGIN    the timed part begins (generation 0)
 *     ACTIVE   the working set is reached; frag announces it at every crest
 *     DRAINED  the timed part is over and every block is freed
 *     IDLE     the process now sleeps for --idle-ms
 *     END      last record
 *
 * Only frag writes within the timed part, one record a crest.
 */
#ifndef ASHLAR_BENCH_PHASE_H
#define ASHLAR_BENCH_PHASE_H

#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_READY, PHASE_BEGIN, PHASE_ACTIVE, PHASE_DRAINED, PHASE_IDLE, PHASE_END };

struct phase_record {
    uint32_t phase;        /* enum phase */
    uint32_t thread;       /* number of the worker, 0 for the process */
    uint64_t monotonic_ns; /* CLOCK_MONOTONIC */
};

/* A descriptor's number from the text of a variable, -1 when it is no number. */
int phase_descriptor(const char *text);

/* Looks for the descriptor. Returns false when ASHLAR_PHASE_FD is set but is no number. */
bool phase_open(void);

void phase_announce(enum phase phase, unsigned thread);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);

#endif
