/* config.h: the limits and geometry of the allocator, in one place.
 *
 *     address bits   47 ........ 22 | 21 ........ 12 | 11 ........ 0
 *                    chunk number   | page in chunk  | offset in page
 *
 * All of these are compile-time constants, so that the fast path loads none of them.
 */
#ifndef ASHLAR_UTIL_CONFIG_H
#define ASHLAR_UTIL_CONFIG_H

#define ASHLAR_VERSION "0.1.0"

/* The page of the system. A system with larger pages is refused at start (boot.c). */
#ifndef LG_PAGE
#define LG_PAGE 12
#endif
#define PAGE_SIZE ((size_t)1 << LG_PAGE)
#define PAGE_MASK (PAGE_SIZE - 1)

/* 4 MiB: two huge pages, so that purging whole 2 MiB halves is possible, and large enough that the
 * header (73 KiB of address space, touched as it is used) is below 2 %. */
#define LG_CHUNK 22
#define CHUNK_SIZE ((size_t)1 << LG_CHUNK)
#define CHUNK_MASK (CHUNK_SIZE - 1)
#define CHUNK_PAGES ((unsigned)(CHUNK_SIZE >> LG_PAGE))

/* User addresses of x86-64 and of 48-bit arm64 fit (arm64 would need 26 bits of chunk number). */
#define ADDRESS_BITS 47
#define CHUNK_NUMBERS ((size_t)1 << (ADDRESS_BITS - LG_CHUNK))

/* Every block is aligned to this on 64-bit systems (max_align_t). */
#define QUANTUM ((size_t)16)

#define CACHELINE 64

/* The transparent huge page of x86-64 and of arm64 with 4 KiB pages. */
#define HUGEPAGE_SIZE ((size_t)2 << 20)

/* More than any machine has of CPUs times four. */
#define ARENAS_MAX 1024u

/* Arenas that a program makes come behind those. The flags of mallocx have 12 bits for an arena and for
 * a cache, of which 0 (arena) and 0 and 1 (cache) mean something else. */
#define ARENA_INDICES 4094u
#define TCACHE_INDICES 4093u

#endif
