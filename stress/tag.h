/* tag.h: the contents oracle. Which bytes a block holds is a function of (key, offset), and the key
 * a function of the run's seed and the block's serial, which stand in a table outside the heap.
 *
 *      0       64             line      line + 64          size - 64   size
 *      |=======|- - - - - - - |=========|- - - - - - - - - - |=========|      = tagged
 *
 * A write of anybody else to those places, or a block handed out twice, shows when it is checked.
 */
#ifndef STRESS_TAG_H
#define STRESS_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the tags of a block of size_bytes; with `full`, every byte. */
void tag_write(void *block, size_t size_bytes, uint64_t key, bool full);

/* Whether the tags of a block that was tagged with size_bytes are there, as far as they lie within
 * its first visible_bytes (after realloc). On failure *offset is the first wrong byte. */
bool tag_holds(const void *block, size_t size_bytes, size_t visible_bytes, uint64_t key, bool full,
               size_t *offset);

/* Whether the block reads as zero: all of it up to 64 KiB or with `full`, else both ends and a part
 * of each page. On failure *offset is a byte that is not. */
bool tag_is_zero(const void *block, size_t size_bytes, uint64_t key, bool full, size_t *offset);

#endif
