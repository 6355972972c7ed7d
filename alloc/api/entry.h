/* entry.h: the doors under the names that each library gives them.
 *
 *     libashlar.so, libashlar.a     malloc, free, ...            (ASHLAR_OVERRIDE)
 *     libashlar_prefixed.a          ashlar_malloc, ashlar_free, ...
 */
#ifndef ASHLAR_API_ENTRY_H
#define ASHLAR_API_ENTRY_H

#include "../include/ashlar/ashlar.h"
#include "../util/common.h"

#ifdef ASHLAR_OVERRIDE
#define DOOR(name) name
#else
#define DOOR(name) ashlar_##name
#endif

#define EXPORT __attribute__((visibility("default")))

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
