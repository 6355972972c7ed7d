/* limit.c: the floor. An allocator that does as little as one can do and still hand out memory, for
 * LD_PRELOAD: what the others take beyond it is the price of what they do more.
 *
 *     malloc(<= class)   pop:  list -> block -> block -> ...      a load, a load, a store
 *     free(class block)  push: list -> block -> list              two stores
 *
 * There is one class of blocks, of ASHLAR_LIMIT_SIZE bytes (a power of two from 16 to 65536; 512
 * where it is not set). A thread keeps its free blocks of the class in one list and cuts new ones
 * from a slab of its own. A larger block has its size rounded up to a power of two, a head that
 * says so, and a list for each power in each thread.
 *
 *     classes   [ slab | slab | slab |->          ]    one class, told by the address alone
 *     larges    [ head block | head block |->     ]    reserved, resident only where touched
 *
 * What it cannot do, and no allocator should:
 *   - Nothing is checked: a double free or a wild pointer ends anywhere.
 *   - No memory goes back to the kernel, and 16 bytes cost a whole block of the class. Its time
 *     is a floor, its memory is none.
 *   - A block stays with the thread that frees it. Where one thread only allocates and another one
 *     only frees, every block is a fresh one: time is then that of page faults, and memory grows
 *     with the work. There it is no floor either.
 *   - What lies in the lists of a thread that ends is lost.
 *   - A fork is safe only while no other thread is in its first allocation.
 *   - It reserves 2 TiB of addresses, so it runs under no limit on address space, and not where the
 *     kernel commits strictly (vm.overcommit_memory = 2).
 */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLASS_BYTES_DEFAULT 512
#define CLASS_BYTES_MIN 16
#define CLASS_BYTES_MAX 65536

#define HALF_BYTES ((size_t)1 << 40) /* of each of the two ranges of addresses */
#define SLAB_BYTES CLASS_BYTES_MAX   /* a slab holds whole blocks of any class */
#define PAGE_BYTES ((size_t)4096)
#define ORDERS 41 /* blocks of 2^0 to 2^40 bytes; those below the first large one stay empty */

/* Minus this address no other one is small: nothing counts as a class block before there is one. */
#define NOWHERE ((uintptr_t)1 << 62)

/* A free block holds the link to the next one. */
struct link {
    struct link *next;
};

/* In front of a large block. */
struct head {
    char *start;    /* of the power of two in which the block lies */
    uint64_t order; /* its logarithm */
};

static_assert(sizeof(struct head) == 16, "a block behind its head keeps malloc's alignment");

static size_t class_bytes;           /* 0 until the constructor has read the environment */
static uintptr_t classes = NOWHERE;  /* first address of the class blocks */
static _Atomic size_t classes_taken; /* bytes of that range in use */
static uintptr_t larges;             /* first address of the large blocks */
static _Atomic size_t larges_taken;  /* bytes of that range in use */
static pthread_mutex_t reserving = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool reserved; /* both ranges are there */

#define THREAD_OWN static _Thread_local __attribute__((tls_model("initial-exec")))

THREAD_OWN struct link *free_list;           /* of the class */
THREAD_OWN char *slab_next, *slab_end;       /* what is left of the slab */
THREAD_OWN struct link *large_lists[ORDERS]; /* by order */

/* ---- addresses ---- */

static bool reserve(void)
{
    pthread_mutex_lock(&reserving);
    if (!atomic_load(&reserved)) {
        char *at = mmap(NULL, 2 * HALF_BYTES + SLAB_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at != MAP_FAILED) {
            classes = ((uintptr_t)at + SLAB_BYTES - 1) & ~(uintptr_t)(SLAB_BYTES - 1);
            larges = classes + HALF_BYTES;
            atomic_store(&reserved, true);
        }
    }
    pthread_mutex_unlock(&reserving);
    return atomic_load(&reserved);
}

