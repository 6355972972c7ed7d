/* say.c: text without stdio. See say.h. */
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Returns false when the descriptor takes no more; errno then says why. */
static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return 0;
        }
        bytes += done;
        len -= (size_t)done;
    }
    return 1;
}

static void say_line(const char *format, va_list args)
{
    char line[1024] = "ashlar-bench: ";
    const size_t start = strlen(line);
    const size_t room = sizeof line - start - 1;
    const int wanted = vsnprintf(line + start, room, format, args);
    size_t len = start + (wanted < 0 ? 0 : (size_t)wanted < room ? (size_t)wanted : room - 1);
    line[len++] = '\n';
    /* Nobody is left to tell when standard error itself is gone. */
    (void)write_all(STDERR_FILENO, line, len);
}

void die(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_line(format, args);
    va_end(args);
    /* Not exit(): other threads may still be in the allocator that just failed. */
    _exit(code);
}

void warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_line(format, args);
    va_end(args);
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const size_t room = sizeof text->bytes - text->len;
    const int wanted = vsnprintf(text->bytes + text->len, room, format, args);
    va_end(args);
    if (wanted < 0 || (size_t)wanted >= room) {
        die(EXIT_INTEGRITY, "a text of more than %zu bytes does not fit; raise struct text",
            sizeof text->bytes);
    }
    text->len += (size_t)wanted;
}

void text_add_json(struct text *text, const char *string)
{
    text_add(text, "\"");
    for (const char *c = string; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            text_add(text, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            text_add(text, "\\u%04x", (unsigned)*c);
        } else {
            text_add(text, "%c", *c);
        }
    }
    text_add(text, "\"");
}

void text_add_fixed(struct text *text, uint64_t value, unsigned digits)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < digits; i++) {
        unit *= 10;
    }
    text_add(text, "%llu.%0*llu", (unsigned long long)(value / unit), (int)digits,
             (unsigned long long)(value % unit));
}

void text_write(const struct text *text, int fd)
{
    if (!write_all(fd, text->bytes, text->len)) {
        die(EXIT_INTEGRITY, "cannot write the result to descriptor %d (errno %d); give it a place",
            fd, errno);
    }
}
