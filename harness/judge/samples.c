/* samples.c: reads samples.jsonl and refuses what it cannot vouch for.
 *
 * Below        jansson       Above   verdict.c summary.c report.c
 */
#include "samples.h"

#include "../base/member.h"
#include "stats.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where reading stands: the error message is made from it. */
struct reader {
    const char *path;    /* of samples.jsonl */
    size_t line;         /* 1 .. */
    struct samples *run; /* what is being filled */
    size_t capacity;     /* of run->all */
    char *err;           /* caller's buffer */
    size_t err_size;     /* its size */
};

static bool refuse(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills err with "PATH:LINE: ..." (PATH alone before the first line) and returns false. */
static bool refuse(struct reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->line == 0) {
        snprintf(r->err, r->err_size, "%s: %s", r->path, text);
    } else {
        snprintf(r->err, r->err_size, "%s:%zu: %s", r->path, r->line, text);
    }
    return false;
}

static bool refuse_memory(struct reader *r)
{
    return refuse(r, "out of memory while reading; free some and try again");
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : otherwise;
}

/* A number, NAN where the key is absent or null. */
static long whole_of(const json_t *object, const char *key, long otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (long)json_integer_value(value) : otherwise;
}

/* The plan. */

static void mark_references(struct samples *run)
{
    const json_t *described = json_object_get(run->plan, "allocators");
    for (size_t i = 0; i < json_array_size(described); i++) {
        const json_t *one = json_array_get(described, i);
        for (size_t k = 0; k < run->n_allocators; k++) {
            if (strcmp(text_of(one, "name", ""), run->allocators[k]) == 0) {
                run->reference[k] = json_is_true(json_object_get(one, "reference"));
            }
        }
    }
}

static bool read_allocators(struct reader *r)
{
    struct samples *run = r->run;
    const char *baseline = text_of(run->plan, "baseline", NULL);
    const json_t *contenders = json_object_get(run->plan, "contenders");
    if (baseline == NULL || json_array_size(contenders) == 0) {
        return refuse(
            r, "the plan names no baseline or no contender; run with two allocators or more");
    }
    run->allocators = calloc(json_array_size(contenders) + 1, sizeof *run->allocators);
    run->reference = calloc(json_array_size(contenders) + 1, sizeof *run->reference);
    if (run->allocators == NULL || run->reference == NULL) {
        return refuse_memory(r);
    }
    run->allocators[run->n_allocators++] = baseline;
    for (size_t i = 0; i < json_array_size(contenders); i++) {
        const char *name = json_string_value(json_array_get(contenders, i));
        for (size_t k = 0; name != NULL && k < run->n_allocators; k++) {
            name = strcmp(name, run->allocators[k]) == 0 ? NULL : name;
        }
        if (name == NULL) {
            return refuse(r, "contender %zu has no name, or one that is taken; name each once",
                          i + 1);
        }
        run->allocators[run->n_allocators++] = name;
    }
    mark_references(run);
    return true;
}

/* "ashlar-bench larson --threads 2": what to run alone when the cell fails. */
static char *command_of(const json_t *cell, const char *workload)
{
    char *command = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&command, &size);
    if (out == NULL) {
        return NULL;
    }
    const json_t *args = json_object_get(cell, "args");
    fputs(workload, out);
    for (size_t i = 0; i < json_array_size(args); i++) {
        const char *arg = json_string_value(json_array_get(args, i));
        if (arg != NULL && !(i == 0 && strcmp(arg, workload) == 0)) {
            fprintf(out, " %s", arg);
        }
    }
    fclose(out);
    return command;
}

static bool read_cells(struct reader *r)
{
    struct samples *run = r->run;
    const json_t *cells = json_object_get(run->plan, "cells");
    size_t n = json_array_size(cells);
    if (n == 0) {
        return refuse(r, "the plan has no cell; choose a suite that has some");
    }
    run->cells = calloc(n, sizeof *run->cells);
    if (run->cells == NULL) {
        return refuse_memory(r);
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *from = json_array_get(cells, i);
        struct cell *cell = &run->cells[i];
        *cell = (struct cell){
            .id = whole_of(from, "id", -1),
            .label = text_of(from, "label", text_of(from, "workload", NULL)),
            .workload = text_of(from, "workload", NULL),
            .params = text_of(from, "params", ""),
            .threads = whole_of(from, "threads", 1),
            .primary = json_is_true(json_object_get(from, "primary")),
        };
        run->n_cells = i + 1;
        if (cell->workload == NULL || cell->id < 0) {
            return refuse(r, "cell %zu of the plan has no id or no workload", i);
        }
        for (size_t k = 0; k < i; k++) {
            if (run->cells[k].id == cell->id) {
                return refuse(r, "cell id %ld stands twice in the plan", cell->id);
            }
        }
        cell->command = command_of(from, cell->workload);
        if (cell->command == NULL) {
            return refuse_memory(r);
        }
    }
    return true;
}

