/* jemalloc.h: the names of jemalloc's header, for programs that were written for it, on Ashlar.
 *
 * Of its versions it speaks 4: mallocx and its relatives, chunk hooks, mallctl. What ashlar.h has already
 * (flags, hooks, mallctl) is told there. Programs that were written for a jemalloc with the prefix je_
 * find those names too; they are the plain ones.
 */
#ifndef ASHLAR_COMPAT_JEMALLOC_H
#define ASHLAR_COMPAT_JEMALLOC_H

#include <ashlar/ashlar.h>

#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <strings.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JEMALLOC_VERSION "4.5.0-ashlar"
#define JEMALLOC_VERSION_MAJOR 4
#define JEMALLOC_VERSION_MINOR 5
#define JEMALLOC_VERSION_BUGFIX 0
#define JEMALLOC_VERSION_NREV 0
#define JEMALLOC_VERSION_GID "ashlar"

/* The index that stands for all arenas in stats.arenas.<i> and arena.<i>. */
#define MALLCTL_ARENAS_ALL 4096

/* The options that a program may define for itself: key:value,key:value. */
extern const char *malloc_conf;

#define je_malloc_conf malloc_conf
#define je_malloc_message malloc_message
#define je_malloc malloc
#define je_calloc calloc
#define je_posix_memalign posix_memalign
#define je_aligned_alloc aligned_alloc
#define je_realloc realloc
#define je_free free
#define je_mallocx mallocx
#define je_rallocx rallocx
#define je_xallocx xallocx
#define je_sallocx sallocx
#define je_dallocx dallocx
#define je_sdallocx sdallocx
#define je_nallocx nallocx
#define je_mallctl mallctl
#define je_mallctlnametomib mallctlnametomib
#define je_mallctlbymib mallctlbymib
#define je_malloc_stats_print malloc_stats_print
#define je_malloc_usable_size malloc_usable_size
#define je_memalign memalign
#define je_valloc valloc

#ifdef __cplusplus
}
#endif
#endif
