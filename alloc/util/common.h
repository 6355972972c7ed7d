/* common.h: words that every file uses: branch hints, rounding, and the three prices of assertion.
 *
 *     ASSERT   compiled into debug builds (-DASHLAR_DEBUG), cheap or not
 *     diag_*   always there (diag.h): guards the user's heap against the user
 *     X_check  walks structures; called by tests and by ashlar_check()
 */
#ifndef ASHLAR_UTIL_COMMON_H
#define ASHLAR_UTIL_COMMON_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* COLD code is placed apart by the compiler, so that a small process never pages it in. */
#define HIDDEN __attribute__((visibility("hidden"))) /* a variable reached without the GOT */
#define COLD __attribute__((cold, noinline))
/* For readers of counters that other threads write without atomics: a stale value is as good. */
#define RACY __attribute__((no_sanitize("thread"), noinline))
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

/* Thread-local words must not need a call or an allocation to be reached, hence initial-exec. */
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

#define ROUND_UP(x, to) (((x) + ((to) - 1)) & ~((__typeof__(x))(to) - 1))
#define ROUND_DOWN(x, to) ((x) & ~((__typeof__(x))(to) - 1))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#ifdef ASHLAR_DEBUG
#define ASSERT(x) ((x) ? (void)0 : diag_assert(#x, __FILE__, __LINE__))
#else
#define ASSERT(x) ((void)sizeof((x) ? 1 : 0))
#endif
_Noreturn void diag_assert(const char *what, const char *file, int line);

/* A count that one thread at a time changes (under a lock) and any may read. */
INLINE void count_add(_Atomic size_t *count, size_t change)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + change,
                          memory_order_relaxed);
}

INLINE size_t count_read(_Atomic size_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

#define RELAXED memory_order_relaxed
#define ACQUIRE memory_order_acquire
#define RELEASE memory_order_release
#define ACQ_REL memory_order_acq_rel

#endif
