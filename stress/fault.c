/* fault.c: see fault.h. */
#include "fault.h"
#include "rng.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum mode { UNREAD, HEALTHY, NTH, FROM, RANDOM };

static atomic_int mode; /* starts as UNREAD: the environment is read at the first call */
static uint64_t number; /* the n of nth and from, the seed of random */
static uint64_t per_mille;
static atomic_ullong calls, injected;

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t len);
void *__real_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);
int __real_madvise(void *addr, size_t len, int advice);
int __real_mprotect(void *addr, size_t len, int prot);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t len);
void *__wrap_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);
int __wrap_madvise(void *addr, size_t len, int advice);
int __wrap_mprotect(void *addr, size_t len, int prot);

static bool starts_with(const char *text, const char *prefix, const char **rest)
{
    size_t len = strlen(prefix);
    *rest = text + len;
    return strncmp(text, prefix, len) == 0;
}

static bool read_number(const char **text, uint64_t *out)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    *out = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

/* The mode that the text asks for, or UNREAD if it is none of the forms. */
static enum mode parse(const char *text, uint64_t *n, uint64_t *rate)
{
    const char *rest;
    *rate = 0;
    if (starts_with(text, "nth:", &rest) && read_number(&rest, n) && *rest == '\0')
        return NTH;
    if (starts_with(text, "from:", &rest) && read_number(&rest, n) && *rest == '\0')
        return FROM;
    if (starts_with(text, "random:", &rest) && read_number(&rest, n) && *rest++ == ':' &&
        read_number(&rest, rate) && *rest == '\0')
        return RANDOM;
    return UNREAD;
}

bool fault_is_valid(const char *text)
{
    uint64_t n, rate;
    return parse(text, &n, &rate) != UNREAD;
}

static int read_environment(void)
{
    const char *text = getenv(FAULT_VARIABLE);
    uint64_t n = 0, rate = 0;
    enum mode wanted = text != NULL ? parse(text, &n, &rate) : HEALTHY;
    if (wanted == UNREAD) /* main refuses it with a message */
        wanted = HEALTHY;
    number = n;
    per_mille = rate;
    atomic_store(&mode, wanted); /* the first call comes from one thread: no race */
    return (int)wanted;
}

static bool fails(void)
{
    int now = atomic_load_explicit(&mode, memory_order_acquire);
    if (now == UNREAD)
        now = read_environment();
    if (now == HEALTHY)
        return false;
    uint64_t call = atomic_fetch_add(&calls, 1) + 1;
    bool wanted = now == NTH    ? call == number
                  : now == FROM ? call >= number
                                : mix64(number ^ mix64(call)) % 1000 < per_mille;
    if (wanted) {
        atomic_fetch_add(&injected, 1);
        errno = ENOMEM;
    }
    return wanted;
}

void fault_heal(void)
{
    atomic_store(&mode, HEALTHY);
}

uint64_t fault_calls(void)
{
    return atomic_load(&calls);
}

uint64_t fault_injected(void)
{
    return atomic_load(&injected);
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_munmap(void *addr, size_t len)
{
    return fails() ? -1 : __real_munmap(addr, len);
}

void *__wrap_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
    va_list args;
    void *new_addr = NULL;
    if (flags & MREMAP_FIXED) { /* the fifth argument exists with this flag only */
        va_start(args, flags);
        new_addr = va_arg(args, void *);
        va_end(args);
    }
    return fails() ? MAP_FAILED : __real_mremap(addr, old_len, new_len, flags, new_addr);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
    return fails() ? -1 : __real_madvise(addr, len, advice);
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
    return fails() ? -1 : __real_mprotect(addr, len, prot);
}
