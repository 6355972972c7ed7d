/* entry.c: the doors: malloc, free and the rest of the C library's names, in one object, so that a
 * statically linked program takes all of them from here or none.
 *
 *     malloc   cache bin empty? --yes--> slow: start, fill, sample, large, huge, out of memory
 *                    | no
 *                    v pop
 *
 *     free     a region of a small run?  not free already?  credit left?  --no--> slow: large, huge,
 *                    | yes, yes, yes                                              renewal, misuse
 *                    v push
 *
 * Prices, x86-64, gcc 12 -O2, counted from the disassembly, return included:
 *     malloc, up to 4 KiB, hit     17 instructions, 4 loads, 1 branch missed at most
 *     free, small, hit             39 instructions: 8 for the registry (which covers NULL and wild
 *                                  addresses), 7 for the page word, 4 for the bin, 6 that refuse
 *                                  interior pointers, 4 for the key, 5 for the credit, 5 to push
 * No option is tested on either: see tcache.h.
 *
 * Below        prof tcache thread boot          Above   cxx, override; the program
 */
#include "entry.h"
#include "boot.h"
#include "early.h"
#include "serve.h"
#include "../heap/misuse.h"
#include "../prof/prof.h"
#include "../thread/thread.h"
#include "../util/conf.h"
#include "../util/diag.h"

#include <errno.h>
#include <string.h>

/* ---- allocation ------------------------------------------------------------------------------- */

/* Pops from a cache, or NULL. The bins of a cache that may not be used are empty. */
INLINE void *pop(struct tcache *tc, unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    uint64_t *block = bin->head;
    if (LIKELY(block != NULL)) {
        bin->head = (void *)(uintptr_t)block[0];
        bin->npop++;
        block[1] = 0; /* the key: this block is no longer free */
    }
    return block;
}

/* The same for any cached class: beyond 32 KiB the page word, not a key, says that a block is free. */
INLINE void *pop_any(struct tcache *tc, unsigned class)
{
    void *block = pop(tc, class);
    if (LIKELY(block != NULL) && class >= SMALL_CLASSES) {
        page_large_set((uintptr_t)block, class, PAGE_LARGE);
    }
    return block;
}

static COLD void *out_of_memory(size_t size)
{
    if (conf.xmalloc) {
        diag_abort("out of memory allocating %u bytes (xmalloc:true)", (uint64_t)size);
    }
    errno = ENOMEM;
    return NULL;
}

/* One block of a class that no cache serves: past the cached classes, or in a thread without cache. */
static void *alloc_class_direct(struct arena *arena, unsigned class, unsigned align_pages,
                                bool *zeroed)
{
    *zeroed = false;
    if (class >= SMALL_CLASSES) {
        return arena_large_alloc(arena, class, align_pages, PAGE_LARGE, zeroed);
    }
    void *block = NULL;
    if (arena_fill(arena, class, &block, 1)) {
        ((uint64_t *)block)[1] = 0;
    }
    return block;
}

/* What is too large for the arenas of threads comes from one apart (oversize_threshold). */
static struct arena *arena_for(const struct request *r, struct arena *arena)
{
    if (UNLIKELY(conf.oversize_threshold && r->size >= conf.oversize_threshold) &&
        !arena_is_explicit(arena) && !hooks_running) {
        struct arena *apart = arena_oversize();
        return apart ? apart : arena;
    }
    return arena;
}

static void *alloc_huge(const struct request *r, struct tcache *tc, struct arena *arena,
                        bool *zeroed)
{
    void *block = arena_huge_alloc(arena_for(r, arena), r->size, r->alignment, zeroed);
    if (block && UNLIKELY(conf.prof) && tc) {
        struct extent *extent = extent_find((uintptr_t)block);
        if (prof_draw(&tc->prng, huge_usable(extent))) {
            prof_huge(extent, r->size, r->caller);
        }
    }
    return block;
}

/* A block that went through an explicit cache counts to the thread that used it. */
static void note_explicit(const struct tcache *tc, size_t allocated, size_t freed)
{
    if (UNLIKELY(tc->is_explicit)) {
        thread_count_explicit(allocated, freed);
    }
}

