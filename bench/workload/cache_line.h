/* cache_line.h: what cache-thrash and cache-scratch have in common: the loop and the index.
 *
 * A cache line is 64 bytes; the processors pass it to and fro when two of them write to it, even
 * to different bytes:
 *
 *     line     | block of thread 0 | block of thread 1 | . . . . |      false sharing
 *
 * Time shows it only where two processors really run at once. The index shows it anywhere: the
 * addresses of the first blocks of each worker are kept, and after the timed part every block is
 * looked at whose line some block of another worker has been in. The two need not have lived at
 * the same moment, which timing would decide, so the index is an upper bound of what was shared.
 */
#ifndef ASHLAR_BENCH_CACHE_LINE_H
#define ASHLAR_BENCH_CACHE_LINE_H

#include "core/worker.h"

enum {
    CACHE_OPTION_SIZE,
    CACHE_OPTION_PASSES,
    CACHE_OPTION_ITERATIONS,
};

extern const struct option cache_options[];
extern const struct preset cache_presets[];

uint64_t cache_default_ops(const struct run *run);
void cache_validate(const struct run *run);

/* Whether two blocks of that size have a line in common. */
bool cache_neighbours(const void *one, const void *other, size_t size_bytes);

/* Gives each worker a book of addresses. `handed` is NULL, or a block for each worker that it is
 * to free first. */
void cache_setup(struct run *run, void **handed);

/* Frees the block that was handed over; then allocates a block, reads and writes all of its bytes
 * again and again, and frees it, as often as the worker has operations. */
void cache_work(struct worker *worker);

/* Adds blocks_recorded and blocks_sharing to the result; their ratio is the index. */
void cache_drain(struct run *run);

#endif
