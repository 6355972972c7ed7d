/* stats.h: adds up the figures of the heap. Nothing is counted for it that is not needed anyway: each
 * bin counts the regions it has given out, each cache what it holds.
 *
 *     allocated = regions out - cached - in remote queues + large + huge
 */
#ifndef ASHLAR_INSPECT_STATS_H
#define ASHLAR_INSPECT_STATS_H

#include "../include/ashlar/ashlar.h"

/* Prints the figures as one line, `ashlar: mallocs=... frees=...`, to the descriptor. */
void stats_print(int fd);

#endif
