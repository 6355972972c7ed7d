/* heap.c: the system's allocator and the one that does nothing, behind one table. See heap.h. */
#include "heap.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

const struct heap heap_system = {
    .alloc = malloc,
    .release = free,
    .alloc_zeroed = calloc,
    .resize = realloc,
    .alloc_posix = posix_memalign,
    .alloc_aligned = aligned_alloc,
};

/* Not a weak reference: the link editor settles one in a program as absent. */
bool heap_add_sized(struct heap *heap)
{
    if (heap->release_sized == NULL) {
        void *door = dlsym(RTLD_DEFAULT, "free_sized");
        memcpy(&heap->release_sized, &door, sizeof door);
    }
    return heap->release_sized != NULL;
}

static _Thread_local struct {
    char *ring;  /* where the thread's window starts */
    size_t next; /* bytes handed out so far */
} null_state;

void heap_null_enter(void *ring)
{
    null_state.ring = ring;
    null_state.next = 0;
}

static void *null_alloc(size_t size_bytes)
{
    char *block = null_state.ring + (null_state.next & (NULL_WINDOW - 1));
    null_state.next += (size_bytes + 15) & ~(size_t)15;
    return block;
}

static void null_release(void *block)
{
    (void)block;
}

static void null_release_sized(void *block, size_t size_bytes)
{
    (void)block;
    (void)size_bytes;
}

static void *null_alloc_zeroed(size_t count, size_t size_bytes)
{
    return null_alloc(count * size_bytes);
}

/* In place: any size fits where no block has a length. */
static void *null_resize(void *block, size_t size_bytes)
{
    return block != NULL ? block : null_alloc(size_bytes);
}

/* The ring starts at a page, so an address in it is as aligned as its offset, up to a page. */
static void *null_alloc_aligned(size_t alignment_bytes, size_t size_bytes)
{
    null_state.next = (null_state.next + alignment_bytes - 1) & ~(alignment_bytes - 1);
    return null_alloc(size_bytes);
}

static int null_alloc_posix(void **block, size_t alignment_bytes, size_t size_bytes)
{
    *block = null_alloc_aligned(alignment_bytes, size_bytes);
    return 0;
}

const struct heap heap_null = {
    .alloc = null_alloc,
    .release = null_release,
    .release_sized = null_release_sized,
    .alloc_zeroed = null_alloc_zeroed,
    .resize = null_resize,
    .alloc_posix = null_alloc_posix,
    .alloc_aligned = null_alloc_aligned,
};