/* A block of this class at multiples of align_pages (beyond one page: not cached). */
static void *alloc_class(const struct request *r, struct tcache *tc, struct arena *arena,
                         unsigned class, unsigned align_pages, bool *zeroed)
{
    bool cacheable = tc && class < CACHED_CLASSES && align_pages == 1 &&
                     size_class_bytes(class) <= (size_t)1 << conf.lg_tcache_max;
    if (cacheable) {
        bool sample_due;
        void *block = tcache_fill(tc, class, zeroed, &sample_due);
        if (LIKELY(!sample_due)) {
            note_explicit(tc, block ? size_class_bytes(class) : 0, 0);
            return block;
        }
        block = prof_alloc(arena, class, 1, r->size, r->caller, zeroed);
        tc->bins[class].npop++; /* the sampled block counts as one that was filled in and popped */
        tc->bins[class].base++;
        tcache_sample_next(tc, class);
        note_explicit(tc, block ? size_class_bytes(class) : 0, 0);
        return block;
    }
    void *block;
    arena = arena_for(r, arena);
    if (UNLIKELY(conf.prof) && tc && prof_draw(&tc->prng, size_class_bytes(class))) {
        block = prof_alloc(arena, class, align_pages, r->size, r->caller, zeroed);
    } else {
        block = alloc_class_direct(arena, class, align_pages, zeroed);
    }
    if (block) {
        arena_count_requests(arena, class, 1);
        thread_count_malloc(size_class_bytes(class));
    }
    return block;
}

/* The class and alignment in pages that serve the request from a run, or false: it is huge. */
INLINE bool place(const struct request *r, unsigned *class, unsigned *align_pages)
{
    *align_pages = 1;
    if (r->size > LARGE_MAX) {
        return false;
    }
    *class = size_class_of(r->size);
    if (r->alignment <= QUANTUM) {
        return true;
    }
    if (r->alignment <= PAGE_SIZE) {
        if (r->size > LARGE_MAX - PAGE_SIZE) {
            return true; /* the last class is a multiple of the page */
        }
        *class = size_class_aligned(r->size, r->alignment);
        return true;
    }
    if (r->alignment >= CHUNK_SIZE) {
        return false;
    }
    *class = *class < SMALL_CLASSES ? SMALL_CLASSES : *class;
    *align_pages = (unsigned)(r->alignment >> LG_PAGE);
    return large_pages(*class) + *align_pages - 1 <= USABLE_PAGES;
}

/* One try to serve a request whose size is possible. */
static void *try_alloc(const struct request *r, struct tcache *tc, struct arena *arena,
                       bool *zeroed)
{
    unsigned class, align_pages;
    void *block;
    if (UNLIKELY(!arena)) {
        return NULL;
    }
    if (!place(r, &class, &align_pages)) {
        block = alloc_huge(r, tc, arena, zeroed);
        if (block) {
            thread_count_malloc(ROUND_UP(r->size ? r->size : 1, CHUNK_SIZE));
        }
        return block;
    }
    /* The cache may have what is needed: the fast paths do not look for every request. */
    if (tc && class < CACHED_CLASSES && align_pages == 1 && tc->bins[class].head) {
        note_explicit(tc, size_class_bytes(class), 0);
        return pop_any(tc, class);
    }
    return alloc_class(r, tc, arena, class, align_pages, zeroed);
}

/* The second try, after all unused memory that this thread can reach was given back. */
static COLD void *try_again(const struct request *r, struct tcache *tc, struct arena *arena,
                            bool *zeroed)
{
    if (tc) {
        tcache_flush_all(tc);
    }
    bool worth_it = arena_reclaim() || tc;
    return worth_it ? try_alloc(r, tc, arena ? arena : thread_arena(), zeroed) : NULL;
}

/* ---- options that fill blocks ------------------------------------------------------------------ */

#define JUNK_NEW 0xa5   /* read from a block before anything was written to it */
#define JUNK_FREED 0x5a /* read from a block that was freed */

static bool junk_is(enum junk when)
{
    return conf.junk == JUNK_BOTH || conf.junk == when;
}

