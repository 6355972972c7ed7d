/* report.c: see report.h. */
#include "report.h"
#include "ctl.h"
#include "stats.h"
#include "../api/boot.h"
#include "../util/conf.h"
#include "../util/diag.h"

#include <string.h>

#define PIECE_BYTES 480u /* below what diag_print writes at once */
#define MERGED CTL_ALL_ARENAS

struct report {
    void (*write)(void *opaque, const char *text);
    void *opaque;
    const char *opts;
    bool json;
    bool follows;  /* JSON: a member or an element stands before, so a comma is due */
    size_t used;   /* of the piece that is being filled */
    char piece[PIECE_BYTES + 1];
};

static COLD void flush(struct report *r)
{
    if (r->used) {
        r->piece[r->used] = '\0';
        r->used = 0;
        r->write(r->opaque, r->piece);
    }
}

/* What is put at once is shorter than a piece. */
static COLD void put(struct report *r, const char *format, ...)
{
    char text[192];
    va_list args;
    va_start(args, format);
    size_t len = diag_format(text, sizeof text, format, args);
    va_end(args);
    if (r->used + len > PIECE_BYTES) {
        flush(r);
    }
    memcpy(r->piece + r->used, text, len);
    r->used += len;
}

static COLD bool left_out(const struct report *r, char letter)
{
    return strchr(r->opts, letter) != NULL;
}

/* Is the row part of this report? Of the rest some act, some are of the calling thread alone. */
static COLD bool is_told(const struct report *r, const struct ctl_name *n)
{
    static const struct {
        char letter;
        char part[11];
    } parts[] = {{'b', ".bins."}, {'l', ".lruns."}, {'h', ".hchunks."}, {'x', ".mutex."}};
    bool general = !strncmp(n->name, "config.", 7) || !strncmp(n->name, "opt.", 4) ||
                   !strncmp(n->name, "arenas.", 7) || !strcmp(n->name, "version");
    bool plain = n->type == CTL_BOOL || n->type == CTL_UNSIGNED || n->type == CTL_UINT32 ||
                 n->type == CTL_UINT64 || n->type == CTL_SIZE || n->type == CTL_SSIZE ||
                 n->type == CTL_TEXT;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (left_out(r, parts[i].letter) && strstr(n->name, parts[i].part)) {
            return false;
        }
    }
    return plain && (n->access & CTL_R) && n->source != CTL_ABSENT &&
           (general ? !left_out(r, 'g') : strncmp(n->name, "stats.", 6) == 0);
}

/* A value as text; JSON wants strings in quotes. All texts are words of ours. */
static COLD void put_value(struct report *r, const struct ctl_name *n, const struct ctl_value *v)
{
    switch ((enum ctl_type)n->type) {
    case CTL_BOOL:
        put(r, "%s", v->number ? "true" : "false");
        break;
    case CTL_SSIZE:
        put(r, "%d", (int64_t)v->number);
        break;
    case CTL_TEXT:
        put(r, r->json ? "\"%s\"" : "%s", v->pointer);
        break;
    default:
        put(r, "%u", v->number);
    }
}

/* The first row behind those that begin with the same n components as this row. */
static COLD size_t group_end(size_t row, size_t n)
{
    size_t end = row + 1;
    while (ctl_row(end) && ctl_same_prefix(ctl_row(row)->name, ctl_row(end)->name, n)) {
        end++;
    }
    return end;
}

/* Is any of the rows part of the report? */
static COLD bool any_told(const struct report *r, size_t row, size_t end)
{
    while (row < end && !is_told(r, ctl_row(row))) {
        row++;
    }
    return row < end;
}

/* Is this arena, or MERGED, part of the report, and in the snapshot? `row` is any that is of arenas. */
static COLD bool arena_told(const struct report *r, size_t row, size_t arena)
{
    const size_t index[2] = {arena, 0};
    struct ctl_value v;
    return !left_out(r, arena == MERGED ? 'm' : 'a') && ctl_read(ctl_row(row), index, &v) == 0;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static COLD void json_key(struct report *r, const char *key, size_t len)
{
    char text[32];
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, key, len);
    text[len] = '\0';
    put(r, "%s\"%s\": ", r->follows ? ", " : "", text);
}

static COLD void json_open(struct report *r, const char *bracket)
{
    put(r, "%s", bracket);
    r->follows = false;
}

static COLD void json_close(struct report *r, const char *bracket)
{
    put(r, "%s", bracket);
    r->follows = true;
}

static void json_object(struct report *r, size_t row, size_t end, size_t depth, size_t index[2]);

