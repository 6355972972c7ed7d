/* diag.c: see diag.h. A line is built on the stack and written at once, so that lines of several
 * threads do not mix. */
#include "diag.h"
#include "../include/ashlar/ashlar.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

struct buffer {
    char *at;  /* the next byte to write */
    char *end; /* one behind the last usable byte */
};

static void put(struct buffer *b, char c)
{
    if (b->at < b->end) {
        *b->at++ = c;
    }
}

static void put_string(struct buffer *b, const char *s)
{
    for (s = s ? s : "(null)"; *s; s++) {
        put(b, *s);
    }
}

static void put_number(struct buffer *b, uint64_t value, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n) {
        put(b, digits[--n]);
    }
}

size_t diag_format(char *buf, size_t size, const char *format, va_list args)
{
    struct buffer b = {buf, buf + size};
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&b, *f);
            continue;
        }
        switch (*++f) {
        case 's':
            put_string(&b, va_arg(args, const char *));
            break;
        case 'u':
            put_number(&b, va_arg(args, uint64_t), 10);
            break;
        case 'd': {
            int64_t value = va_arg(args, int64_t);
            if (value < 0) {
                put(&b, '-');
            }
            put_number(&b, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
            break;
        }
        case 'p':
            put_string(&b, "0x");
            put_number(&b, (uint64_t)(uintptr_t)va_arg(args, const void *), 16);
            break;
        case '\0': /* a lone percent sign at the end */
            put(&b, '%');
            return (size_t)(b.at - buf);
        default:
            put(&b, *f);
        }
    }
    return (size_t)(b.at - buf);
}

static void write_all(int fd, const char *buf, size_t len)
{
    int saved = errno;
    while (len) {
        ssize_t done = write(fd, buf, len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            break; /* a closed descriptor: there is nobody left to tell */
        }
        buf += done;
        len -= (size_t)done;
    }
    errno = saved;
}

void diag_print(int fd, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    size_t len = diag_format(line, sizeof line, format, args);
    va_end(args);
    write_all(fd, line, len);
}

/* A program may set this, or, linked statically, define it. */
#ifdef ASHLAR_OVERRIDE
#define MESSAGE malloc_message
#else
#define MESSAGE ashlar_malloc_message
#endif
__attribute__((weak, visibility("default"))) void (*MESSAGE)(void *opaque, const char *line);

static void emit(const char *line, size_t len)
{
    if (MESSAGE) {
        int saved = errno;
        MESSAGE(NULL, line);
        errno = saved;
    } else {
        write_all(STDERR_FILENO, line, len);
    }
}

static void vline(const char *format, va_list args)
{
    static const char prefix[] = "ashlar: ";
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    for (; prefix[len]; len++) {
        line[len] = prefix[len];
    }
    len += diag_format(line + len, sizeof line - len - 2, format, args);
    line[len++] = '\n';
    line[len] = '\0';
    emit(line, len);
}

void diag_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vline(format, args);
    va_end(args);
}

_Noreturn void diag_abort(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vline(format, args);
    va_end(args);
    abort();
}

_Noreturn void diag_assert(const char *what, const char *file, int line)
{
    diag_abort("%s:%u: assertion failed: %s", file, (uint64_t)line, what);
}
