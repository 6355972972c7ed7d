/* extended.c: mallocx and its relatives: malloc and free with flags.
 *
 *     bit   31 ......... 20 | 19 .......... 8 | 7 | 6    | 5 .... 0
 *           arena + 1, or 0 | cache + 2, or   | - | zero | log2 of the alignment
 *                           | 1: none, 0: own
 *
 * Everything is done by serve.h; here flags become a cache, an arena and an alignment. Without such flags
 * mallocx is malloc and dallocx is free, with their fast paths; sdallocx looks at the page word before.
 *
 * Classes below 16 bytes, which this family has for small requests with a small alignment, do not exist: a
 * free block holds a link and a key of eight bytes each (tcache.h), and dropping the key for one class
 * would drop the double free check with it.
 *
 * Below        serve entry tcaches          Above   the program
 */
#include "entry.h"
#include "boot.h"
#include "early.h"
#include "serve.h"
#include "../heap/misuse.h"
#include "../thread/tcaches.h"

#include <errno.h>
#include <string.h>

EXPORT void *DOOR(mallocx)(size_t size, int flags);
EXPORT void *DOOR(rallocx)(void *ptr, size_t size, int flags);
EXPORT size_t DOOR(xallocx)(void *ptr, size_t size, size_t extra, int flags);
EXPORT size_t DOOR(sallocx)(const void *ptr, int flags);
EXPORT void DOOR(dallocx)(void *ptr, int flags);
EXPORT void DOOR(sdallocx)(void *ptr, size_t size, int flags);
EXPORT size_t DOOR(nallocx)(size_t size, int flags);

/* ---- flags ------------------------------------------------------------------------------------- */

enum { CACHE_OWN = 0, CACHE_NONE = 1, CACHE_FIRST = 2 };
_Static_assert(TCACHE_INDICES - 1 + CACHE_FIRST < 1 << 12, "every cache can be named");
_Static_assert(ARENA_INDICES - 1 + 1 < 1 << 12, "every arena can be named");

#define LG_QUANTUM 4u
_Static_assert(QUANTUM == 1 << LG_QUANTUM, "the alignment of every block");

static size_t alignment_of(int flags)
{
    size_t alignment = (size_t)1 << (flags & 63);
    return alignment < QUANTUM ? QUANTUM : alignment;
}

static unsigned cache_of(int flags)
{
    return (unsigned)flags >> 8 & 0xfff;
}

/* 0: none is named; else 1 + its index. */
static unsigned arena_flag_of(int flags)
{
    return (unsigned)flags >> 20;
}

/* Where a block is to come from. */
struct place {
    struct tcache *tc; /* NULL: past all caches */
    struct arena *arena;
};

/* False: the flags name a cache or an arena that does not exist. */
static bool find_place(int flags, struct place *place)
{
    unsigned cache = cache_of(flags), arena = arena_flag_of(flags);
    boot();
    place->tc = NULL;
    if (cache >= CACHE_FIRST) {
        place->tc = tcaches_get(cache - CACHE_FIRST);
    } else if (cache == CACHE_OWN && !arena) {
        place->tc = thread_cache();
    }
    place->arena = arena ? arena_obtain(arena - 1) : thread_arena();
    if ((cache >= CACHE_FIRST && !place->tc) || (arena && !place->arena)) {
        errno = EINVAL;
        return false;
    }
    if (cache >= CACHE_FIRST && place->arena) {
        tcaches_fill_from(place->tc, place->arena);
    }
    return true;
}

/* The cache that a block is to go into; NULL: none. */
static struct tcache *cache_for(const struct block *b, const void *ptr, int flags)
{
    unsigned cache = cache_of(flags);
    if (cache < CACHE_FIRST) {
        return cache == CACHE_OWN ? thread_cache() : NULL;
    }
    struct tcache *tc = tcaches_get(cache - CACHE_FIRST);
    if (!tc) {
        misuse_no_cache(ptr, "dallocx", cache - CACHE_FIRST);
    }
    if (b->arena) {
        tcaches_note(tc, b->arena);
    }
    return tc;
}

/* A zeroed block reads as zero to its very end, so that one that grows may be zeroed from there on. */
static void *alloc(size_t size, int flags, const struct place *place, void *caller)
{
    struct request r = {.size = size + (size == 0),
                        .alignment = alignment_of(flags),
                        .zero = flags & MALLOCX_ZERO,
                        .caller = caller};
    size_t usable = r.zero ? serve_usable(r.size, r.alignment) : 0;
    r.size = usable ? usable : r.size;
    return serve(&r, place->tc, place->arena);
}

/* ---- the doors --------------------------------------------------------------------------------- */

