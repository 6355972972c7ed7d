/* tag.c: see tag.h. */
#include "tag.h"
#include "rng.h"

#include <string.h>

enum { LINE = 64 };

static unsigned char byte_at(uint64_t key, size_t offset)
{
    return (unsigned char)(mix64(key + offset / 8) >> (offset % 8 * 8));
}

static void write_range(unsigned char *block, size_t from, size_t to, uint64_t key)
{
    for (size_t at = from; at < to;) {
        if (at % 8 == 0 && to - at >= 8) {
            uint64_t word = mix64(key + at / 8);
            memcpy(block + at, &word, 8);
            at += 8;
        } else {
            block[at] = byte_at(key, at);
            at++;
        }
    }
}

static bool range_holds(const unsigned char *block, size_t from, size_t to, uint64_t key,
                        size_t *offset)
{
    for (size_t at = from; at < to;) {
        if (at % 8 == 0 && to - at >= 8) {
            uint64_t word, expected = mix64(key + at / 8);
            memcpy(&word, block + at, 8);
            if (word != expected) {
                *offset = at;
                return false;
            }
            at += 8;
        } else {
            if (block[at] != byte_at(key, at)) {
                *offset = at;
                return false;
            }
            at++;
        }
    }
    return true;
}

/* The tagged ranges of a block; they may overlap, which does no harm. */
static int ranges_of(size_t size, uint64_t key, bool full, size_t out[3][2])
{
    if (full || size <= 3 * LINE) {
        out[0][0] = 0;
        out[0][1] = size;
        return 1;
    }
    size_t line = mix64(key) % (size / LINE) * LINE;
    out[0][0] = 0;
    out[0][1] = LINE;
    out[1][0] = line;
    out[1][1] = line + LINE;
    out[2][0] = size - LINE;
    out[2][1] = size;
    return 3;
}

void tag_write(void *block, size_t size_bytes, uint64_t key, bool full)
{
    size_t ranges[3][2];
    int count = ranges_of(size_bytes, key, full, ranges);
    for (int i = 0; i < count; i++)
        write_range(block, ranges[i][0], ranges[i][1], key);
}

bool tag_holds(const void *block, size_t size_bytes, size_t visible_bytes, uint64_t key, bool full,
               size_t *offset)
{
    size_t ranges[3][2];
    int count = ranges_of(size_bytes, key, full, ranges);
    for (int i = 0; i < count; i++) {
        size_t to = ranges[i][1] < visible_bytes ? ranges[i][1] : visible_bytes;
        if (ranges[i][0] < to && !range_holds(block, ranges[i][0], to, key, offset))
            return false;
    }
    return true;
}

static bool zero_range(const unsigned char *block, size_t from, size_t to, size_t *offset)
{
    for (size_t at = from; at < to; at++) {
        if (block[at] != 0) {
            *offset = at;
            return false;
        }
    }
    return true;
}

bool tag_is_zero(const void *block, size_t size_bytes, uint64_t key, bool full, size_t *offset)
{
    enum { ALL = 64 << 10, PAGE = 4096 };
    if (full || size_bytes <= ALL)
        return zero_range(block, 0, size_bytes, offset);
    if (!zero_range(block, 0, PAGE, offset) ||
        !zero_range(block, size_bytes - PAGE, size_bytes, offset))
        return false;
    size_t step = size_bytes < (1u << 20) ? PAGE : 16 * PAGE;
    for (size_t at = PAGE; at + PAGE < size_bytes; at += step) {
        size_t line = at + mix64(key + at) % (PAGE / LINE) * LINE;
        if (!zero_range(block, line, line + LINE, offset))
            return false;
    }
    return true;
}
