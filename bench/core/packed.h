/* packed.h: a block and what is needed to free it, in one word.
 *
 *     63      48 47                        0
 *     +---------+--------------------------+
 *     |  code   |    address of a block    |      0: no block
 *     +---------+--------------------------+
 *
 * Workloads whose threads swap blocks through shared cells exchange one such word atomically. The
 * code is the block's size or stands for it. It cannot lie in the block itself: blocks overlap
 * under --null, and the sums of live bytes must hold there too.
 */
#ifndef ASHLAR_BENCH_PACKED_H
#define ASHLAR_BENCH_PACKED_H

#include <stdint.h>

#include "say.h"

#define PACKED_ADDRESS_BITS 48
#define PACKED_CODE_MAX 65535

static inline uint64_t pack(const void *block, uint16_t code)
{
    const uint64_t address = (uintptr_t)block;
    if (__builtin_expect(address >> PACKED_ADDRESS_BITS != 0, 0)) {
        die(EXIT_INTEGRITY, "block %p does not fit into 48 bits of address; widen packed.h", block);
    }
    return (uint64_t)code << PACKED_ADDRESS_BITS | address;
}

static inline void *packed_block(uint64_t word)
{
    return (void *)(uintptr_t)(word & ((UINT64_C(1) << PACKED_ADDRESS_BITS) - 1));
}

static inline uint16_t packed_code(uint64_t word)
{
    return (uint16_t)(word >> PACKED_ADDRESS_BITS);
}

#endif
