/* ashlar.h: the promise of the Ashlar allocator.
 *
 * libashlar.so and libashlar.a export the C library's own names (malloc, free, ...), so a program
 * needs this header only to look inside the heap, to change settings, or to call the prefixed names of
 * libashlar_prefixed.a, which may live beside another malloc.
 *
 * Units: sizes in bytes, times in milliseconds where a name ends in _ms. Errors: an allocation that
 * fails returns NULL with errno ENOMEM and nothing lost; a misuse of free or realloc writes one line
 * to standard error and aborts.
 */
#ifndef ASHLAR_H
#define ASHLAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The doors under their prefixed names (libashlar_prefixed.a only). Each behaves as the C library
 * function of the same name without the prefix; see malloc(3), posix_memalign(3), C23 7.24.3. */
void *ashlar_malloc(size_t size_bytes);
void *ashlar_calloc(size_t count, size_t size_bytes);
void *ashlar_realloc(void *ptr, size_t size_bytes);
void *ashlar_reallocarray(void *ptr, size_t count, size_t size_bytes);
void ashlar_free(void *ptr);
void ashlar_free_sized(void *ptr, size_t size_bytes);
void ashlar_free_aligned_sized(void *ptr, size_t alignment_bytes, size_t size_bytes);
int ashlar_posix_memalign(void **out, size_t alignment_bytes, size_t size_bytes);
void *ashlar_aligned_alloc(size_t alignment_bytes, size_t size_bytes);
void *ashlar_memalign(size_t alignment_bytes, size_t size_bytes);
void *ashlar_valloc(size_t size_bytes);
void *ashlar_pvalloc(size_t size_bytes);
size_t ashlar_malloc_usable_size(const void *ptr);

/* ---- the extended doors ------------------------------------------------------------------------
 *
 * malloc's and free's relatives that take flags: an alignment, zeroed memory, an arena, a cache. Flags
 * are ORed, one of each kind at most. The names and the numbers are those of jemalloc(3), so that a
 * program written for them builds and runs unchanged.
 *
 *     p = mallocx(1000, MALLOCX_ALIGN(64) | MALLOCX_ZERO);
 *     p = rallocx(p, 5000, MALLOCX_ZERO);
 *     dallocx(p, 0);
 */
#ifndef MALLOCX_LG_ALIGN
/* At a multiple of 2^lg bytes, lg < 47; of a, a power of two. 16 where neither is given. */
#define MALLOCX_LG_ALIGN(lg) ((int)(lg))
#define MALLOCX_ALIGN(a) ((int)__builtin_ctzll((unsigned long long)(a)))
/* All usable bytes of a new block read as zero; of a block that grows, those beyond its old usable size. */
#define MALLOCX_ZERO ((int)0x40)
/* Through the explicit cache with this identifier (mallctl "tcache.create"), or through none. Without
 * either, the calling thread's own. An explicit cache is for one thread at a time. */
#define MALLOCX_TCACHE(tc) ((int)(((tc) + 2) << 8))
#define MALLOCX_TCACHE_NONE MALLOCX_TCACHE(-1)
/* From the arena with this index, and past the thread's own cache, whose blocks may be of any arena. A
 * block is always given back to the arena that it is from, whatever dallocx is told. */
#define MALLOCX_ARENA(a) ((int)((((unsigned)(a)) + 1) << 20))
#endif

/* A block of at least size_bytes, or NULL with errno ENOMEM. A size of 0 counts as 1; EINVAL: there is no
 * such arena or cache. */
void *mallocx(size_t size_bytes, int flags);

/* The block, moved where need be, with at least size_bytes, its contents kept up to the lesser size. NULL
 * with errno ENOMEM or EINVAL: the old block is as it was. ptr is a live block, never NULL. A new
 * place is in the arena that the flags name, else in the thread's. */
void *rallocx(void *ptr, size_t size_bytes, int flags);

/* Changes the size where the block lies, to size_bytes + extra_bytes, or else to size_bytes at least, where
 * that is possible. Returns the usable size in the end: below size_bytes when it could not grow. */
size_t xallocx(void *ptr, size_t size_bytes, size_t extra_bytes, int flags);

/* The usable bytes of a live block. */
size_t sallocx(const void *ptr, int flags);

