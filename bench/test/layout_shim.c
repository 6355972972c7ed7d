/* layout_shim.c: an allocator for LD_PRELOAD whose places can be computed by hand, or are told.
 *
 * ASHLAR_LAYOUT names what malloc and free do; a block's place follows from its thread t (0 for the
 * first that calls) and its number k among the blocks of that thread:
 *
 *     pages     each block starts a page of its own
 *     ranges    each block starts a range of 2 MiB of its own
 *     lines     line k holds block k of thread 0 and block k of thread 1, 32 bytes each
 *     half      the same, but where k is odd the two have a line each
 *     overlap   each block begins 16 bytes after the one before, however long that is
 *     log       the C library's places; each malloc of the program and each free is written to
 * ASHLAR_LAYOUT_LOG as "m address size thread" or "f address", in their order
 *
 * Nothing is freed but in `log`, and what calloc gives the program is new and so zero. A thread's
 * start gets its calloc from the C library, as do all callers of other doors.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caller.h"

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void __libc_free(void *block);

#define ARENA_BYTES ((size_t)64 << 30)
#define RANGE_BYTES ((size_t)2 << 20)
#define EVENTS_MAX ((size_t)1 << 22)

enum mode { MODE_PAGES, MODE_RANGES, MODE_LINES, MODE_HALF, MODE_OVERLAP, MODE_LOG, NMODES };

struct event {
    uintptr_t block;
    size_t size_bytes;
    unsigned thread;
    char what; /* m or f */
};

static struct {
    pthread_mutex_t lock;
    enum mode mode;
    char *arena;       /* ARENA_BYTES, at a multiple of RANGE_BYTES */
    size_t next;       /* bytes used, of the modes that go upwards */
    unsigned nthreads; /* that called so far */
    size_t nevents;
    struct event *events;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local unsigned this_thread; /* its number plus one; 0 before the first call */
static _Thread_local size_t nblocks;       /* of this thread */

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

__attribute__((constructor)) static void choose(void)
{
    static const char *const names[NMODES] = {"pages", "ranges", "lines", "half", "overlap", "log"};
    const char *name = getenv("ASHLAR_LAYOUT");
    unsigned mode = 0;
    while (mode < NMODES && (name == NULL || strcmp(name, names[mode]) != 0)) {
        mode++;
    }
    if (mode == NMODES) {
        abort();
    }
    const uintptr_t start = (uintptr_t)map(ARENA_BYTES + RANGE_BYTES);
    shim.arena = (char *)((start + RANGE_BYTES - 1) & ~(RANGE_BYTES - 1));
    shim.events = map(EVENTS_MAX * sizeof *shim.events);
    shim.mode = (enum mode)mode;
}

static unsigned thread_number(void)
{
    if (this_thread == 0) {
        this_thread = ++shim.nthreads;
    }
    return this_thread - 1;
}

static void *upwards(size_t size_bytes, size_t unit)
{
    char *block = shim.arena + shim.next;
    shim.next += (size_bytes + unit - 1) / unit * unit;
    return block;
}

/* Two threads, 32 bytes a block. Where they do not share, thread 1 is a gigabyte further on. */
static void *on_lines(unsigned thread)
{
    const size_t k = nblocks++;
    const int shares = shim.mode == MODE_LINES || k % 2 == 0;
    const size_t place = shares ? thread * (size_t)32 : thread * ((size_t)1 << 30);
    return shim.arena + k * 64 + place;
}

static void note(char what, void *block, size_t size_bytes)
{
    if (shim.nevents == EVENTS_MAX) {
        abort();
    }
    shim.events[shim.nevents++] =
        (struct event){(uintptr_t)block, size_bytes, thread_number(), what};
}

void *malloc(size_t size_bytes)
{
    void *block = NULL;
    pthread_mutex_lock(&shim.lock);
    switch (shim.mode) {
    case MODE_PAGES:
        block = upwards(size_bytes, 4096);
        break;
    case MODE_RANGES:
        block = upwards(size_bytes, RANGE_BYTES);
        break;
    case MODE_LINES:
    case MODE_HALF:
        block = on_lines(thread_number());
        break;
    case MODE_OVERLAP:
        block = upwards(16, 16);
        break;
    default:
        block = __libc_malloc(size_bytes);
        if (called_by_program(__builtin_return_address(0))) {
            note('m', block, size_bytes);
        }
    }
    pthread_mutex_unlock(&shim.lock);
    return block;
}

void *calloc(size_t count, size_t size_bytes)
{
    const bool ours = shim.mode != MODE_LOG && called_by_program(__builtin_return_address(0));
    return ours ? malloc(count * size_bytes) : __libc_calloc(count, size_bytes);
}

void free(void *block)
{
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)shim.arena;
    if (block == NULL || offset < ARENA_BYTES) {
        return;
    }
    pthread_mutex_lock(&shim.lock);
    if (shim.mode == MODE_LOG) {
        note('f', block, 0);
    }
    pthread_mutex_unlock(&shim.lock);
    __libc_free(block);
}

/* A block of this shim could be used up to the next multiple of 256 bytes. In `log` it is told that
 * every block has 3 bytes more than asked for; their number is enough, as nobody uses them. */
size_t malloc_usable_size(void *block)
{
    if (shim.mode == MODE_LOG) {
        return shim.events[shim.nevents - 1].size_bytes + 3;
    }
    (void)block;
    return shim.mode == MODE_RANGES ? 8 * RANGE_BYTES : 256;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("ASHLAR_LAYOUT_LOG");
    if (path == NULL) {
        return;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (size_t i = 0; i < shim.nevents; i++) {
        const struct event *event = &shim.events[i];
        char text[96];
        const int len = event->what == 'm'
                            ? snprintf(text, sizeof text, "m %ju %zu %u\n", (uintmax_t)event->block,
                                       event->size_bytes, event->thread)
                            : snprintf(text, sizeof text, "f %ju\n", (uintmax_t)event->block);
        if (write(fd, text, (size_t)len) != len) {
            abort();
        }
    }
    close(fd);
}
