/* say.h: text without stdio.
 *
 * The benchmark must not allocate on its own account, so text is composed in fixed buffers and
 * leaves by write(2).
 */
#ifndef ASHLAR_BENCH_SAY_H
#define ASHLAR_BENCH_SAY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* The exit codes of ashlar-bench. */
enum {
    EXIT_FINE = 0,      /* the run ended and every check held */
    EXIT_INTEGRITY = 1, /* a block came back changed, or the result could not be written */
    EXIT_USAGE = 2,     /* the command line is wrong */
    EXIT_MEMORY = 4,    /* the allocator or the system had no memory */
};

/* A growing line in a fixed buffer. Text that does not fit is a bug of ours and stops the run. */
struct text {
    size_t len;          /* bytes used */
    char bytes[1 << 15]; /* long enough for the result of 256 threads and for --list */
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `string` as a JSON string with its quotes. */
void text_add_json(struct text *text, const char *string);

/* Adds value / 10^digits with that many digits after the point, so that no float is printed. */
void text_add_fixed(struct text *text, uint64_t value, unsigned digits);

/* Writes the whole text to a descriptor; ends the process when that fails. */
void text_write(const struct text *text, int fd);

/* Writes "ashlar-bench: " and one line to standard error and ends the process at once. */
_Noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same line without the end. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
