/* memory.h: memory of the stress itself, outside every heap and past every injected fault. */
#ifndef STRESS_MEMORY_H
#define STRESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed pages, touched as they are used; the program ends when there are none. */
void *memory_map(size_t size_bytes);

void memory_unmap(void *addr, size_t size_bytes);

/* Resident bytes of this process and its whole address space, by the kernel's count. */
size_t memory_resident_bytes(void);
size_t memory_mapped_bytes(void);

/* Whether a sanitizer is at work, whose own memory is in those figures: then they prove nothing. */
bool memory_is_shared(void);

#endif
