/* base.c: see base.h. */
#include "base.h"
#include "mutex.h"
#include "pages.h"
#include "../util/config.h"
#include "../util/diag.h"

#define FIRST_BYTES ((size_t)40 << 10)  /* the first arena and two caches */
#define BLOCK_BYTES ((size_t)128 << 10) /* some twenty caches, or two thousand nodes */

static struct mutex lock;
/* Under the lock: */
static _Alignas(CACHELINE) char first[FIRST_BYTES];
static char *block = first;
static size_t block_bytes = FIRST_BYTES;
static size_t block_used;
static _Atomic size_t used_total;
static _Atomic size_t mapped_total;

/* A thread that is gone may have been in the middle of a bump: leave its block alone. */
static void base_restart(void)
{
    block_used = block_bytes;
}

static bool new_block(size_t least)
{
    size_t size = least > BLOCK_BYTES ? ROUND_UP(least, PAGE_SIZE) : BLOCK_BYTES;
    char *fresh = pages_map(size, PAGE_SIZE);
    if (!fresh) {
        return false;
    }
    block = fresh;
    block_bytes = size;
    block_used = 0;
    atomic_fetch_add_explicit(&mapped_total, size, RELAXED);
    return true;
}

void *base_alloc(size_t size_bytes)
{
    void *result = NULL;
    size_bytes = ROUND_UP(size_bytes, (size_t)CACHELINE);
    if (!mutex_lock(&lock)) {
        base_restart();
    }
    if (size_bytes <= block_bytes - block_used || new_block(size_bytes)) {
        result = block + block_used;
        block_used += size_bytes;
        atomic_fetch_add_explicit(&used_total, size_bytes, RELAXED);
    }
    mutex_unlock(&lock);
    return result;
}

size_t base_used_bytes(void)
{
    return atomic_load_explicit(&used_total, RELAXED);
}

size_t base_mapped_bytes(void)
{
    return atomic_load_explicit(&mapped_total, RELAXED);
}

bool base_check(void)
{
    if (!mutex_lock(&lock)) {
        base_restart();
    }
    bool ok = block_used <= block_bytes;
    if (!ok) {
        diag_line("B1: %u bytes used of a base block of %u", (uint64_t)block_used,
                  (uint64_t)block_bytes);
    }
    mutex_unlock(&lock);
    return ok;
}
