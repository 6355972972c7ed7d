/* doors.h: the allocator under test, as a table of functions. A scenario calls through it only.
 *
 *     ashlar     libashlar_prefixed.a, linked into this program (the default)
 *     glibc      the C library's malloc: the control
 *     preload    whatever malloc LD_PRELOAD put in its place; refused when that is the C library's
 */
#ifndef STRESS_DOORS_H
#define STRESS_DOORS_H

#include "ashlar/ashlar.h"

#include <stdbool.h>
#include <stddef.h>

struct doors {
    const char *name;
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void (*free)(void *);
    void (*free_sized)(void *, size_t);                 /* free, where the library has none */
    void (*free_aligned_sized)(void *, size_t, size_t); /* likewise */
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*usable_size)(void *);
    bool (*check)(void);                  /* true where the allocator has no such function */
    void (*stats)(struct ashlar_stats *); /* NULL where it has none; so are the two below */
    size_t (*purge)(void);
    void (*prof_stats)(struct ashlar_prof_stats *);
};

/* The table for a name of the list above, or NULL with one line on standard error. */
const struct doors *doors_find(const char *name);

/* The figures of an allocator that has some; zeros otherwise. */
struct ashlar_stats doors_stats(const struct doors *door);

/* Gives free memory back to the system where the allocator can. */
void doors_purge(const struct doors *door);

#endif