static bool find_place(struct reader *r, const json_t *line, size_t *cell, size_t *allocator)
{
    const struct samples *run = r->run;
    long id = whole_of(line, "cell", -1);
    const char *name = text_of(line, "allocator", "");
    for (*cell = 0; *cell < run->n_cells && run->cells[*cell].id != id; ++*cell) {
    }
    for (*allocator = 0;
         *allocator < run->n_allocators && strcmp(run->allocators[*allocator], name) != 0;
         ++*allocator) {
    }
    if (*cell == run->n_cells) {
        return refuse(r, "cell %ld is not in the plan; the file was put together from two runs",
                      id);
    }
    if (*allocator == run->n_allocators) {
        return refuse(
            r, "allocator \"%s\" is not in the plan; the file was put together from two runs",
            name);
    }
    return true;
}

/* A real program has no bare loop: all of its peak is the program's own. */
static void settle_nulls(struct samples *run)
{
    const json_t *cells = json_object_get(run->plan, "cells");
    for (size_t c = 0; c < run->n_cells; c++) {
        bool program = json_object_get(json_array_get(cells, c), "program") != NULL;
        for (size_t a = 0; program && a < run->n_allocators; a++) {
            run->null_kib[c * run->n_allocators + a] = 0;
        }
    }
}

static bool read_skipped(struct reader *r)
{
    const json_t *skipped = json_object_get(r->run->plan, "skipped");
    for (size_t i = 0; i < json_array_size(skipped); i++) {
        size_t cell, allocator;
        if (!find_place(r, json_array_get(skipped, i), &cell, &allocator)) {
            return false;
        }
        r->run->skipped[cell * r->run->n_allocators + allocator] = true;
    }
    return true;
}

static double *nans(size_t n)
{
    double *at = malloc(n * sizeof *at);
    for (size_t i = 0; at != NULL && i < n; i++) {
        at[i] = NAN;
    }
    return at;
}

static bool read_plan(struct reader *r, json_t *line)
{
    struct samples *run = r->run;
    run->plan = line;
    const char *schema = text_of(line, "schema", NULL);
    if (strcmp(text_of(line, "type", ""), "plan") != 0 || schema == NULL) {
        return refuse(r, "the first line is not a plan; give a directory that `ashlar run` made");
    }
    if (strcmp(schema, SAMPLES_SCHEMA) != 0) {
        return refuse(r,
                      "schema \"%s\" is not known here (only \"%s\"); use the ashlar that wrote it",
                      schema, SAMPLES_SCHEMA);
    }
    long blocks = whole_of(line, "blocks", 0);
    long memory_blocks = whole_of(line, "memory_blocks", 0);
    run->n_memory_blocks = memory_blocks > 0 ? (size_t)memory_blocks : 0;
    if (blocks < (memory_blocks > 0 ? 0 : 1) || blocks > STATS_BLOCKS_MAX) {
        return refuse(r, "%ld blocks are planned; 1 to %d can be judged", blocks, STATS_BLOCKS_MAX);
    }
    run->n_blocks = (size_t)blocks;
    if (!read_allocators(r) || !read_cells(r)) {
        return false;
    }
    size_t pairs = run->n_cells * run->n_allocators;
    run->slot = calloc(pairs * (run->n_blocks + 1), sizeof *run->slot);
    run->skipped = calloc(pairs, sizeof *run->skipped);
    run->null_kib = nans(pairs);
    run->null_ns = nans(pairs);
    run->count = nans(pairs * SAMPLES_COUNTS_MAX);
    run->calls = json_array();
    run->stored = json_array();
    run->uncounted = json_array();
    run->growth = json_array();
    run->memory = json_array();
    if (run->slot == NULL || run->skipped == NULL || run->null_kib == NULL ||
        run->null_ns == NULL || run->count == NULL || run->calls == NULL || run->stored == NULL ||
        run->uncounted == NULL || run->growth == NULL || run->memory == NULL) {
        return refuse_memory(r);
    }
    settle_nulls(run);
    return read_skipped(r);
}

/* The lines below the plan. */

/* Keeps the peak of a bare loop, wherever it is told. */
static void keep_null(struct reader *r, const json_t *line, size_t cell, size_t allocator)
{
    double kib = member_number(line, "null_rss_kib");
    if (kib > 0) {
        r->run->null_kib[cell * r->run->n_allocators + allocator] = kib;
    }
}

/* A program without a bare loop, and a null run that failed, say 0. */
static void keep_null_time(struct reader *r, const json_t *line, size_t cell, size_t allocator)
{
    double ns = member_number(line, "time_ns");
    if (ns > 0 && strcmp(text_of(line, "status", "ok"), "ok") == 0) {
        r->run->null_ns[cell * r->run->n_allocators + allocator] = ns;
    }
}