/* An element for each value of the number that stands as component `depth`. */
static COLD void json_list(struct report *r, size_t row, size_t end, size_t depth, size_t index[2])
{
    const struct ctl_name *n = ctl_row(row);
    size_t *number = &index[strncmp(n->name, "stats.arenas.", 13) == 0];
    size_t limit = ctl_limit(n, ctl_prefix(n->name, depth) + 1);
    json_open(r, "[");
    for (*number = 0; *number < limit; ++*number) {
        put(r, "%s", r->follows ? ", " : "");
        json_object(r, row, end, depth + 1, index);
    }
    json_close(r, "]");
}

/* A member for each arena, and one for their sum. */
static COLD void json_arenas(struct report *r, size_t row, size_t end)
{
    size_t narenas = ctl_limit(ctl_row(row), 13);
    json_open(r, "{");
    for (size_t i = 0; i <= narenas; i++) {
        size_t index[2] = {i ? i - 1 : MERGED, 0};
        if (arena_told(r, row, index[0])) {
            put(r, "%s\n\"", r->follows ? "," : "");
            put(r, i ? "%u\": " : "merged\": ", (uint64_t)index[0]);
            json_object(r, row, end, 3, index);
        }
    }
    json_close(r, "}");
}

static COLD void json_value(struct report *r, size_t row, size_t end, size_t depth, size_t index[2])
{
    const struct ctl_name *n = ctl_row(row);
    struct ctl_value v;
    if (ctl_components(n->name) == depth) {
        if (ctl_read(n, index, &v) == 0) {
            put_value(r, n, &v);
        } else {
            put(r, "null");
        }
        r->follows = true;
    } else if (!ctl_is_number(n->name, depth)) {
        json_object(r, row, end, depth, index);
    } else if (depth == 2 && strncmp(n->name, "stats.arenas.", 13) == 0) {
        json_arenas(r, row, end);
    } else {
        json_list(r, row, end, depth, index);
    }
}

/* The rows as an object whose members are their components number `depth`. */
static COLD void json_object(struct report *r, size_t row, size_t end, size_t depth, size_t index[2])
{
    json_open(r, "{");
    for (size_t next; row < end; row = next) {
        const char *name = ctl_row(row)->name;
        size_t start = depth ? ctl_prefix(name, depth) + 1 : 0;
        next = group_end(row, depth + 1);
        if (any_told(r, row, next)) {
            while (!is_told(r, ctl_row(row))) {
                row++; /* the first of the group may be left out */
            }
            json_key(r, name + start, ctl_prefix(name, depth + 1) - start);
            json_value(r, row, next, depth + 1, index);
        }
    }
    json_close(r, "}");
}

/* ---- text --------------------------------------------------------------------------------------- */

#define COLUMN 12u

/* Right-aligned in a column that is wide enough for its heading. */
static COLD void text_cell(struct report *r, const char *heading, const char *text)
{
    size_t width = strlen(heading) + 1, len = strlen(text);
    width = width > COLUMN ? width : COLUMN;
    for (size_t i = len < width ? len : width - 1; i < width; i++) {
        put(r, " ");
    }
    put(r, "%s", text);
}

static COLD void text_number(struct report *r, const char *heading, uint64_t value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    text_cell(r, heading, at);
}

static COLD const char *heading_of(const struct ctl_name *n)
{
    return strrchr(n->name, '.') + 1;
}

/* The name up to its last number, with arenas by their names. */
static COLD void text_title(struct report *r, const char *name, size_t len, size_t arena)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] != '<') {
            put(r, "%s", (const char[]){name[i], '\0'});
        } else {
            put(r, arena == MERGED ? "merged" : "%u", (uint64_t)arena);
            i += 2;
        }
    }
}

static COLD void text_line(struct report *r, const struct ctl_name *n, const size_t index[2])
{
    struct ctl_value v;
    if (is_told(r, n) && ctl_read(n, index, &v) == 0) {
        text_title(r, n->name, strlen(n->name), index[0]);
        put(r, ": ");
        put_value(r, n, &v);
        put(r, "\n");
    }
}

/* The bytes of blocks of the class that the rows are of. */
static COLD uint64_t class_size(const char *name, size_t class)
{
    return strstr(name, ".bins.")    ? size_class_bytes((unsigned)class)
           : strstr(name, ".lruns.") ? size_class_bytes((unsigned)(SMALL_CLASSES + class))
                                     : huge_class_chunks((unsigned)class) * CHUNK_SIZE;
}

