/* pages.c: see pages.h. errno is restored everywhere, because free may come through here and must not
 * change it, and malloc sets ENOMEM itself. */
#include "pages.h"
#include "../util/config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic size_t stuck;

static void *map(void *hint, size_t size_bytes)
{
    int saved = errno;
    void *addr = mmap(hint, size_bytes, PROT_READ | PROT_WRITE,
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

/* Gives the ends of a mapping back that were only there for its alignment. What the system does not
 * take back (it may need memory to do so) is counted, for it stays mapped. */
static void trim(char *addr, size_t size_bytes)
{
    if (size_bytes && !pages_unmap(addr, size_bytes)) {
        atomic_fetch_add_explicit(&stuck, size_bytes, RELAXED);
    }
}

void *pages_map(size_t size_bytes, size_t alignment)
{
    size_t padded = size_bytes + alignment - PAGE_SIZE;
    char *addr = padded >= size_bytes ? map(NULL, padded) : NULL;
    if (!addr) {
        return NULL;
    }
    char *start = (char *)ROUND_UP((uintptr_t)addr, alignment);
    size_t before = (size_t)(start - addr);
    trim(addr, before);
    trim(start + size_bytes, padded - size_bytes - before);
    return start;
}

/* The system takes the address as a wish, where it is free. */
void *pages_map_at(void *wanted, size_t size_bytes)
{
    void *addr = map(wanted, size_bytes);
    if (addr && addr != wanted) {
        trim(addr, size_bytes);
        addr = NULL;
    }
    return addr;
}

size_t pages_stuck_bytes(void)
{
    return atomic_load_explicit(&stuck, RELAXED);
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
