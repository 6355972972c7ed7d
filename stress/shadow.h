/* shadow.h: the shadow heap: which addresses belong to a live block, kept outside the heap.
 *
 *     stripes of 1 MiB     | 17          | 18          | 19          |     each with its own lock
 *     live blocks          |  [a]   [b   |   b   ][c]  |        [d]  |     and a tree of intervals
 *
 * A block is entered after malloc returned it and taken out before it is freed. So whenever two
 * blocks that are alive at once share a byte, the second one meets the first in its stripe,
 * whatever the threads' timing: there are no false alarms.
 */
#ifndef STRESS_SHADOW_H
#define STRESS_SHADOW_H

#include <stdbool.h>
#include <stddef.h>

void shadow_start(void);

/* Enters a block, or gives the live block that it overlaps in *other and returns false. */
bool shadow_insert(const void *block, size_t size_bytes, const void **other);

/* Takes a block out, or returns false if there is none of this address and size. */
bool shadow_remove(const void *block, size_t size_bytes);

/* Blocks that are in now. */
size_t shadow_count(void);

#endif