/* Gives a live block back, into the cache that the flags name. The program ends by one line where the
 * pointer is no live block, where there is no such cache, and (sdallocx) where size_bytes is more
 * than the block has, which is how a wrong pointer or type shows. */
void dallocx(void *ptr, int flags);
void sdallocx(void *ptr, size_t size_bytes, int flags);

/* The usable size that mallocx would give, or 0 where no block can be so large. Allocates nothing. */
size_t nallocx(size_t size_bytes, int flags);

/* The same, of libashlar_prefixed.a. */
void *ashlar_mallocx(size_t size_bytes, int flags);
void *ashlar_rallocx(void *ptr, size_t size_bytes, int flags);
size_t ashlar_xallocx(void *ptr, size_t size_bytes, size_t extra_bytes, int flags);
size_t ashlar_sallocx(const void *ptr, int flags);
void ashlar_dallocx(void *ptr, int flags);
void ashlar_sdallocx(void *ptr, size_t size_bytes, int flags);
size_t ashlar_nallocx(size_t size_bytes, int flags);

/* ---- chunk hooks -------------------------------------------------------------------------------
 *
 * Where an arena gets its chunks: seven functions of the program, given when the arena is made (mallctl
 * "arenas.create") or exchanged later ("arena.<i>.chunk_hooks"). An arena made with hooks asks them for
 * its very first chunk; one that got them later keeps its older chunks where those came from.
 *
 * Sizes, offsets and alignments are bytes and multiples of 4 MiB (size, alignment, size_a, size_b) or
 * of the page (offset, length). Every hook may fail at any time; the heap stays whole. Every hook but
 * alloc returns true for failure and for "not done here". Hooks are called by any thread, several at
 * once, with locks of their arena held. They may allocate: what they take comes from an arena without
 * hooks, as if the thread had no cache; if there is none, such an allocation fails. They must not
 * touch blocks of the arena that they serve. errno is kept.
 */

/* size bytes at a multiple of alignment (a power of two), at new_addr where that is not NULL, or NULL. On
 * return *zero says whether they read as zero, *commit whether they may be touched (both may be asked for:
 * then true on entry). Another address than the one asked for, or memory given before, ends the program. */
typedef void *(chunk_alloc_t)(void *new_addr, size_t size, size_t alignment, bool *zero,
                              bool *commit, unsigned arena_ind);

/* Takes a free chunk back: false: it is the program's again. True: decommit, then purge are tried,
 * and the arena keeps it for reuse. */
typedef bool(chunk_dalloc_t)(void *chunk, size_t size, bool committed, unsigned arena_ind);

/* Makes length bytes at offset of a chunk usable after decommit; they then read as zero. */
typedef bool(chunk_commit_t)(void *chunk, size_t size, size_t offset, size_t length,
                             unsigned arena_ind);

/* Gives the memory behind them back; they are not touched until they are committed again. */
typedef bool(chunk_decommit_t)(void *chunk, size_t size, size_t offset, size_t length,
                               unsigned arena_ind);

/* Gives the memory behind them back, and keeps them usable: false: they read as zero from now on. */
typedef bool(chunk_purge_t)(void *chunk, size_t size, size_t offset, size_t length,
                            unsigned arena_ind);

/* May a chunk be used and given back as two, or two neighbours as one? */
typedef bool(chunk_split_t)(void *chunk, size_t size, size_t size_a, size_t size_b, bool committed,
                            unsigned arena_ind);
typedef bool(chunk_merge_t)(void *chunk_a, size_t size_a, void *chunk_b, size_t size_b,
                            bool committed, unsigned arena_ind);

typedef struct {
    chunk_alloc_t *alloc;
    chunk_dalloc_t *dalloc;
    chunk_commit_t *commit;
    chunk_decommit_t *decommit;
    chunk_purge_t *purge;
    chunk_split_t *split;
    chunk_merge_t *merge;
} chunk_hooks_t;

/* Where this is not NULL it is called with each line of a warning or an error, closed by a newline and a zero,
 * instead of writing it to standard error. It must not allocate. opaque is NULL. */
extern void (*malloc_message)(void *opaque, const char *line);
extern void (*ashlar_malloc_message)(void *opaque, const char *line); /* of libashlar_prefixed.a */

/* ---- asking and setting by name ------------------------------------------------------------------ */

