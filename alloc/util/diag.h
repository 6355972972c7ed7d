/* diag.h: lines to standard error without stdio, without allocation, with errno kept.
 *
 * Formats: %s string, %u unsigned (uint64_t), %d signed (int64_t), %p pointer (as 0x...), %% percent.
 * Every integer argument must be 64 bits wide; the macros of the callers cast.
 */
#ifndef ASHLAR_UTIL_DIAG_H
#define ASHLAR_UTIL_DIAG_H

#include "common.h"

#include <stdarg.h>

/* Formats into buf, without a closing zero, and returns the length written, at most size; the rest is
 * cut off. */
size_t diag_format(char *buf, size_t size, const char *format, va_list args);

/* Writes one formatted piece to the descriptor with write(2), retried on EINTR. */
void diag_print(int fd, const char *format, ...);

/* Writes "ashlar: ..." and a newline to standard error in one write, or hands it to the function that the
 * program has set for that (malloc_message in ashlar.h). */
void diag_line(const char *format, ...);

/* As diag_line, then abort(): the user's mistake, named. */
_Noreturn void diag_abort(const char *format, ...);

#endif