static bool grow(struct reader *r)
{
    struct samples *run = r->run;
    if (run->n_all < r->capacity) {
        return true;
    }
    size_t capacity = r->capacity == 0 ? 256 : 2 * r->capacity;
    struct sample *all = realloc(run->all, capacity * sizeof *all);
    if (all == NULL) {
        return refuse_memory(r);
    }
    run->all = all;
    r->capacity = capacity;
    return true;
}

/* Takes over a reference of `line`. */
static bool read_sample(struct reader *r, json_t *line)
{
    struct samples *run = r->run;
    struct sample s = {
        .status = text_of(line, "status", "error"),
        .warmup = json_is_true(json_object_get(line, "warmup")),
        .duet = json_is_true(json_object_get(line, "duet")),
        .time_ns = member_number(line, "time_ns"),
        .peak_rss_kib = member_number(line, "peak_rss_kib"),
        .live_bytes = member_number(json_object_get(line, "bench"), "live_peak_bytes"),
        .instructions = member_number(line, "instructions"),
    };
    s.ok = strcmp(s.status, "ok") == 0;
    long block = whole_of(line, "block", -1);
    if (!find_place(r, line, &s.cell, &s.allocator)) {
        return false;
    }
    if (!s.warmup && (block < 0 || (size_t)block >= run->n_blocks)) {
        return refuse(r, "block %ld is not among the %zu of the plan", block, run->n_blocks);
    }
    if (s.ok && !(s.time_ns > 0)) {
        return refuse(
            r, "an ok sample without a time above 0; the line was edited or the bench is broken");
    }
    s.block = s.warmup ? 0 : (size_t)block;
    if (!grow(r)) {
        return false;
    }
    keep_null(r, line, s.cell, s.allocator);
    s.raw = json_incref(line);
    run->all[run->n_all++] = s;
    return true;
}

static bool read_null(struct reader *r, const json_t *line)
{
    size_t cell, allocator;
    if (!find_place(r, line, &cell, &allocator)) {
        return false;
    }
    keep_null(r, line, cell, allocator);
    keep_null_time(r, line, cell, allocator);
    return true;
}

static bool read_count(struct reader *r, json_t *line)
{
    size_t cell, allocator;
    if (!find_place(r, line, &cell, &allocator)) {
        return false;
    }
    if (strcmp(text_of(line, "method", ""), "ptrace") == 0) {
        bool ok = json_is_array(json_object_get(line, "syscalls"));
        return json_array_append(ok ? r->run->calls : r->run->uncounted, line) == 0 ||
               refuse_memory(r);
    }
    double value = member_number(line, "instructions"), ops = member_number(line, "ops");
    if (!(value > 0)) {
        return json_array_append(r->run->uncounted, line) == 0 || refuse_memory(r);
    }
    if (ops > 0) {
        value /= ops;
        r->run->count_per_op = true;
    }
    if (json_object_get(line, "stored") != NULL && json_array_append(r->run->stored, line) != 0) {
        return refuse_memory(r);
    }
    double *at = r->run->count + (cell * r->run->n_allocators + allocator) * SAMPLES_COUNTS_MAX;
    for (size_t i = 0; i < SAMPLES_COUNTS_MAX; i++) {
        if (isnan(at[i])) {
            at[i] = value;
            break;
        }
    }
    return true;
}

static bool read_stored(struct reader *r, json_t *line)
{
    size_t cell, allocator;
    return find_place(r, line, &cell, &allocator) &&
           (json_array_append(r->run->stored, line) == 0 || refuse_memory(r));
}

static bool read_memory(struct reader *r, json_t *line)
{
    size_t cell, allocator;
    long block = whole_of(line, "block", -1);
    if (!find_place(r, line, &cell, &allocator)) {
        return false;
    }
    if (block < 0 || (size_t)block >= r->run->n_memory_blocks) {
        return refuse(r, "memory block %ld is not among the %zu of the plan", block,
                      r->run->n_memory_blocks);
    }
    return json_array_append(r->run->memory, line) == 0 || refuse_memory(r);
}

static bool read_line(struct reader *r, json_t *line)
{
    const char *type = text_of(line, "type", "");
    if (strcmp(type, "sample") == 0) {
        return read_sample(r, line);
    }
    if (strcmp(type, "count") == 0) {
        return read_count(r, line);
    }
    if (strcmp(type, "memory") == 0) {
        return read_memory(r, line);
    }
    if (strcmp(type, "stored") == 0) {
        return read_stored(r, line);
    }
    if (strcmp(type, "null") == 0) {
        return read_null(r, line);
    }
    if (strcmp(type, "growth") == 0) {
        return json_array_append(r->run->growth, line) == 0 || refuse_memory(r);
    }
    if (strcmp(type, "end") == 0) {
        r->run->ended = true;
    } else if (strcmp(type, "plan") == 0) {
        return refuse(r, "a second plan; judge one run at a time");
    } else {
        r->run->unknown++;
    }
    return true;
}

