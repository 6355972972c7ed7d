/* failure.h: how the harness says no. One line that names the input and the remedy, and one exit
 * code.
 *
 * A function that can fail returns bool and takes a `struct failure *`; `return fail(...)` fills
 * it. main() prints the line, once, as "ashlar VERB: LINE".
 */
#ifndef ASHLAR_BASE_FAILURE_H
#define ASHLAR_BASE_FAILURE_H

#include <stdbool.h>

enum exit_code {
    EXIT_OK = 0,           /* done, and no contender is worse */
    EXIT_REGRESSION = 1,   /* a contender is worse than the baseline */
    EXIT_USAGE = 2,        /* the user's input: option, suite, directory */
    EXIT_INCONCLUSIVE = 3, /* too little evidence to say anything */
    EXIT_FAILED = 4,       /* crash, time-out, no memory, corruption, allocator missing */
    EXIT_ENVIRONMENT = 5,  /* this machine or these builds are not those of the stored run */
    EXIT_INTERRUPTED = 130 /* Ctrl-C, as shells count it */
};

struct failure {
    int exit_code;   /* one of enum exit_code */
    char text[1024]; /* one line, no newline */
};

/* Fills `why` and returns false, so that a caller can write `return fail(...)`. Newlines become
 * spaces: an error is one line whatever was quoted in it. */
bool fail(struct failure *why, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

#endif
