/* text.c: see text.h. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("ashlar: out of memory for its own books; free some memory and try again\n", stderr);
        abort();
    }
    return memory;
}

void *text_alloc(size_t count, size_t size_bytes)
{
    return checked(calloc(count > 0 ? count : 1, size_bytes));
}

char *text_format(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return checked(text);
}

char *text_copy(const char *text)
{
    return checked(strdup(text));
}

void words_add(struct words *words, const char *word)
{
    words->at = checked(realloc(words->at, (words->count + 2) * sizeof *words->at));
    words->at[words->count++] = text_copy(word);
    words->at[words->count] = NULL;
}

void words_add_all(struct words *words, char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        words_add(words, *list);
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    free(words->at);
    words->at = NULL;
    words->count = 0;
}

bool words_have(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->at[i], word) == 0)
            return true;
    return false;
}

bool words_same(const struct words *a, const struct words *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->at[i], b->at[i]) != 0)
            return false;
    return true;
}

struct words words_split(const char *text, const char *separators)
{
    struct words words = {0};
    char *copy = text_copy(text);
    char *rest = NULL;

    for (char *word = strtok_r(copy, separators, &rest); word != NULL;
         word = strtok_r(NULL, separators, &rest))
        words_add(&words, word);
    free(copy);
    return words;
}

bool text_to_u64(const char *text, uint64_t *value)
{
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool text_to_double(const char *text, double *value)
{
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    errno = 0;
    *value = strtod(text, &end);
    return errno == 0 && *end == '\0';
}

char *text_trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    for (size_t len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

const char *text_last_line(char *text)
{
    char *trimmed = text_trim(text);
    char *newline = strrchr(trimmed, '\n');

    return newline != NULL ? newline + 1 : trimmed;
}

void text_make_plain(char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

char *text_of_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t room = 4096, len = 0;
    char *text;
    ssize_t got;

    if (fd < 0)
        return NULL;
    text = text_alloc(room, 1);
    while ((got = read(fd, text + len, room - len - 1)) > 0) {
        len += (size_t)got;
        if (len + 1 == room)
            text = checked(realloc(text, room *= 2));
    }
    close(fd);
    text[len] = '\0';
    if (got < 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *text_of_file_trimmed(const char *path)
{
    char *text = text_of_file(path);
    char *trimmed;

    if (text == NULL)
        return NULL;
    trimmed = text_copy(text_trim(text));
    free(text);
    if (trimmed[0] == '\0') {
        free(trimmed);
        return NULL;
    }
    return trimmed;
}
