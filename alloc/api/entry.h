/* entry.h: the doors, each under the name that its library gives it (door.h). */
#ifndef ASHLAR_API_ENTRY_H
#define ASHLAR_API_ENTRY_H

#include "door.h"
#include "../include/ashlar/ashlar.h"
#include "../util/common.h"

/* Times that realloc(p, 0) was called. */
extern HIDDEN _Atomic size_t entry_zero_reallocs;

EXPORT void *DOOR(malloc)(size_t size);
EXPORT void *DOOR(calloc)(size_t count, size_t size);
EXPORT void *DOOR(realloc)(void *ptr, size_t size);
EXPORT void *DOOR(reallocarray)(void *ptr, size_t count, size_t size);
EXPORT void DOOR(free)(void *ptr);
EXPORT void DOOR(free_sized)(void *ptr, size_t size);
EXPORT void DOOR(free_aligned_sized)(void *ptr, size_t alignment, size_t size);
EXPORT int DOOR(posix_memalign)(void **out, size_t alignment, size_t size);
EXPORT void *DOOR(aligned_alloc)(size_t alignment, size_t size);
EXPORT void *DOOR(memalign)(size_t alignment, size_t size);
EXPORT void *DOOR(valloc)(size_t size);
EXPORT void *DOOR(pvalloc)(size_t size);
EXPORT size_t DOOR(malloc_usable_size)(const void *ptr);

#endif