/* A line of a table; classes that were never used have none. */
static COLD void text_class(struct report *r, size_t row, size_t end, const size_t index[2], unsigned k)
{
    struct ctl_value v;
    bool used = false;
    for (size_t i = row; i < end && !used; i++) {
        used = k == 0 || (!strstr(ctl_row(i)->name, ".mutex.") && ctl_read(ctl_row(i), index, &v) == 0 &&
                          v.number != 0);
    }
    if (!used) {
        return;
    }
    if (k) {
        text_number(r, "size", class_size(ctl_row(row)->name, index[k]));
    }
    for (; row < end; row++) {
        if (is_told(r, ctl_row(row)) && ctl_read(ctl_row(row), index, &v) == 0) {
            text_number(r, heading_of(ctl_row(row)), v.number);
        }
    }
    put(r, "\n");
}

/* The rows, which end in the same number and a word each, as a table: a column a row, a line a class. */
static COLD void text_table(struct report *r, size_t row, size_t end, size_t arena)
{
    const char *name = ctl_row(row)->name;
    const char *place = strrchr(name, '<');
    unsigned k = strchr(name, '<') != place; /* which of the numbers is the class */
    size_t index[2] = {arena, 0};
    if (!any_told(r, row, end)) {
        return;
    }
    text_title(r, name, (size_t)(place - 1 - name), arena);
    put(r, ":\n");
    if (k) {
        text_cell(r, "size", "size");
    }
    for (size_t i = row; i < end; i++) {
        if (is_told(r, ctl_row(i))) {
            text_cell(r, heading_of(ctl_row(i)), heading_of(ctl_row(i)));
        }
    }
    put(r, "\n");
    for (index[k] = 0; index[k] < ctl_limit(ctl_row(row), (size_t)(place - name)); index[k]++) {
        text_class(r, row, end, index, k);
    }
}

/* The rows: lines, and tables where more numbers than those of arenas stand in them. */
static COLD void text_rows(struct report *r, size_t row, size_t end, size_t arena)
{
    const size_t index[2] = {arena, 0};
    bool in_arena = strncmp(ctl_row(row)->name, "stats.arenas.", 13) == 0;
    for (size_t next; row < end; row = next) {
        const char *name = ctl_row(row)->name;
        const char *place = strchr(name + (in_arena ? 14 : 0), '<');
        next = row + 1;
        if (!place) {
            text_line(r, ctl_row(row), index);
            continue;
        }
        while (next < end && strncmp(name, ctl_row(next)->name, (size_t)(place - name) + 1) == 0) {
            next++;
        }
        text_table(r, row, next, arena);
    }
}

static COLD void text_all(struct report *r)
{
    for (size_t row = 0, next; ctl_row(row); row = next) {
        bool arenas = strncmp(ctl_row(row)->name, "stats.arenas.", 13) == 0;
        next = arenas ? group_end(row, 2) : row + 1;
        if (!arenas) {
            while (ctl_row(next) && strncmp(ctl_row(next)->name, "stats.arenas.", 13) != 0) {
                next++;
            }
            text_rows(r, row, next, 0);
            continue;
        }
        for (size_t i = 0; i <= ctl_limit(ctl_row(row), 13); i++) {
            size_t arena = i ? i - 1 : MERGED;
            if (arena_told(r, row, arena)) {
                text_rows(r, row, next, arena);
            }
        }
    }
}

/* ---- the doors ---------------------------------------------------------------------------------- */

static COLD void write_fd(void *opaque, const char *text)
{
    diag_print(*(const int *)opaque, "%s", text);
}

COLD void DOOR(malloc_stats_print)(void (*write)(void *, const char *), void *opaque,
                                   const char *opts)
{
    int fd = 2;
    size_t index[2] = {0, 0}, rows = 0;
    uint64_t renew = 1;
    if (!write && DOOR(malloc_message)) {
        write = DOOR(malloc_message);
    } else if (!write) {
        write = write_fd;
        opaque = &fd;
    }
    opts = opts ? opts : "";
    struct report r = {.write = write, .opaque = opaque, .opts = opts};
    r.json = strchr(opts, 'J') != NULL;
    if (DOOR(mallctl)("epoch", NULL, NULL, &renew, sizeof renew) != 0) {
        write(opaque, "ashlar: the figures cannot be read now\n"); /* no memory, or in a hook */
        return;
    }
    if (!r.json) {
        text_all(&r);
    } else {
        while (ctl_row(rows)) {
            rows++;
        }
        put(&r, "{\"ashlar\": ");
        json_object(&r, 0, rows, 0, index);
        put(&r, "}\n");
    }
    flush(&r);
}

__attribute__((destructor)) static void at_exit(void)
{
    if (atomic_load_explicit(&boot_done, ACQUIRE) && conf.stats_print) {
        stats_print(boot_exit_fd);
        if (conf.stats_print_opts[0]) {
            DOOR(malloc_stats_print)(write_fd, &boot_exit_fd, conf.stats_print_opts);
        }
    }
}
