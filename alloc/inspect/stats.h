/* stats.h: adds up the figures of the heap. Nothing is counted for it that is not needed anyway: each
 * bin counts the regions it has given out, each cache what it holds.
 *
 *     allocated = regions out - cached - in remote queues + large + huge
 */
#ifndef ASHLAR_INSPECT_STATS_H
#define ASHLAR_INSPECT_STATS_H

#include "../include/ashlar/ashlar.h"

/* a - b, or 0: the parts of a figure are read one after the other while threads may run. */
static inline size_t stats_minus(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

/* Bytes in live huge blocks. */
size_t stats_huge_bytes(void);

/* Prints the figures as one line, `ashlar: mallocs=... frees=...`, to the descriptor. */
void stats_print(int fd);

#endif
