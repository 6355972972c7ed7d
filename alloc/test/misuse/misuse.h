/* misuse.h: what the tiny programs beside it share. Each prepares one wrong pointer and hands it to
 * the door named on its command line:
 *
 *     double_free_now free          double_free_now realloc          double_free_now usable_size
 *
 * The pointer, the block and its size class are written to standard output first, so that the test
 * compares the whole message.
 */
#ifndef MISUSE_H
#define MISUSE_H

#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MISUSE_LIBC
#include "ashlar/ashlar.h"

void free_sized(void *ptr, size_t size_bytes);
void free_aligned_sized(void *ptr, size_t alignment_bytes, size_t size_bytes);
#endif

static size_t class_bytes; /* of the block taken last, for the test to compare with the message */

/* A block that is really touched, or the end of the test. */
static inline char *take(size_t size_bytes)
{
    char *block = malloc(size_bytes);
    if (block == NULL)
        exit(3);
    memset(block, 1, size_bytes);
    class_bytes = malloc_usable_size(block);
    return block;
}

/* Writes a line without a buffer from malloc, which stdio would take. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    char text[120];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (write(1, text, (size_t)len) != len)
        exit(4);
}

/* Hands `wrong` to the door. `block` is the block that it has to do with, or NULL. */
static inline int misuse(char **argv, void *wrong, void *block)
{
    void *volatile pointer = wrong; /* the compiler must not reason about it */
    const char *door = argv[1] != NULL ? argv[1] : "free";
    say("%p %p %zu\n", wrong, block, class_bytes);
    if (strcmp(door, "free") == 0)
        free(pointer);
    else if (strcmp(door, "realloc") == 0)
        pointer = realloc(pointer, 200);
    else if (strcmp(door, "realloc_to_zero") == 0)
        pointer = realloc(pointer, 0);
    else if (strcmp(door, "usable_size") == 0)
        say("usable %zu\n", malloc_usable_size(pointer));
#ifndef MISUSE_LIBC
    else if (strcmp(door, "free_sized") == 0)
        free_sized(pointer, 64);
    else if (strcmp(door, "free_aligned_sized") == 0)
        free_aligned_sized(pointer, 16, 64);
    else if (strcmp(door, "dallocx") == 0)
        dallocx(pointer, 0);
    else if (strcmp(door, "dallocx_none") == 0)
        dallocx(pointer, MALLOCX_TCACHE_NONE);
    else if (strcmp(door, "sdallocx") == 0)
        sdallocx(pointer, 64, 0);
    else if (strcmp(door, "rallocx") == 0)
        pointer = rallocx(pointer, 200, 0);
    else if (strcmp(door, "xallocx") == 0)
        say("xallocx %zu\n", xallocx(pointer, 200, 0, 0));
    else if (strcmp(door, "sallocx") == 0)
        say("sallocx %zu\n", sallocx(pointer, 0));
#endif
    else
        return 2;
    say("survived\n");
    return 0;
}

#endif
