/* option.c: options from text to value. See option.h. */
#include "option.h"

#include <inttypes.h>
#include <string.h>

/* Reads digits, then a suffix where one is allowed. Returns the first byte that is not part of the
 * number, or NULL when there is no number or it exceeds 64 bits. */
static const char *read_number(const char *c, bool suffix_allowed, uint64_t *out)
{
    if (*c < '0' || *c > '9') {
        return NULL;
    }
    uint64_t number = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*c - '0'), &number)) {
            return NULL;
        }
    }
    static const char suffixes[] = "kmg";
    const char *suffix = suffix_allowed && *c != '\0' ? strchr(suffixes, *c) : NULL;
    if (suffix != NULL) {
        const unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (number > UINT64_MAX >> shift) {
            return NULL;
        }
        number <<= shift;
        c++;
    }
    *out = number;
    return c;
}

static struct value parse_choice(const char *command, const struct option *option,
                                 const char *given)
{
    struct text words = {0};
    for (uint64_t i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(given, option->choices[i]) == 0) {
            return (struct value){i, 0};
        }
        text_add(&words, "%s%s", i > 0 ? ", " : "", option->choices[i]);
    }
    die(EXIT_USAGE, "%s: --%s '%s' is not known; choose one of %s", command, option->name, given,
        words.bytes);
}

static struct value parse_range(const char *command, const struct option *option, const char *given)
{
    struct value value = {0, 0};
    const char *c = read_number(given, true, &value.lo);
    if (c != NULL && *c == '\0') {
        value.hi = value.lo + 1;
    } else if (c != NULL && strncmp(c, "..", 2) == 0) {
        c = read_number(c + 2, true, &value.hi);
    } else {
        c = NULL;
    }
    if (c == NULL || *c != '\0') {
        die(EXIT_USAGE,
            "%s: --%s '%s' is not a range of sizes; give A..B (B not included) or one "
            "size, for example --%s %s",
            command, option->name, given, option->name, option->fallback);
    }
    if (value.lo < option->min || value.hi <= value.lo || value.hi - 1 > option->max) {
        die(EXIT_USAGE,
            "%s: --%s %s is out of range; give A..B with %" PRIu64 " <= A < B <= %" PRIu64, command,
            option->name, given, option->min, option->max + 1);
    }
    return value;
}

static struct value parse_number(const char *command, const struct option *option,
                                 const char *given)
{
    struct value value = {0, 0};
    const bool bytes = option->kind == OPTION_BYTES;
    const char *c = read_number(given, bytes, &value.lo);
    if (c == NULL || *c != '\0') {
        die(EXIT_USAGE, "%s: --%s '%s' is not a %s, for example --%s %s", command, option->name,
            given,
            bytes ? "size; give digits and perhaps k, m or g" : "whole number; give digits only",
            option->name, option->fallback == NULL ? "1" : option->fallback);
    }
    if (value.lo < option->min || value.lo > option->max) {
        die(EXIT_USAGE, "%s: --%s %s is out of range; give a number from %" PRIu64 " to %" PRIu64,
            command, option->name, given, option->min, option->max);
    }
    return value;
}

struct value option_parse(const char *command, const struct option *option, const char *given)
{
    switch (option->kind) {
    case OPTION_CHOICE:
        return parse_choice(command, option, given);
    case OPTION_RANGE:
        return parse_range(command, option, given);
    case OPTION_FLAG:
        return (struct value){1, 0};
    case OPTION_COUNT:
    case OPTION_BYTES:
        break;
    }
    return parse_number(command, option, given);
}

bool option_is_default(const char *command, const struct option *option, struct value value)
{
    struct value fallback = {0, 0};
    if (option->kind != OPTION_FLAG) {
        fallback = option_parse(command, option, option->fallback);
    }
    return value.lo == fallback.lo && value.hi == fallback.hi;
}

void option_print(struct text *text, const struct option *option, struct value value)
{
    if (option->kind == OPTION_CHOICE) {
        text_add(text, "%s", option->choices[value.lo]);
    } else if (option->kind == OPTION_RANGE && value.hi != value.lo + 1) {
        text_add(text, "%" PRIu64 "..%" PRIu64, value.lo, value.hi);
    } else {
        text_add(text, "%" PRIu64, value.lo);
    }
}

const struct option *option_find(const struct option *table, const char *name, size_t len)
{
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == len && memcmp(table->name, name, len) == 0) {
            return table;
        }
    }
    return NULL;
}

unsigned option_count(const struct option *table)
{
    unsigned count = 0;
    while (table[count].name != NULL) {
        count++;
    }
    return count;
}

void option_print_form(struct text *text, const struct option *option)
{
    switch (option->kind) {
    case OPTION_COUNT:
        text_add(text, " N");
        break;
    case OPTION_BYTES:
        text_add(text, " SIZE");
        break;
    case OPTION_RANGE:
        text_add(text, " A..B");
        break;
    case OPTION_CHOICE:
        for (unsigned i = 0; option->choices[i] != NULL; i++) {
            text_add(text, "%s%s", i > 0 ? "|" : " ", option->choices[i]);
        }
        break;
    case OPTION_FLAG:
        break;
    }
}