/* Asks and sets by name; alloc/inspect/ctl_names.md lists the names. libashlar.so and libashlar.a export
 * these four without the prefix, the other library with it.
 *
 * The old value of `name` is copied to *oldp, whose size is *oldlenp, if both are not NULL; then the new
 * one is taken from *newp, of newlen bytes, if that is not NULL. Returns 0, or
 *   EINVAL  *oldlenp is not the size of the value (as much of it as fits is copied, its length is put
 *           into *oldlenp, and nothing is changed), or newlen is not
 *   EPERM   the name cannot be read, or not be written
 *   ENOENT  there is no such name, or the number in it is out of range
 *   EAGAIN  no memory; or asked in a chunk hook, where only constants, options and the figures of the
 *           last snapshot can be read
 *   EFAULT  the change was not possible
 */
int ashlar_mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);
int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);

/* The name as numbers, for many questions of one kind: *miblenp of them, at most as many as the name has
 * components. A number that stands in the name stands in its place in *mibp and may be exchanged. */
int ashlar_mallctlnametomib(const char *name, size_t *mibp, size_t *miblenp);
int mallctlnametomib(const char *name, size_t *mibp, size_t *miblenp);
int ashlar_mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp, void *newp,
                        size_t newlen);
int mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp, void *newp,
                 size_t newlen);

/* All that can be asked of the heap, as text or, with the letter J in opts, as JSON, given to write_cb
 * in pieces (NULL: to malloc_message if that is set, else to standard error). Other letters leave parts
 * out: g m a b l h x, see alloc/inspect/report.h. */
void ashlar_malloc_stats_print(void (*write_cb)(void *opaque, const char *text), void *opaque,
                               const char *opts);
void malloc_stats_print(void (*write_cb)(void *opaque, const char *text), void *opaque,
                        const char *opts);

/* ---- looking inside ---------------------------------------------------------------------------- */

/* The version as "major.minor.patch". Never NULL. */
const char *ashlar_version(void);

/* Walks the whole heap and tests every numbered invariant of the sources.
 * Returns true when all hold; otherwise writes one line a broken invariant to file descriptor 2 and
 * returns false. The caller must see to it that no other thread allocates meanwhile. */
bool ashlar_check(void);

/* Prints the heap to file descriptor fd, one character a page, 64 pages a line, one block of lines
 * a chunk; a legend comes first. Nothing in the output depends on addresses that the system chose. */
void ashlar_picture(int fd);

/* The figures of the heap at one moment. allocated <= active <= resident <= mapped always holds. */
struct ashlar_stats {
    size_t allocated_bytes; /* in blocks that the program holds, at their usable sizes */
    size_t cached_bytes;    /* in blocks that thread caches and queues hold */
    size_t active_bytes;    /* in pages of runs that hold at least one block, and huge blocks */
    size_t dirty_bytes;     /* in free pages that the system still backs */
    size_t resident_bytes;  /* active + dirty + metadata: an upper bound of what is backed */
    size_t mapped_bytes;    /* address space taken from the system */
    size_t metadata_bytes;  /* of which chunk headers and base memory */
    uint64_t mallocs;       /* blocks handed out since the start */
    uint64_t frees;         /* blocks taken back since the start */
    unsigned narenas;       /* arenas in use */
    unsigned nthreads;      /* threads that own a cache */
};

/* Fills *out. Exact while no other thread allocates; otherwise each figure is one that held at some
 * moment of the call. In a chunk hook all are 0. */
void ashlar_stats_get(struct ashlar_stats *out);

/* Gives back what the calling thread's cache holds, and every free page that the system still
 * backs. The bytes given back to the system are returned. */
size_t ashlar_purge(void);

/* Allocation sampling (option prof:true). An estimate of what the program holds, from the samples:
 * unbiased, with a relative error that shrinks with the number of samples. */
struct ashlar_prof_stats {
    uint64_t samples_live;     /* sampled blocks that the program still holds */
    uint64_t samples_total;    /* blocks sampled since the start */
    double estimate_live_bytes; /* estimated bytes in live blocks */
    double estimate_live_blocks; /* estimated number of live blocks */
};
void ashlar_prof_stats_get(struct ashlar_prof_stats *out);

/* Writes one line a live sample to fd: requested bytes, weight, return addresses. */
void ashlar_prof_dump(int fd);

#ifdef __cplusplus
}
#endif
#endif
