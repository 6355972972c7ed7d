/* book.c: book-keeping memory from mmap. See book.h. */
#include "book.h"

#include <errno.h>
#include <sys/mman.h>

#include "say.h"

static size_t whole_pages(size_t size_bytes)
{
    return (size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

void *book_reserve(size_t size_bytes)
{
    const size_t len = whole_pages(size_bytes > 0 ? size_bytes : 1);
    void *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        die(EXIT_MEMORY,
            "cannot map %zu bytes of book-keeping (errno %d); free memory or ask for "
            "fewer threads or slots",
            len, errno);
    }
    /* A kernel without huge pages answers EINVAL, and then there is nothing to refuse. */
    (void)madvise(memory, len, MADV_NOHUGEPAGE);
    return memory;
}

void *book_alloc(size_t size_bytes)
{
    volatile char *memory = book_reserve(size_bytes);
    for (size_t at = 0; at < size_bytes; at += PAGE_BYTES) {
        memory[at] = 0;
    }
    return (void *)memory;
}

void *book_stack(size_t size_bytes)
{
    char *memory = book_reserve(size_bytes + PAGE_BYTES);
    if (mprotect(memory, PAGE_BYTES, PROT_NONE) != 0) {
        die(EXIT_MEMORY,
            "cannot protect the page below a thread's stack (errno %d); ask for fewer "
            "threads",
            errno);
    }
    return memory + PAGE_BYTES;
}
