/* doors.h: the functions under test, behind one table.
 *
 * Every api test is built from the same source against several libraries:
 *
 *     NAME         libashlar_prefixed.a   door.malloc is ashlar_malloc, libc's malloc lives beside
 * it NAME_so      libashlar.so           door.malloc is malloc, as a program sees it NAME_libc the
 * C library          the control: what fails here is a mistake of the test
 *
 * A test calls only through the table, so that the compiler knows nothing about the functions: it
 * can neither remove a pair of malloc and free nor reason about attributes, and the two mallocs of
 * the first variant never mix.
 */
#ifndef DOORS_H
#define DOORS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ashlar/ashlar.h"

struct doors {
    const char *name; /* of the library, for messages */
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void (*free)(void *);
    void (*free_sized)(void *, size_t);                 /* NULL when the library has none */
    void (*free_aligned_sized)(void *, size_t, size_t); /* likewise */
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*usable_size)(void *);
    bool (*check)(void); /* from here on: NULL in the control */
    void *(*mallocx)(size_t, int);
    void *(*rallocx)(void *, size_t, int);
    size_t (*xallocx)(void *, size_t, size_t, int);
    size_t (*sallocx)(const void *, int);
    void (*dallocx)(void *, int);
    void (*sdallocx)(void *, size_t, int);
    size_t (*nallocx)(size_t, int);
    void (*stats)(struct ashlar_stats *);
    size_t (*purge)(void);
    void (*picture)(int);
    const char *(*version)(void);
    int (*mallctl)(const char *, void *, size_t *, void *, size_t);
    int (*nametomib)(const char *, size_t *, size_t *);
    int (*bymib)(const size_t *, size_t, void *, size_t *, void *, size_t);
    void (*stats_print)(void (*)(void *, const char *), void *, const char *);
    void (**message)(void *, const char *);
};

extern const struct doors door;

/* Skips the test in the control, which has no such promise. */
#define ASHLAR_ONLY()                                                                              \
    do {                                                                                           \
        if (door.stats == NULL)                                                                    \
            skip();                                                                                \
    } while (0)

/* A teardown for every test: the invariants of the whole heap hold afterwards. */
int heap_holds(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, heap_holds)

/* The value of a name of mallctl, and a new snapshot. */
size_t size_at(const char *name);
unsigned unsigned_at(const char *name);
void refresh(void);

/* Runs under valgrind or a sanitizer are told to do less of what only costs time there. */
bool slow_run(void);

/* Fills a block with a pattern of its own, and tells whether it is still there. */
void pattern_fill(void *block, size_t size_bytes, unsigned seed);
bool pattern_holds(const void *block, size_t size_bytes, unsigned seed);
bool is_zero(const void *block, size_t size_bytes);

/* A small deterministic generator (xorshift64*), one state a caller. */
uint64_t draw(uint64_t *state);

#endif
