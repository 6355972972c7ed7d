/* count_shim.c: an allocator for LD_PRELOAD that counts what is asked of it.
 *
 * The workloads are never believed about what they did; this counts their calls from outside and
 * hands them on to the C library. At exit it writes one "name value" a line to ASHLAR_COUNT_FILE:
 *
 *     malloc, calloc, ...   calls of each entry point (free: of a block, not of NULL)
 *     calloc_system         callocs by others than the program: the C library's, one a thread
 *     realloc_in_place      reallocs that gave the address back that they got
 *     realloc_moved         sizes, before, of the blocks that realloc moved
 *     blocks                blocks that the program asked for, by any door; a realloc is one
 *     blocks_most           the most of these by one thread
 *     sizes_order           hash of the blocks' sizes in their order: equal for equal streams
 *     sizes_bag             hash of the blocks' sizes in any order, for threads that interleave
 *     frees_order           hash of the order of frees: each block by its number
 *     frees_remote          frees by another thread than the one that allocated
 *     peak_bytes            highest sum of the sizes of live blocks
 *     left_blocks           blocks that are still live at exit
 *
 * The sizes of live blocks stand in a hash table of our own, addresses as keys, linear probing.
 * One lock guards everything: it is slow, and only right counts matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caller.h"

/* The C library's own doors, under the names that nobody interposes. */
extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *block, size_t size_bytes);
extern void *__libc_memalign(size_t alignment_bytes, size_t size_bytes);
extern void __libc_free(void *block);
void free_sized(void *block, size_t size_bytes);

#define TABLE_SLOTS ((size_t)1 << 21)

/* A live block of the program. */
struct entry {
    uintptr_t block; /* 0 when empty */
    size_t size_bytes;
    uint64_t number; /* 1 for the first block of the process */
    unsigned thread; /* that allocated it */
};

static struct {
    pthread_mutex_t lock;
    uint64_t mallocs, callocs, callocs_system, frees, frees_sized;
    uint64_t reallocs, reallocs_in_place, reallocs_moved;
    uint64_t posix_memaligns, aligned_allocs;
    uint64_t blocks, blocks_most;
    uint64_t sizes_order, sizes_bag;
    uint64_t frees_order, frees_remote;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t left_blocks;
    struct entry *table; /* TABLE_SLOTS of them; NULL before the first block */
    unsigned nthreads;   /* threads that called so far */
} tally = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local unsigned this_thread; /* 0 until its first call */
static _Thread_local uint64_t this_blocks; /* what this thread asked for */

/* The number of the calling thread. A number is not used twice, unlike an address or a pthread_t.
 * Called with the lock held. */
static unsigned thread_number(void)
{
    if (this_thread == 0) {
        this_thread = ++tally.nthreads;
    }
    return this_thread;
}

/* Adds a word to a hash that depends on the order (FNV-1a, a word at a time). */
static void chain(uint64_t *hash, uint64_t word)
{
    *hash = (*hash ^ word) * 0x100000001B3u;
}

static uint64_t mix(uint64_t word)
{
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCDu;
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53u;
    return word ^ word >> 33;
}

static size_t home_of(uintptr_t block)
{
    return mix(block) & (TABLE_SLOTS - 1);
}

static size_t next_of(size_t at)
{
    return (at + 1) & (TABLE_SLOTS - 1);
}