/* Fills the bytes [from, to) of a block that the program gets. */
static COLD void fill_new(void *block, size_t from, size_t to, bool zero, bool zeroed)
{
    if (to > from && !((zero || conf.zero) && zeroed)) {
        memset((char *)block + from, zero || conf.zero ? 0 : JUNK_NEW, to - from);
    }
}

/* ---- the slow path ----------------------------------------------------------------------------- */

/* Both tries, and what new blocks are filled with. */
INLINE void *serve_sized(const struct request *r, struct tcache *tc, struct arena *arena)
{
    bool zeroed = false;
    void *block = try_alloc(r, tc, arena, &zeroed);
    if (UNLIKELY(!block)) {
        block = try_again(r, tc, arena, &zeroed);
    }
    if (UNLIKELY(!block)) {
        return out_of_memory(r->size);
    }
    if (UNLIKELY(conf.zero || junk_is(JUNK_ALLOC))) {
        fill_new(block, 0, block_find((uintptr_t)block).usable, r->zero, zeroed);
    } else if (r->zero && !zeroed) {
        memset(block, 0, r->size);
    }
    thread_note();
    return block;
}

/* Is there an address space that could hold it? */
INLINE bool is_possible(size_t size, size_t alignment)
{
    return size <= PTRDIFF_MAX && alignment <= PTRDIFF_MAX - size;
}

void *serve(const struct request *r, struct tcache *tc, struct arena *arena)
{
    return is_possible(r->size, r->alignment) ? serve_sized(r, tc, arena)
                                              : out_of_memory(r->size);
}

size_t serve_usable(size_t size, size_t alignment)
{
    unsigned class, align_pages;
    struct request r = {.size = size, .alignment = alignment};
    if (!is_possible(size, alignment)) {
        return 0;
    }
    if (place(&r, &class, &align_pages)) {
        return size_class_bytes(class);
    }
    size_t chunks = ROUND_UP(size ? size : 1, CHUNK_SIZE) >> LG_CHUNK;
    return chunks <= EXTENT_CHUNKS_MAX ? chunks << LG_CHUNK : 0;
}

/* All that the fast paths do not do. */
static NOINLINE void *alloc_slow(const struct request *r)
{
    if (UNLIKELY(!is_possible(r->size, r->alignment))) {
        return out_of_memory(r->size);
    }
    if (UNLIKELY(early_now())) {
        return early_alloc(r->size, r->alignment);
    }
    boot();
    struct tcache *tc = thread_cache();
    return serve_sized(r, tc, tc ? tc->arena : thread_arena());
}

void *DOOR(malloc)(size_t size)
{
    if (LIKELY(size <= TABLE_MAX)) {
        void *block = pop(tcache_self, size_class_lookup(size));
        if (LIKELY(block != NULL)) {
            return block;
        }
    }
    if (size <= CACHED_MAX && size > TABLE_MAX) {
        void *block = pop_any(tcache_self, size_class_compute(size));
        if (LIKELY(block != NULL)) {
            return block;
        }
    }
    return alloc_slow(&(struct request){size, QUANTUM, false, CALLER});
}

void *DOOR(calloc)(size_t count, size_t size)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &total))) {
        return out_of_memory(SIZE_MAX);
    }
    if (LIKELY(total <= TABLE_MAX)) {
        void *block = pop(tcache_self, size_class_lookup(total));
        if (LIKELY(block != NULL)) {
            return memset(block, 0, total);
        }
    }
    return alloc_slow(&(struct request){total, QUANTUM, true, CALLER});
}

/* ---- aligned allocation ----------------------------------------------------------------------- */

static void *alloc_aligned(size_t alignment, size_t size, void *caller)
{
    return alloc_slow(
        &(struct request){size, alignment < QUANTUM ? QUANTUM : alignment, false, caller});
}

