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
 * Seen on the suite `gate`, five runs each: calls of one thread are the same to the last one; minor
 * faults differ by 4 at most. Two threads on private work: ashlar's calls are the same, those of
 * glibc 2 or 8 in one cell, 1087 or 1088 in the other; faults in one cell 1047 to 1050, and in two
 * modes, 823 and 1048, where address randomisation is on.
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