static void table_put(struct entry entry)
{
    if (tally.table == NULL) {
        tally.table = mmap(NULL, TABLE_SLOTS * sizeof *tally.table, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (tally.table == MAP_FAILED) {
            abort();
        }
    }
    size_t at = home_of(entry.block);
    while (tally.table[at].block != 0) {
        at = next_of(at);
    }
    tally.table[at] = entry;
}

/* Takes a block out and closes the gap behind it. Returns false for a block that is not the
 * program's. */
static bool table_take(uintptr_t block, struct entry *taken)
{
    struct entry *table = tally.table;
    if (table == NULL) {
        return false;
    }
    size_t hole = home_of(block);
    while (table[hole].block != block) {
        if (table[hole].block == 0) {
            return false;
        }
        hole = next_of(hole);
    }
    *taken = table[hole];
    for (size_t at = next_of(hole); table[at].block != 0; at = next_of(at)) {
        /* An entry may move into the hole unless its home lies behind the hole. */
        const size_t home = home_of(table[at].block);
        if (((at - home) & (TABLE_SLOTS - 1)) >= ((at - hole) & (TABLE_SLOTS - 1))) {
            table[hole] = table[at];
            hole = at;
        }
    }
    table[hole].block = 0;
    return true;
}

/* Enters a block as live. Called with the lock held. */
static void enter(void *block, size_t size_bytes)
{
    table_put((struct entry){(uintptr_t)block, size_bytes, tally.blocks, thread_number()});
    tally.left_blocks++;
    tally.live_bytes += size_bytes;
    if (tally.live_bytes > tally.peak_bytes) {
        tally.peak_bytes = tally.live_bytes;
    }
}

/* Takes a block out of the books, if it is in them. Called with the lock held. */
static bool leave(void *block, struct entry *taken)
{
    if (!table_take((uintptr_t)block, taken)) {
        return false;
    }
    tally.left_blocks--;
    tally.live_bytes -= taken->size_bytes;
    return true;
}

/* Counts a request of the program and enters what it got; `block` may be NULL. */
static void *note_block(uint64_t *counter, void *block, size_t size_bytes)
{
    pthread_mutex_lock(&tally.lock);
    ++*counter;
    tally.blocks++;
    if (++this_blocks > tally.blocks_most) {
        tally.blocks_most = this_blocks;
    }
    chain(&tally.sizes_order, size_bytes);
    tally.sizes_bag += mix(size_bytes + 1);
    if (block != NULL) {
        enter(block, size_bytes);
    }
    pthread_mutex_unlock(&tally.lock);
    return block;
}

void *malloc(size_t size_bytes)
{
    return note_block(&tally.mallocs, __libc_malloc(size_bytes), size_bytes);
}

static void note_free(void *block, uint64_t *counter)
{
    struct entry taken;
    if (block == NULL) {
        return;
    }
    pthread_mutex_lock(&tally.lock);
    ++*counter;
    if (leave(block, &taken)) {
        tally.frees_remote += taken.thread != thread_number();
        chain(&tally.frees_order, taken.number);
    }
    pthread_mutex_unlock(&tally.lock);
}

void free(void *block)
{
    note_free(block, &tally.frees);
    __libc_free(block);
}

void free_sized(void *block, size_t size_bytes)
{
    (void)size_bytes;
    note_free(block, &tally.frees_sized);
    __libc_free(block);
}

void *calloc(size_t count, size_t size_bytes)
{
    if (called_by_program(__builtin_return_address(0))) {
        return note_block(&tally.callocs, __libc_calloc(count, size_bytes), count * size_bytes);
    }
    pthread_mutex_lock(&tally.lock);
    tally.callocs++;
    tally.callocs_system++;
    pthread_mutex_unlock(&tally.lock);
    return __libc_calloc(count, size_bytes);
}

/* The old block leaves the books before the C library can give its address to another thread. */
void *realloc(void *block, size_t size_bytes)
{
    struct entry old;
    pthread_mutex_lock(&tally.lock);
    const bool known = block != NULL && leave(block, &old);
    pthread_mutex_unlock(&tally.lock);
    void *resized = __libc_realloc(block, size_bytes);
    if (known) {
        pthread_mutex_lock(&tally.lock);
        if (resized == NULL) {
            enter(block, old.size_bytes);
        } else if ((uintptr_t)resized == old.block) {
            tally.reallocs_in_place++;
        } else {
            tally.reallocs_moved += old.size_bytes;
        }
        pthread_mutex_unlock(&tally.lock);
    }
    return note_block(&tally.reallocs, resized, size_bytes);
}

int posix_memalign(void **out, size_t alignment_bytes, size_t size_bytes)
{
    *out = note_block(&tally.posix_memaligns, __libc_memalign(alignment_bytes, size_bytes),
                      size_bytes);
    return *out == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment_bytes, size_t size_bytes)
{
    return note_block(&tally.aligned_allocs, __libc_memalign(alignment_bytes, size_bytes),
                      size_bytes);
}

__attribute__((destructor)) static void report(void)
{
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"malloc", tally.mallocs},
        {"calloc", tally.callocs},
        {"calloc_system", tally.callocs_system},
        {"realloc", tally.reallocs},
        {"realloc_in_place", tally.reallocs_in_place},
        {"realloc_moved", tally.reallocs_moved},
        {"free", tally.frees},
        {"free_sized", tally.frees_sized},
        {"posix_memalign", tally.posix_memaligns},
        {"aligned_alloc", tally.aligned_allocs},
        {"blocks", tally.blocks},
        {"blocks_most", tally.blocks_most},
        {"sizes_order", tally.sizes_order},
        {"sizes_bag", tally.sizes_bag},
        {"frees_order", tally.frees_order},
        {"frees_remote", tally.frees_remote},
        {"peak_bytes", tally.peak_bytes},
        {"left_blocks", tally.left_blocks},
    };
    const char *path = getenv("ASHLAR_COUNT_FILE");
    char text[1024];
    int len = 0;
    if (path == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%s %ju\n", lines[i].name,
                        (uintmax_t)lines[i].value);
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, (size_t)len) != len) {
        abort();
    }
    close(fd);
}
