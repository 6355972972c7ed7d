/* plant.c: a slowdown or a leak of known size at the doors of libashlar, for `ashlar aa`, which
 * asks how much of it the harness finds.
 *
 *     program --> malloc (here) --> plant_next_malloc (entry.c's malloc, renamed by objcopy)
 *                   |
 *                   | every PERIODth call of a thread
 *                   v
 *                 BURST units of one kind
 *
 *     kind     a unit                                              its price
 *     instr    one round of an empty loop                          2 or 3 instructions
 *     stall    four times `pause` (x86), `isb` (arm)               6 instructions, some 100 ns
 *     miss     a load of a line that was thrown out of all caches  7 instructions, a trip to memory
 *     fault    the first touch of a page that was given back       some 700 ns, in the kernel
 *     leak     a block of 4 KiB from the allocator, never freed    a page
 *
 * What to do stands in the variable ASHLAR_PLANT_<N>, N being what the harness puts into
 * ASHLAR_CELL: "stall:0000000064:0000004096" is kind, burst, period. Without it nothing is planted.
 * The layer itself costs three instructions a call. `aa` loads this library on both sides, and
 * gives the one a burst of 0, so that nothing but the units is between them.
 *
 * Invariants   P1  a burst of 0 touches the same memory and branches as any other
 *              P2  threads that live shortly pay their share: each begins at another phase
 * Below        the C library; entry.c's doors        Above   the program
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))
#define COLD __attribute__((noinline, cold))

#define PAGE_BYTES 4096
#define LINE_BYTES 64
#define LEAK_BYTES 4096

/* A thread's own memory for faults and misses: enough pages that madvise() is rare, enough lines
 * that each has left the caches before it is loaded again. */
#define THREAD_PAGES 16
#define THREAD_LINES 64
#define THREADS 64 /* more than that share */

HIDDEN extern void *plant_next_malloc(size_t size);
HIDDEN extern void *plant_next_calloc(size_t count, size_t size);
HIDDEN extern void *plant_next_realloc(void *ptr, size_t size);
HIDDEN extern void *plant_next_aligned_alloc(size_t alignment, size_t size);
HIDDEN extern int plant_next_posix_memalign(void **out, size_t alignment, size_t size);

struct kind {
    const char *name;
    void (*spend)(uint64_t units);
};

/* What is planted; written once, before main(). */
static const struct kind *kind; /* NULL: nothing */
static uint64_t burst;          /* units */
static uint64_t period;         /* calls, 1 .. */
static char *pool;              /* THREADS x THREAD_PAGES pages */
static bool ready;              /* all of this is known */
static uint64_t n_threads;      /* that have begun, atomic */

/* Of a thread. */
#define OWN static __thread __attribute__((tls_model("initial-exec")))
OWN int64_t left;     /* calls until the next burst, less one */
OWN bool begun;       /* `left` has been set */
OWN char *mine;       /* THREAD_PAGES pages of the pool */
OWN uint64_t at_page; /* next page to touch, or line to load */

/* ---- units ---- */

static void spend_instructions(uint64_t units)
{
    for (; units > 0; units--)
        __asm__ volatile("" : : "r"(units));
}

static void stall_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("pause\n\tpause\n\tpause\n\tpause");
#elif defined(__aarch64__)
    __asm__ volatile("isb\n\tisb\n\tisb\n\tisb");
#else
#error "plant.c: say how this processor waits without instructions"
#endif
}

static void spend_stalls(uint64_t units)
{
    for (; units > 0; units--)
        stall_once();
}

static void throw_out(const volatile char *line)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dc civac, %0" : : "r"(line) : "memory");
#endif
}

/* Each address depends on the load before, so the misses follow each other. The lines hold zeros.
 */
static void spend_misses(uint64_t units)
{
    uint64_t at = at_page;

    for (; units > 0; units--) {
        volatile char *line = mine + at % THREAD_LINES * LINE_BYTES;

        at += 1 + (uint64_t)*line;
        throw_out(line);
    }
    at_page = at;
}

static void spend_faults(uint64_t units)
{
    for (; units > 0; units--) {
        if (at_page % THREAD_PAGES == 0 &&
            madvise(mine, (size_t)THREAD_PAGES * PAGE_BYTES, MADV_DONTNEED) != 0)
            abort();
        *(volatile char *)(mine + at_page++ % THREAD_PAGES * PAGE_BYTES) = 0;
    }
}

static void spend_leaks(uint64_t units)
{
    for (; units > 0; units--) {
        volatile char *lost = plant_next_malloc(LEAK_BYTES);

        if (lost == NULL)
            return;
        lost[0] = lost[LEAK_BYTES - 1] = 1;
    }
}

static const struct kind kinds[] = {
    {"instr", spend_instructions}, {"stall", spend_stalls}, {"miss", spend_misses},
    {"fault", spend_faults},       {"leak", spend_leaks},
};

/* ---- when ---- */

/* All that a thread will ever touch is touched now (P1). The phases are spread by the golden ratio
 * (P2). */
static void begin_thread(void)
{
    uint64_t index = __atomic_fetch_add(&n_threads, 1, __ATOMIC_RELAXED);
    double phase = (double)(index + 1) * 0.61803398874989485;

    begun = true;
    mine = pool + index % THREADS * THREAD_PAGES * PAGE_BYTES;
    for (size_t i = 0; i < THREAD_PAGES; i++)
        *(volatile char *)(mine + i * PAGE_BYTES) = 0;
    left = (int64_t)((phase - (double)(uint64_t)phase) * (double)period);
}

COLD static void pay(void)
{
    if (!ready) {
        left = 0;
    } else if (kind == NULL) {
        left = INT64_MAX;
    } else if (!begun) {
        begin_thread();
    } else {
        left = (int64_t)period - 1;
        kind->spend(burst);
    }
}

static inline void call(void)
{
    if (__builtin_expect(--left < 0, 0))
        pay();
}

/* ---- what is wanted ---- */

COLD static void refuse(const char *text)
{
    dprintf(2, "libashlar-planted: %s is no plant; write KIND:BURST:PERIOD\n", text);
    abort();
}

static void read_order(const char *text)
{
    char name[8] = "", end;
    unsigned long long units, calls;

    if (sscanf(text, "%7[a-z]:%llu:%llu%c", name, &units, &calls, &end) != 3 || calls == 0 ||
        calls > INT64_MAX)
        refuse(text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            kind = &kinds[i];
    if (kind == NULL)
        refuse(text);
    burst = units;
    period = calls;
}

__attribute__((constructor)) static void begin(void)
{
    char name[64];
    const char *cell = getenv("ASHLAR_CELL"), *text = NULL;

    if (cell != NULL && snprintf(name, sizeof name, "ASHLAR_PLANT_%s", cell) < (int)sizeof name)
        text = getenv(name);
    if (text != NULL) {
        read_order(text);
        pool = mmap(NULL, (size_t)THREADS * THREAD_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pool == MAP_FAILED)
            refuse("a process without room for 4 MiB");
        madvise(pool, (size_t)THREADS * THREAD_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
    }
    ready = true;
}

/* ---- the doors ---- */

EXPORT void *malloc(size_t size)
{
    call();
    return plant_next_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    call();
    return plant_next_calloc(count, size);
}

EXPORT void *realloc(void *ptr, size_t size)
{
    call();
    return plant_next_realloc(ptr, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    call();
    return plant_next_aligned_alloc(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    call();
    return plant_next_posix_memalign(out, alignment, size);
}
