/* text.h: strings on the heap and lists of words.
 *
 * The harness is a short-lived command whose memory use is small: where memory runs out it says so
 * and aborts, so no caller has to test these results.
 */
#ifndef ASHLAR_BASE_TEXT_H
#define ASHLAR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* calloc() that never returns NULL. */
void *text_alloc(size_t count, size_t size_bytes);

/* A formatted string of its own; the caller frees it. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_copy(const char *text);

/* A NULL-terminated list of words. */
struct words {
    char **at;    /* `count` strings and a NULL */
    size_t count; /* without the NULL */
};

void words_add(struct words *words, const char *word);
void words_add_all(struct words *words, char *const *list);
void words_free(struct words *words);

bool words_have(const struct words *words, const char *word);

/* Whether the same words stand in the same order. */
bool words_same(const struct words *a, const struct words *b);

/* Cuts at spaces, tabs and commas of `separators`. */
struct words words_split(const char *text, const char *separators);

/* The whole text as a number; false when anything else stands there. */
bool text_to_u64(const char *text, uint64_t *value);
bool text_to_double(const char *text, double *value);

/* Cuts white space off both ends, in place; returns the new beginning. */
char *text_trim(char *text);

/* The last line that is not empty, for quoting what a program said before it ended. Points into
 * `text`, which is cut behind it. */
const char *text_last_line(char *text);

/* Puts '?' for every byte that is no printable ASCII, in place: what a program said can then be
 * shown on a terminal and stored as JSON, whatever it was. */
void text_make_plain(char *text);

/* A whole small file (/proc and /sys included), NULL when it cannot be read. */
char *text_of_file(const char *path);

/* The same, trimmed; NULL also when nothing is left. */
char *text_of_file_trimmed(const char *path);

#endif
