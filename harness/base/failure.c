/* failure.c: see failure.h. */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>

bool fail(struct failure *why, int exit_code, const char *format, ...)
{
    va_list args;

    why->exit_code = exit_code;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    for (char *c = why->text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return false;
}