int DOOR(posix_memalign)(void **out, size_t alignment, size_t size)
{
    if (!bits_is_pow2(alignment) || alignment % sizeof(void *) != 0) {
        return EINVAL;
    }
    int saved = errno;
    void *block = alloc_aligned(alignment, size, CALLER);
    errno = saved;
    if (!block) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

void *DOOR(aligned_alloc)(size_t alignment, size_t size)
{
    if (!bits_is_pow2(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return alloc_aligned(alignment, size, CALLER);
}

/* As in the C library, an alignment that is no power of two is rounded up to one. */
void *DOOR(memalign)(size_t alignment, size_t size)
{
    if (alignment > (SIZE_MAX >> 1) + 1) {
        errno = EINVAL;
        return NULL;
    }
    if (!bits_is_pow2(alignment)) {
        alignment = alignment ? (size_t)2 << bits_lg_floor(alignment) : QUANTUM;
    }
    return alloc_aligned(alignment, size, CALLER);
}

void *DOOR(valloc)(size_t size)
{
    return alloc_aligned(PAGE_SIZE, size, CALLER);
}

void *DOOR(pvalloc)(size_t size)
{
    size_t pages = ROUND_UP(size, PAGE_SIZE);
    if (pages < size) {
        return out_of_memory(size);
    }
    return alloc_aligned(PAGE_SIZE, pages ? pages : PAGE_SIZE, CALLER);
}

/* ---- what is this block? ---------------------------------------------------------------------- */

static bool carries_key(uintptr_t region)
{
    return ((const uint64_t *)region)[1] == tcache_key((const void *)region);
}

static COLD _Noreturn void misuse_small(const struct block *b, uintptr_t addr, const char *door)
{
    bool freed = carries_key(b->start) || !bin_region_is_out(b->run, b->start);
    if (addr == b->start) {
        misuse_freed((const void *)addr, door, b->usable, b->arena->index, run_addr(b->run));
    }
    if (freed) {
        misuse_not_live((const void *)addr, door);
    }
    misuse_inside((const void *)addr, door, b->usable, b->start);
}

struct block serve_block(const void *ptr, const char *door)
{
    boot();
    uintptr_t addr = (uintptr_t)ptr;
    struct block b = block_find(addr);
    switch (b.kind) {
    case BLOCK_FOREIGN:
        misuse_foreign(ptr, door);
    case BLOCK_NONE:
        misuse_not_live(ptr, door);
    case BLOCK_HUGE_FREED:
        misuse_freed_huge(ptr, door);
    case BLOCK_SMALL:
        if (addr != b.start || carries_key(addr) || !bin_region_is_out(b.run, addr)) {
            misuse_small(&b, addr, door);
        }
        break;
    case BLOCK_SAMPLED:
    case BLOCK_LARGE:
        if (b.cached && addr == b.start) {
            misuse_freed(ptr, door, b.usable, b.arena->index, b.start);
        }
        if (b.cached) {
            misuse_not_live(ptr, door);
        }
        /* fallthrough */
    case BLOCK_HUGE:
        if (addr != b.start) {
            misuse_inside(ptr, door, b.usable, b.start);
        }
    }
    return b;
}

size_t DOOR(malloc_usable_size)(const void *ptr)
{
    if (UNLIKELY(early_owns(ptr))) {
        return early_usable(ptr);
    }
    return ptr ? serve_block(ptr, "malloc_usable_size").usable : 0;
}

/* ---- free ------------------------------------------------------------------------------------- */

/* A block of an explicit arena goes into a cache only if the program put that cache there: it made the
 * cache, or bound the thread to the arena. */
static bool takes(const struct tcache *tc, const struct arena *arena)
{
    return tc && (!arena_is_explicit(arena) || tc->is_explicit || tc->arena == arena);
}

static void free_small(struct tcache *tc, const struct block *b, void *ptr)
{
    if (takes(tc, b->arena)) {
        tcache_push(tc, b->run->class, ptr);
        note_explicit(tc, 0, b->usable);
        return;
    }
    ((uint64_t *)ptr)[1] = tcache_key(ptr);
    if (arena_is_explicit(b->arena)) {
        arena_flush_apart(b->arena, b->run->class, ptr);
    } else {
        arena_flush(thread_arena(), b->run->class, &ptr, 1);
    }
    thread_count_free(b->usable);
}

static void free_large(struct tcache *tc, const struct block *b, void *ptr)
{
    unsigned class = b->run->class;
    if (tc && class < CACHED_CLASSES && !arena_is_explicit(b->arena) &&
        size_class_bytes(class) <= (size_t)1 << conf.lg_tcache_max) {
        tcache_push(tc, class, ptr);
        note_explicit(tc, 0, b->usable);
        return;
    }
    arena_large_free(b->run);
    thread_count_free(b->usable);
}

static void free_huge(const struct block *b)
{
    if (b->extent) { /* else a fork forgot it: it stays as it is */
        prof_huge_free(b->extent);
        arena_huge_free(b->extent);
    }
    thread_count_free(b->usable);
}

void serve_free(const struct block *b, void *ptr, struct tcache *tc)
{
    if (UNLIKELY(junk_is(JUNK_FREE))) {
        memset(ptr, JUNK_FREED, b->usable);
    }
    if (b->kind == BLOCK_SMALL) {
        free_small(tc, b, ptr);
    } else if (b->kind == BLOCK_LARGE) {
        free_large(tc, b, ptr);
    } else if (b->kind == BLOCK_SAMPLED) {
        prof_free(b->run);
        thread_count_free(b->usable);
    } else {
        free_huge(b);
    }
    thread_note();
}

static void free_block(const struct block *b, void *ptr)
{
    serve_free(b, ptr, thread_cache());
}

/* A large block of a class that caches hold, into a cache whose credit is not spent: true when done. */
INLINE bool free_large_cached(void *ptr)
{
    uintptr_t addr = (uintptr_t)ptr;
    if (chunk_kind_at(addr) != CHUNK_RUNS) {
        return false;
    }
    uint64_t word = page_word(addr);
    unsigned class = page_word_class(word);
    if (page_word_state(word) != PAGE_LARGE || page_word_offset(word, addr) != 0 ||
        class >= CACHED_CLASSES || tcache_self->bins[class].credit == 0) {
        return false;
    }
    tcache_push(tcache_self, class, ptr);
    return true;
}

static NOINLINE void free_slow(void *ptr)
{
    if (free_large_cached(ptr)) {
        return;
    }
    if (ptr && !early_owns(ptr)) {
        struct block b = serve_block(ptr, "free");
        free_block(&b, ptr);
    }
}

void DOOR(free)(void *ptr)
{
    uintptr_t addr = (uintptr_t)ptr;
    if (LIKELY(chunk_kind_at(addr) == CHUNK_RUNS)) {
        uint64_t word = page_word(addr);
        struct tcache_bin *bin = tcache_bin_of_word(tcache_self, word);
        uint32_t product = page_word_offset(word, addr) * bin->reciprocal;
        uint64_t *block = ptr;
        /* Not the start of a region, or not small: the bin of such pages has the reciprocal 0. */
        if (LIKELY(product < bin->reciprocal)) {
            uint64_t key = tcache_key(ptr);
            if (LIKELY(block[1] != key && bin->credit != 0)) {
                bin->credit--;
                block[1] = key;
                block[0] = (uint64_t)(uintptr_t)bin->head;
                bin->head = ptr;
                return;
            }
        }
    }
    free_slow(ptr);
}

void DOOR(free_sized)(void *ptr, size_t size)
{
    (void)size;
    DOOR(free)(ptr);
}

void DOOR(free_aligned_sized)(void *ptr, size_t alignment, size_t size)
{
    (void)alignment, (void)size;
    DOOR(free)(ptr);
}

/* ---- realloc ---------------------------------------------------------------------------------- */

_Atomic size_t entry_zero_reallocs;

/* realloc(p, 0), for a live p. */
static COLD void *realloc_zero(const struct block *b, void *ptr, void *caller)
{
    atomic_fetch_add_explicit(&entry_zero_reallocs, 1, RELAXED);
    if (conf.zero_realloc == ZERO_REALLOC_ABORT) {
        diag_abort("realloc of %p to size 0 (zero_realloc:abort)", ptr);
    }
    if (conf.zero_realloc == ZERO_REALLOC_ALLOC) {
        void *fresh = alloc_slow(&(struct request){0, QUANTUM, false, caller});
        if (!fresh) {
            return NULL;
        }
        free_block(b, ptr);
        return fresh;
    }
    free_block(b, ptr);
    return NULL;
}

/* While allocations are sampled a block changes its class by moving only, for each new size is a new
 * draw. */
static bool resize_in_place(const struct block *b, size_t size)
{
    if (b->kind == BLOCK_SMALL || b->kind == BLOCK_SAMPLED) {
        return size <= b->usable &&
               (size > b->usable / 4 * 3 || size_class_bytes(size_class_of(size)) == b->usable);
    }
    if (b->kind == BLOCK_LARGE) {
        if (size <= SMALL_MAX || size > LARGE_MAX) {
            return false;
        }
        unsigned class = size_class_of(size);
        return class == b->run->class || (!conf.prof && arena_large_resize(b->run, class));
    }
    if (conf.prof) {
        return size <= b->usable && size > b->usable - CHUNK_SIZE;
    }
    return size > LARGE_MAX && b->extent && !b->extent->sample && arena_huge_resize(b->extent, size);
}

/* As resize_in_place; counts what became of the size, and fills what the block grew by. */
bool serve_resize(const struct block *b, size_t size)
{
    if (!resize_in_place(b, size)) {
        return false;
    }
    if (b->kind == BLOCK_LARGE || b->kind == BLOCK_HUGE) {
        size_t usable = b->kind == BLOCK_LARGE ? size_class_bytes(b->run->class)
                        : b->extent            ? huge_usable(b->extent)
                                               : b->usable;
        thread_count_resize(b->usable, usable);
        if (UNLIKELY(conf.zero || junk_is(JUNK_ALLOC))) {
            fill_new((void *)b->start, b->usable, usable, false, false);
        }
        thread_note();
    }
    return true;
}

static void *realloc_moving(const struct block *b, void *ptr, size_t size, void *caller)
{
    void *fresh = alloc_slow(&(struct request){size, QUANTUM, false, caller});
    if (!fresh) {
        return NULL;
    }
    memcpy(fresh, ptr, size < b->usable ? size : b->usable);
    free_block(b, ptr);
    return fresh;
}

/* The old size is not known: copy as much as may have been there. */
static COLD void *realloc_early(void *ptr, size_t size, void *caller)
{
    void *fresh = alloc_slow(&(struct request){size, QUANTUM, false, caller});
    if (!fresh) {
        return NULL;
    }
    size_t most = early_usable(ptr);
    return memcpy(fresh, ptr, size < most ? size : most);
}

static void *reallocate(void *ptr, size_t size, void *caller)
{
    if (UNLIKELY(early_owns(ptr))) {
        return realloc_early(ptr, size, caller);
    }
    struct block b = serve_block(ptr, "realloc");
    if (UNLIKELY(size == 0)) {
        return realloc_zero(&b, ptr, caller);
    }
    if (UNLIKELY(size > PTRDIFF_MAX)) {
        return out_of_memory(size);
    }
    return serve_resize(&b, size) ? ptr : realloc_moving(&b, ptr, size, caller);
}

void *DOOR(realloc)(void *ptr, size_t size)
{
    return ptr ? reallocate(ptr, size, CALLER) : DOOR(malloc)(size);
}

void *DOOR(reallocarray)(void *ptr, size_t count, size_t size)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &total))) {
        return out_of_memory(SIZE_MAX);
    }
    return ptr ? reallocate(ptr, total, CALLER) : DOOR(malloc)(total);
}

/* ---- the C library's own names for them ------------------------------------------------------- */

#ifdef ASHLAR_OVERRIDE
/* Static links pull the C library's malloc in, and with it a second heap, unless these are here. */
#ifdef __clang__
#define ALIAS(name, of) extern __typeof__(of) name __attribute__((alias(#of), visibility("default")))
#else
#define ALIAS(name, of) \
    extern __typeof__(of) name __attribute__((alias(#of), visibility("default"), copy(of)))
#endif
ALIAS(__libc_malloc, malloc);
ALIAS(__libc_calloc, calloc);
ALIAS(__libc_realloc, realloc);
ALIAS(__libc_reallocarray, reallocarray);
ALIAS(__libc_free, free);
ALIAS(__libc_memalign, memalign);
ALIAS(__libc_valloc, valloc);
ALIAS(__libc_pvalloc, pvalloc);
ALIAS(__posix_memalign, posix_memalign);
#endif
