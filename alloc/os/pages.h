/* pages.h: the only calls that ask the system for memory or give it back. Each may fail at any time.
 *
 * All sizes are bytes and multiples of the page; fresh and purged memory reads as zero.
 * Every function returns true (or non-NULL) on success and keeps errno on failure as it was.
 * Below: the system. Above: base, chunk, purge, huge.
 */
#ifndef ASHLAR_OS_PAGES_H
#define ASHLAR_OS_PAGES_H

#include "../util/common.h"

/* Fresh zeroed memory at an address that is a multiple of `alignment` (a power of two), or NULL. */
void *pages_map(size_t size_bytes, size_t alignment);

/* Fresh zeroed memory at `addr`, or NULL where something lies there already. */
void *pages_map_at(void *addr, size_t size_bytes);

/* Bytes that pages_map took beyond its results and could not give back. */
size_t pages_stuck_bytes(void);

bool pages_unmap(void *addr, size_t size_bytes);

/* Gives the pages back; they read as zero afterwards. On failure their contents are unchanged. */
bool pages_purge(void *addr, size_t size_bytes);

/* Advises huge pages for the range, or advises against them. A hint: no result. */
void pages_hint_huge(void *addr, size_t size_bytes, bool wanted);

/* The range reads as zero in a forked child. False where the system cannot do it. */
bool pages_wipe_on_fork(void *addr, size_t size_bytes);

/* The page size of the running system. */
size_t pages_system_page_bytes(void);

#endif