/* The next bytes of a range; NULL when it is used up. */
static char *take(const uintptr_t *range, _Atomic size_t *taken, size_t size_bytes)
{
    if (!atomic_load(&reserved) && !reserve()) {
        return NULL;
    }
    size_t at = atomic_load(taken);
    do {
        if (size_bytes > HALF_BYTES - at) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(taken, &at, at + size_bytes));
    return (char *)(*range + at);
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* ---- large blocks ---- */

static struct head *head_of(void *block)
{
    return (struct head *)block - 1;
}

/* A block behind its head, at a multiple of a power of two of at least 16. *fresh: it comes
 * straight from the kernel and is zero. */
static void *large_new(size_t alignment_bytes, size_t size_bytes, bool *fresh)
{
    if (size_bytes > HALF_BYTES / 4 || alignment_bytes > HALF_BYTES / 4) {
        return no_memory();
    }
    /* Every start is a multiple of 16 already, so only a larger alignment needs room. */
    size_t room = sizeof(struct head) + size_bytes + (alignment_bytes - sizeof(struct head));
    uint64_t order = 64 - (uint64_t)__builtin_clzll((room - 1) | CLASS_BYTES_MIN);
    struct link *kept = large_lists[order];
    char *start = (char *)kept;
    *fresh = kept == NULL;
    if (kept != NULL) {
        large_lists[order] = kept->next;
    } else if ((start = take(&larges, &larges_taken, (size_t)1 << order)) == NULL) {
        return no_memory();
    }
    uintptr_t block = ((uintptr_t)start + sizeof(struct head) + alignment_bytes - 1) &
                      ~(uintptr_t)(alignment_bytes - 1);
    *head_of((void *)block) = (struct head){start, order};
    return (void *)block;
}

static __attribute__((noinline)) void large_free(void *block)
{
    if (block == NULL) {
        return;
    }
    struct head head = *head_of(block);
    struct link *freed = (struct link *)head.start;
    freed->next = large_lists[head.order];
    large_lists[head.order] = freed;
}

/* ---- the class ---- */

static bool is_class(const void *block)
{
    return (uintptr_t)block - classes < HALF_BYTES;
}

/* Before the constructor no size is of the class. */
static bool fits_class(size_t size_bytes)
{
    return size_bytes <= class_bytes && class_bytes != 0;
}

static __attribute__((noinline)) void *alloc_slow(size_t size_bytes)
{
    bool fresh;
    if (!fits_class(size_bytes)) {
        return large_new(sizeof(struct head), size_bytes, &fresh);
    }
    if (slab_next == slab_end) {
        char *slab = take(&classes, &classes_taken, SLAB_BYTES);
        if (slab == NULL) {
            return no_memory();
        }
        slab_next = slab;
        slab_end = slab + SLAB_BYTES;
    }
    void *block = slab_next;
    slab_next += class_bytes;
    return block;
}

/* Price: size, list and link loaded, the list stored; two branches. */
static inline void *alloc(size_t size_bytes)
{
    struct link *first = free_list;
    if (__builtin_expect(size_bytes > class_bytes || first == NULL, 0)) {
        return alloc_slow(size_bytes);
    }
    free_list = first->next;
    return first;
}

/* Price: the range loaded, one branch, link and list stored. */
static inline void release(void *block)
{
    if (__builtin_expect(!is_class(block), 0)) {
        large_free(block);
        return;
    }
    struct link *freed = block;
    freed->next = free_list;
    free_list = freed;
}

static size_t usable(void *block)
{
    if (is_class(block)) {
        return class_bytes;
    }
    struct head *head = head_of(block);
    return (size_t)(head->start + ((size_t)1 << head->order) - (char *)block);
}

/* A slab starts at a multiple of the largest class, so blocks of the class are aligned to it. */
static void *alloc_aligned(size_t alignment_bytes, size_t size_bytes)
{
    bool fresh;
    if (alignment_bytes <= class_bytes && fits_class(size_bytes)) {
        return alloc(size_bytes);
    }
    return large_new(alignment_bytes < sizeof(struct head) ? sizeof(struct head) : alignment_bytes,
                     size_bytes, &fresh);
}

static bool is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* ---- the doors ---- */

void *malloc(size_t size_bytes)
{
    return alloc(size_bytes);
}

void free(void *block)
{
    release(block);
}

void *calloc(size_t count, size_t size_bytes)
{
    size_t all_bytes;
    bool fresh = false;
    if (__builtin_mul_overflow(count, size_bytes, &all_bytes)) {
        return no_memory();
    }
    void *block = fits_class(all_bytes) ? alloc(all_bytes)
                                        : large_new(sizeof(struct head), all_bytes, &fresh);
    return block == NULL || fresh ? block : memset(block, 0, all_bytes);
}

void *realloc(void *block, size_t size_bytes)
{
    if (block == NULL) {
        return alloc(size_bytes);
    }
    if (size_bytes == 0) {
        release(block);
        return NULL;
    }
    size_t had_bytes = usable(block);
    if (size_bytes <= had_bytes) {
        return block;
    }
    void *grown = alloc(size_bytes);
    if (grown != NULL) {
        memcpy(grown, block, had_bytes);
        release(block);
    }
    return grown;
}

void *reallocarray(void *block, size_t count, size_t size_bytes)
{
    size_t all_bytes;
    return __builtin_mul_overflow(count, size_bytes, &all_bytes) ? no_memory()
                                                                 : realloc(block, all_bytes);
}

int posix_memalign(void **out, size_t alignment_bytes, size_t size_bytes)
{
    if (!is_power_of_two(alignment_bytes) || alignment_bytes % sizeof(void *) != 0) {
        return EINVAL;
    }
    int errno_kept = errno;
    void *block = alloc_aligned(alignment_bytes, size_bytes);
    errno = errno_kept;
    if (block == NULL) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

void *memalign(size_t alignment_bytes, size_t size_bytes)
{
    if (!is_power_of_two(alignment_bytes)) {
        errno = EINVAL;
        return NULL;
    }
    return alloc_aligned(alignment_bytes, size_bytes);
}

void *aligned_alloc(size_t alignment_bytes, size_t size_bytes)
{
    return memalign(alignment_bytes, size_bytes);
}

void *valloc(size_t size_bytes)
{
    return alloc_aligned(PAGE_BYTES, size_bytes);
}

void *pvalloc(size_t size_bytes)
{
    if (size_bytes > HALF_BYTES) {
        return no_memory();
    }
    return alloc_aligned(PAGE_BYTES, (size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));
}

size_t malloc_usable_size(void *block)
{
    return block != NULL ? usable(block) : 0;
}

void free_sized(void *block, size_t size_bytes);
void free_aligned_sized(void *block, size_t alignment_bytes, size_t size_bytes);

void free_sized(void *block, size_t size_bytes)
{
    (void)size_bytes;
    release(block);
}

void free_aligned_sized(void *block, size_t alignment_bytes, size_t size_bytes)
{
    (void)alignment_bytes;
    (void)size_bytes;
    release(block);
}

/* ---- the start ---- */

/* What the dynamic linker allocates before this comes from the large blocks, whatever its size. */
static __attribute__((constructor)) void choose_class(void)
{
    static const char complaint[] = "limit: ASHLAR_LIMIT_SIZE is not a power of two from 16 to "
                                    "65536; give one, or leave it out\n";
    const char *text = getenv("ASHLAR_LIMIT_SIZE");
    char *end = NULL;
    unsigned long value = text == NULL ? CLASS_BYTES_DEFAULT : strtoul(text, &end, 10);
    if (!is_power_of_two(value) || value < CLASS_BYTES_MIN || value > CLASS_BYTES_MAX ||
        (end != NULL && *end != '\0')) {
        ssize_t written = write(STDERR_FILENO, complaint, sizeof complaint - 1);
        _exit(written < 0 ? 1 : 2);
    }
    class_bytes = value;
}