void *DOOR(mallocx)(size_t size, int flags)
{
    struct place place;
    if ((unsigned)flags <= LG_QUANTUM) { /* an alignment that every block has */
        return DOOR(malloc)(size);
    }
    if (UNLIKELY(early_now())) {
        return early_alloc(size, alignment_of(flags));
    }
    return find_place(flags, &place) ? alloc(size, flags, &place, CALLER) : NULL;
}

size_t DOOR(nallocx)(size_t size, int flags)
{
    return serve_usable(size + (size == 0), alignment_of(flags));
}

static bool is_aligned(const void *ptr, int flags)
{
    return ((uintptr_t)ptr & (alignment_of(flags) - 1)) == 0;
}

/* Resizes in place. The bytes by which the block grew are zeroed if the flags say so. */
static bool resize(const struct block *b, void *ptr, size_t size, int flags)
{
    if (size > PTRDIFF_MAX || !serve_resize(b, size)) {
        return false;
    }
    size_t usable = flags & MALLOCX_ZERO ? block_find((uintptr_t)ptr).usable : 0;
    if (usable > b->usable) {
        memset((char *)ptr + b->usable, 0, usable - b->usable);
    }
    return true;
}

/* The size of an early block is not known: as much is copied as may have been there. */
static void *move(void *ptr, size_t usable, size_t size, int flags, const struct place *place,
                  void *caller)
{
    void *fresh = alloc(size, flags, place, caller);
    return fresh ? memcpy(fresh, ptr, size < usable ? size : usable) : NULL;
}

void *DOOR(rallocx)(void *ptr, size_t size, int flags)
{
    struct place place;
    if (!find_place(flags, &place)) {
        return NULL;
    }
    if (UNLIKELY(early_owns(ptr))) {
        return move(ptr, early_usable(ptr), size, flags, &place, CALLER);
    }
    struct block b = serve_block(ptr, "rallocx");
    bool stays = is_aligned(ptr, flags) && (!arena_flag_of(flags) || b.arena == place.arena);
    if (stays && resize(&b, ptr, size + (size == 0), flags)) {
        return ptr;
    }
    void *fresh = move(ptr, b.usable, size, flags, &place, CALLER);
    if (fresh) {
        serve_free(&b, ptr, cache_for(&b, ptr, flags));
    }
    return fresh;
}

/* A large or huge block, made as large as `size` or as small as its kind allows. */
static bool resize_kind(const struct block *b, void *ptr, size_t size, int flags)
{
    size_t least = b->kind == BLOCK_HUGE ? LARGE_MAX + 1 : SMALL_MAX + 1;
    return resize(b, ptr, size > least ? size : least, flags);
}

size_t DOOR(xallocx)(void *ptr, size_t size, size_t extra, int flags)
{
    if (UNLIKELY(early_owns(ptr))) {
        return early_usable(ptr);
    }
    struct block b = serve_block(ptr, "xallocx");
    bool resizable = b.kind == BLOCK_LARGE || b.kind == BLOCK_HUGE;
    if (!resizable || !is_aligned(ptr, flags) || size > PTRDIFF_MAX) {
        return b.usable;
    }
    size_t most = extra < PTRDIFF_MAX - size ? size + extra : PTRDIFF_MAX;
    if (!resize_kind(&b, ptr, most, flags) && b.usable < size) {
        (void)resize_kind(&b, ptr, size, flags);
    }
    return block_find((uintptr_t)ptr).usable;
}

size_t DOOR(sallocx)(const void *ptr, int flags)
{
    (void)flags;
    return UNLIKELY(early_owns(ptr)) ? early_usable(ptr) : serve_block(ptr, "sallocx").usable;
}

void DOOR(dallocx)(void *ptr, int flags)
{
    if (cache_of(flags) == CACHE_OWN) {
        DOOR(free)(ptr);
    } else if (ptr && !early_owns(ptr)) {
        struct block b = serve_block(ptr, "free");
        serve_free(&b, ptr, cache_for(&b, ptr, flags));
    }
}

/* Is this an address in a run of a class that holds so many bytes? That it is a live block is for free to
 * say. */
static bool is_held_by_run(const void *ptr, size_t size)
{
    uintptr_t addr = (uintptr_t)ptr;
    uint64_t word = chunk_kind_at(addr) == CHUNK_RUNS ? page_word(addr) : 0;
    return word && size <= size_class_bytes(page_word_class(word));
}

void DOOR(sdallocx)(void *ptr, size_t size, int flags)
{
    if (LIKELY(cache_of(flags) == CACHE_OWN && is_held_by_run(ptr, size))) {
        DOOR(free)(ptr);
        return;
    }
    if (ptr && !early_owns(ptr)) {
        struct block b = serve_block(ptr, "free");
        if (UNLIKELY(size > b.usable && b.usable)) { /* 0: a fork made it unknown */
            misuse_size(ptr, "sdallocx", size, b.usable);
        }
        serve_free(&b, ptr, cache_for(&b, ptr, flags));
    }
}
