/* cxx.c: operator new and delete in all their forms, without libstdc++.
 *
 * The names are those of the Itanium C++ ABI. What needs the C++ library, the new-handler and
 * std::bad_alloc, is reached through weak references: a process that runs C++ has them.
 *
 * Sized and aligned deletes all end in free, which knows its blocks; nothrow forms return NULL.
 */
#include "entry.h"
#include "../util/bits.h"
#include "../util/config.h"
#include "../util/diag.h"

typedef void (*new_handler)(void);
extern new_handler get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
extern void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

struct nothrow; /* const std::nothrow_t &, never looked at */

static void *try_once(size_t size, size_t alignment)
{
    return alignment > QUANTUM ? DOOR(aligned_alloc)(alignment, size) : DOOR(malloc)(size);
}

/* The loop that the C++ standard asks for: try, call the handler, try again. An exception that the
 * handler throws passes through (this file is compiled with -fexceptions). */
static COLD void *new_failed(size_t size, size_t alignment)
{
    while (get_new_handler) {
        new_handler handler = get_new_handler();
        if (!handler) {
            break;
        }
        handler();
        void *block = try_once(size, alignment);
        if (block) {
            return block;
        }
    }
    return NULL;
}

static inline void *new_or_null(size_t size, size_t alignment)
{
    void *block = try_once(size, alignment);
    return LIKELY(block != NULL) ? block : new_failed(size, alignment);
}

static inline void *new_or_throw(size_t size, size_t alignment)
{
    void *block = new_or_null(size, alignment);
    if (UNLIKELY(!block)) {
        if (throw_bad_alloc) {
            throw_bad_alloc();
        }
        diag_abort("operator new of %u bytes: out of memory, and no C++ library to throw bad_alloc",
                   (uint64_t)size);
    }
    return block;
}

#define CXX(name) EXPORT name; name

CXX(void *_Znwm(size_t size)) { return new_or_throw(size, QUANTUM); }
CXX(void *_Znam(size_t size)) { return new_or_throw(size, QUANTUM); }
CXX(void *_ZnwmSt11align_val_t(size_t size, size_t align)) { return new_or_throw(size, align); }
CXX(void *_ZnamSt11align_val_t(size_t size, size_t align)) { return new_or_throw(size, align); }

/* The nothrow forms call the handler too. One that throws ends the program there (they are noexcept);
 * the standard would have the exception swallowed, which needs the C++ runtime. */
CXX(void *_ZnwmRKSt9nothrow_t(size_t size, const struct nothrow *tag))
{
    (void)tag;
    return new_or_null(size, QUANTUM);
}
CXX(void *_ZnamRKSt9nothrow_t(size_t size, const struct nothrow *tag))
{
    (void)tag;
    return new_or_null(size, QUANTUM);
}
CXX(void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t align, const struct nothrow *tag))
{
    (void)tag;
    return new_or_null(size, align);
}
CXX(void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t align, const struct nothrow *tag))
{
    (void)tag;
    return new_or_null(size, align);
}

#define DELETE(name, ...) \
    EXPORT void name(void *ptr, ##__VA_ARGS__); \
    void name(void *ptr, ##__VA_ARGS__) { DOOR(free)(ptr); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
DELETE(_ZdlPv)
DELETE(_ZdaPv)
DELETE(_ZdlPvm, size_t size)
DELETE(_ZdaPvm, size_t size)
DELETE(_ZdlPvSt11align_val_t, size_t align)
DELETE(_ZdaPvSt11align_val_t, size_t align)
DELETE(_ZdlPvmSt11align_val_t, size_t size, size_t align)
DELETE(_ZdaPvmSt11align_val_t, size_t size, size_t align)
DELETE(_ZdlPvRKSt9nothrow_t, const struct nothrow *tag)
DELETE(_ZdaPvRKSt9nothrow_t, const struct nothrow *tag)
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, size_t align, const struct nothrow *tag)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, size_t align, const struct nothrow *tag)
#pragma GCC diagnostic pop
