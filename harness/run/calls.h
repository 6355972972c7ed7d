/* calls.h: system calls and minor faults of the cells in which they repeat, in processes of their
 * own that are traced (process/trace.h).
 *
 *                     some work   a quarter   difference
 *     first   madvise       102          27           75    what the allocator asked of the kernel
 *             mmap           41          41            0    set-up, not the work's
 *     second  madvise       102          27           75    the same again, so it repeats
 *
 * Address randomisation is off and the stack begins at the same place, so that nothing but the
 * allocator decides. One process at a time: where threads wait for each other, what else runs would
 * show. All runs are stored in one line; whether they agree is the judge's to say (judge/calls.h).
 *
 * Seen on the suite `gate`: calls of one thread are the same to the last one, and minor faults
 * within 5 of each other (within 6 with address randomisation on). Two threads on private work:
 * calls but futex and sched_yield are the same under ashlar; under glibc they are 2 to 9 in one
 * cell, 1086 to 1088 in another. Their minor faults come in modes, 824 or 1049, whatever the
 * addresses.
 */
#ifndef ASHLAR_RUN_CALLS_H
#define ASHLAR_RUN_CALLS_H

#include "run/journal.h"
#include "run/store.h"

/* How often each pass runs. Several threads have modes: two runs may agree by chance on one of
 * them, five hardly. */
#define CALLS_RUNS 2
#define CALLS_RUNS_OF_THREADS 5

/* Counts whatever is to be traced and is not yet. A count that does not succeed is stored with its
 * reason and fails nothing. */
bool calls_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
               struct failure *why);

/* A guess at how long that takes. */
double calls_expected_s(const struct plan *plan, const struct journal *journal);

#endif
