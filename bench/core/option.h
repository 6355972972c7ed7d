/* option.h: the options of a workload, from text to value.
 *
 * An option is described once, in a table; parsing, --help, --list and the `params` key of a result
 * all read that table. A default is text too, and goes through the same parser.
 */
#ifndef ASHLAR_BENCH_OPTION_H
#define ASHLAR_BENCH_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"

enum option_kind {
    OPTION_COUNT,  /* a whole number: 1000 */
    OPTION_BYTES,  /* a whole number with k, m or g (powers of 1024): 64k */
    OPTION_RANGE,  /* two of these, the second one past the end: 16..528; or one size alone */
    OPTION_CHOICE, /* one word of a list */
    OPTION_FLAG,   /* present or not, takes no value */
};

struct option {
    const char *name; /* without the dashes; NULL ends a table */
    enum option_kind kind;
    const char *fallback;       /* the default, as it would be typed; flags have none */
    uint64_t min, max;          /* allowed values, both included; sizes of a range alike */
    const char *const *choices; /* the words of OPTION_CHOICE, NULL-terminated */
    bool off_params;            /* does not shape the cell, so stays out of `params` */
    const char *help;           /* one line */
};

struct value {
    uint64_t lo; /* the number, the index of the word, or 1 for a flag that is present */
    uint64_t hi; /* of a range: one past the largest; otherwise 0 */
};

/* Parses `given` or ends the process with a line that names option, input and remedy.
 * `command` is the workload's name, for that line. */
struct value option_parse(const char *command, const struct option *option, const char *given);

/* The value in its canonical form: bytes without suffix, so that equal values are equal keys. */
void option_print(struct text *text, const struct option *option, struct value value);

/* Whether the value is the one that stands when nothing is typed. */
bool option_is_default(const char *command, const struct option *option, struct value value);

/* The option of that name (len bytes), or NULL. */
const struct option *option_find(const struct option *table, const char *name, size_t len);

/* How many options a table has. */
unsigned option_count(const struct option *table);

/* What follows the name in a help text: N, SIZE, A..B, or the words. */
void option_print_form(struct text *text, const struct option *option);

#endif
