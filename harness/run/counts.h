/* counts.h: instructions of the cells whose instructions repeat, in processes of their own.
 *
 *     with a PMU      one process at native speed, address randomisation off, perf_event
 *     without         two under callgrind, with little and with less work:
 *
 *         I(n)   = set-up + n x work          little:  n      = count_ops
 *         I(n/4) = set-up + n/4 x work        less:    n / 4
 *         ------------------------------
 *         difference = 3/4 n x work           what is stored
 *
 * The set-up and the dynamic linker, which differ by library, are not in the difference.
 *
 * Callgrind does not replace malloc, so the preloaded library runs. It is some 50 times slower than
 * the processor, hence little work. The counts run after the timed blocks, as many at once as there
 * are cores: nothing here is timed.
 */
#ifndef ASHLAR_RUN_COUNTS_H
#define ASHLAR_RUN_COUNTS_H

#include "run/journal.h"
#include "run/store.h"

/* Counts whatever is countable and not counted yet. A count that does not succeed is stored with
 * its reason and fails nothing: valgrind knows fewer instructions and system calls than the
 * machine. */
bool counts_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why);

/* What all passes that count have in common. The second one does a fourth of the work. */
#define COUNTS_LESS 4
uint64_t counts_less(uint64_t ops);

/* The preload's path lies in the environment, above the stack: all paths are padded to one length,
 * so that every allocator starts with the same stack. */
#define COUNTS_ENVIRONMENT_BYTES 4096
unsigned counts_pad(const struct allocator *under);

/* How much the program says that it did. */
json_int_t counts_ops_of(const json_t *bench);

/* A guess at how long that takes. */
double counts_expected_s(const struct plan *plan, const struct journal *journal);

#endif