/* Parses one line of text; a last line without its newline may be torn. */
static bool take(struct reader *r, const char *text, size_t len)
{
    json_error_t problem;
    json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (line == NULL || !json_is_object(line)) {
        json_decref(line);
        if (r->line > 1 && text[len - 1] != '\n') {
            r->run->torn = true;
            return true;
        }
        return refuse(r, "not a JSON object (%s); the file is damaged, run again",
                      line == NULL ? problem.text : "another value");
    }
    if (r->line == 1) {
        return read_plan(r, line); /* the run keeps it */
    }
    bool ok = read_line(r, line);
    json_decref(line);
    return ok;
}

/* The array has its final place now, so pointers into it hold. */
static void fill_slots(struct samples *run)
{
    for (size_t i = 0; i < run->n_all; i++) {
        const struct sample *s = &run->all[i];
        if (s->warmup) {
            continue;
        }
        run->slot[(s->cell * run->n_allocators + s->allocator) * run->n_blocks + s->block] = s;
    }
}

static bool read_all(struct reader *r, FILE *file)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&text, &size, file)) > 0) {
        r->line++;
        ok = take(r, text, (size_t)len);
    }
    free(text);
    if (ok && r->line == 0) {
        return refuse(r, "empty; the run ended before it began, run again");
    }
    if (ok && ferror(file)) {
        return refuse(r, "cannot be read to its end (%s)", strerror(errno));
    }
    return ok;
}

bool samples_read(const char *path, struct samples *out, char *err, size_t err_size)
{
    *out = (struct samples){0};
    struct reader r = {.path = path, .run = out, .err = err, .err_size = err_size};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return refuse(&r, "%s; give a directory that `ashlar run` made", strerror(errno));
    }
    bool ok = read_all(&r, file);
    fclose(file);
    if (!ok) {
        samples_free(out);
        return false;
    }
    fill_slots(out);
    return true;
}

bool samples_read_run(const char *dir, struct samples *out, char *err, size_t err_size)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/samples.jsonl", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        snprintf(err, err_size, "%.64s...: the name is too long; give a shorter one", dir);
        *out = (struct samples){0};
        return false;
    }
    return samples_read(path, out, err, err_size);
}

void samples_free(struct samples *run)
{
    for (size_t i = 0; i < run->n_all; i++) {
        json_decref(run->all[i].raw);
    }
    for (size_t i = 0; i < run->n_cells; i++) {
        free((char *)run->cells[i].command);
    }
    free(run->all);
    free(run->cells);
    free(run->allocators);
    free(run->reference);
    free(run->slot);
    free(run->skipped);
    free(run->null_kib);
    free(run->null_ns);
    free(run->count);
    json_decref(run->calls);
    json_decref(run->stored);
    json_decref(run->uncounted);
    json_decref(run->memory);
    json_decref(run->growth);
    json_decref(run->plan);
    *run = (struct samples){0};
}

const struct sample *samples_at(const struct samples *run, size_t cell, size_t allocator,
                                size_t block)
{
    return run->slot[(cell * run->n_allocators + allocator) * run->n_blocks + block];
}

bool samples_paired(const struct samples *run, size_t cell, size_t allocator, size_t block)
{
    const struct sample *base = samples_at(run, cell, 0, block);
    const struct sample *cont = samples_at(run, cell, allocator, block);
    return base != NULL && cont != NULL && base->duet == cont->duet;
}

double samples_demand(const struct samples *run, size_t cell, size_t allocator, size_t block)
{
    const struct sample *base = samples_at(run, cell, 0, block);
    const struct sample *cont = samples_at(run, cell, allocator, block);
    bool known = base != NULL && cont != NULL && base->live_bytes > 0 && cont->live_bytes > 0;
    return known ? log(cont->live_bytes / base->live_bytes) : 0;
}

double samples_null(const struct samples *run, size_t cell, size_t allocator)
{
    return run->null_kib[cell * run->n_allocators + allocator];
}

double samples_null_ns(const struct samples *run, size_t cell, size_t allocator)
{
    return run->null_ns[cell * run->n_allocators + allocator];
}

bool samples_skipped(const struct samples *run, size_t cell, size_t allocator)
{
    return run->skipped[cell * run->n_allocators + allocator];
}

size_t samples_counts(const struct samples *run, size_t cell, size_t allocator, const double **at)
{
    *at = run->count + (cell * run->n_allocators + allocator) * SAMPLES_COUNTS_MAX;
    size_t n = 0;
    while (n < SAMPLES_COUNTS_MAX && !isnan((*at)[n])) {
        n++;
    }
    return n;
}
