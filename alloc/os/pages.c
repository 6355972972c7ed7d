/* pages.c: see pages.h. errno is restored everywhere, because free may come through here and must not
 * change it, and malloc sets ENOMEM itself. */
#include "pages.h"
#include "../util/config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map(size_t size_bytes)
{
    int saved = errno;
    void *addr = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    return addr == MAP_FAILED ? NULL : addr;
}

bool pages_unmap(void *addr, size_t size_bytes)
{
    int saved = errno;
    bool done = munmap(addr, size_bytes) == 0;
    errno = saved;
    return done;
}

void *pages_map(size_t size_bytes, size_t alignment)
{
    char *addr = map(size_bytes);
    if (!addr || ((uintptr_t)addr & (alignment - 1)) == 0) {
        return addr;
    }
    /* Not aligned by luck: map more and give the ends back. An end that cannot be given back is
     * untouched address space, which costs nothing but the number. */
    pages_unmap(addr, size_bytes);
    size_t padded = size_bytes + alignment - PAGE_SIZE;
    if (padded < size_bytes || !(addr = map(padded))) {
        return NULL;
    }
    char *start = (char *)ROUND_UP((uintptr_t)addr, alignment);
    size_t before = (size_t)(start - addr), behind = padded - size_bytes - before;
    if (before) {
        pages_unmap(addr, before);
    }
    if (behind) {
        pages_unmap(start + size_bytes, behind);
    }
    return start;
}

bool pages_purge(void *addr, size_t size_bytes)
{
    int saved = errno;
    bool done = madvise(addr, size_bytes, MADV_DONTNEED) == 0;
    errno = saved;
    return done;
}

void pages_hint_huge(void *addr, size_t size_bytes, bool wanted)
{
    int saved = errno;
    (void)!madvise(addr, size_bytes, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    errno = saved;
}

bool pages_wipe_on_fork(void *addr, size_t size_bytes)
{
#ifdef MADV_WIPEONFORK
    int saved = errno;
    bool done = madvise(addr, size_bytes, MADV_WIPEONFORK) == 0;
    errno = saved;
    return done;
#else
    (void)addr, (void)size_bytes;
    return false;
#endif
}

size_t pages_system_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}
