/* memory.c: see memory.h.
 *
 * Below        stats.h samples.h        Above   verdict.c table.c report.c
 */
#include "memory.h"

#include "../base/member.h"
#include "markdown.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where a figure stands in a line, and in a row. */
struct figure {
    const char *group; /* object of the line */
    const char *key;   /* in it */
    bool net;          /* KiB from which base_kib is to be taken */
};

static const struct figure figures[] = {
    {"figures", "f1", false}, {"figures", "f2", false},       {"figures", "f3", false},
    {"figures", "f4", false}, {"figures", "peak_kib", false},
};
static const struct figure drains[] = {
    {"drained", "0.1", true},
    {"drained", "1", true},
    {"drained", "5", true},
    {"drained", "12", true},
};
#define FIGURES (sizeof figures / sizeof figures[0])
#define DRAINS (sizeof drains / sizeof drains[0])

static bool is_ok(const json_t *line)
{
    return strcmp(member_text(line, "status"), "ok") == 0;
}

/* The line of a block; NULL: there is none. */
static const json_t *line_of(const struct samples *run, size_t cell, size_t allocator, size_t block)
{
    for (size_t i = 0; i < json_array_size(run->memory); i++) {
        const json_t *line = json_array_get(run->memory, i);
        if (json_integer_value(json_object_get(line, "cell")) == run->cells[cell].id &&
            strcmp(member_text(line, "allocator"), run->allocators[allocator]) == 0 &&
            (size_t)json_integer_value(json_object_get(line, "block")) == block) {
            return line;
        }
    }
    return NULL;
}

static double value_of(const json_t *line, const struct figure *f)
{
    if (line == NULL || !is_ok(line)) {
        return NAN;
    }
    double value = member_number(json_object_get(line, f->group), f->key);
    /* fmax() would make a number of what was not measured. */
    return f->net && !isnan(value) ? fmax(value - member_number(line, "base_kib"), 0) : value;
}

/* Median, smallest and largest of x[n]. */
struct spread {
    double median, low, high;
};

static struct spread spread_of(const double *x, size_t n)
{
    struct spread s = {NAN, NAN, NAN};
    if (n == 0) {
        return s;
    }
    s = (struct spread){stats_median(x, n), x[0], x[0]};
    for (size_t i = 1; i < n; i++) {
        s.low = fmin(s.low, x[i]);
        s.high = fmax(s.high, x[i]);
    }
    return s;
}

static json_t *figure_json(const struct samples *run, size_t cell, size_t allocator,
                           const struct figure *f)
{
    size_t blocks = run->n_memory_blocks, n = 0, n_ratios = 0;
    double *x = malloc(2 * (blocks + 1) * sizeof *x);
    if (x == NULL) {
        return NULL;
    }
    double *ratio = x + blocks + 1;
    for (size_t b = 0; b < blocks; b++) {
        double mine = value_of(line_of(run, cell, allocator, b), f);
        double base = value_of(line_of(run, cell, 0, b), f);
        if (isnan(mine)) {
            continue;
        }
        x[n++] = mine;
        if (allocator > 0 && base > (f->net ? MEMORY_RATIO_KIB : 0)) {
            ratio[n_ratios++] = mine / base;
        }
    }
    struct spread all = spread_of(x, n), ratios = spread_of(ratio, n_ratios);
    free(x);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "median", number_or_null(all.median), "low",
                     number_or_null(all.low), "high", number_or_null(all.high), "ratio",
                     number_or_null(ratios.median), "ratio_low", number_or_null(ratios.low),
                     "ratio_high", number_or_null(ratios.high));
}

/* How the pair ended: the first line that is not ok stands for it. */
static const json_t *worst_line(const struct samples *run, size_t cell, size_t allocator, size_t *n)
{
    const json_t *worst = NULL;
    *n = 0;
    for (size_t b = 0; b < run->n_memory_blocks; b++) {
        const json_t *line = line_of(run, cell, allocator, b);
        if (line != NULL) {
            *n += is_ok(line);
            worst = worst == NULL || (is_ok(worst) && !is_ok(line)) ? line : worst;
        }
    }
    return worst;
}

static double read_share(const struct samples *run, size_t cell, size_t allocator)
{
    double most = NAN;
    for (size_t b = 0; b < run->n_memory_blocks; b++) {
        const json_t *line = line_of(run, cell, allocator, b);
        most = fmax(most, line != NULL ? member_number(line, "read_share") : NAN);
    }
    return most;
}

static json_t *row_of(const struct samples *run, size_t c, size_t allocator, const json_t *worst,
                      size_t n)
{
    const struct cell *cell = &run->cells[c];
    const json_t *first = line_of(run, c, allocator, 0);
    json_t *disturbance = json_object_get(first, "disturbance");
    json_t *drained = json_object();
    json_t *row = json_pack(
        "{s:I, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:o, s:o}", "cell", (json_int_t)cell->id,
        "label", cell->label, "workload", cell->workload, "params", cell->params, "threads",
        (json_int_t)cell->threads, "allocator", run->allocators[allocator], "blocks", (json_int_t)n,
        "status", member_text(worst, "status"), "detail", member_text(worst, "detail"), "base_kib",
        number_or_null(member_number(worst, "base_kib")), "read_share",
        number_or_null(read_share(run, c, allocator)));
    for (size_t i = 0; i < FIGURES; i++) {
        json_object_set_new(row, figures[i].key, figure_json(run, c, allocator, &figures[i]));
    }
    for (size_t i = 0; i < DRAINS; i++) {
        json_object_set_new(drained, drains[i].key, figure_json(run, c, allocator, &drains[i]));
    }
    json_object_set_new(row, "drained", drained);
    json_t *layout = json_object_get(first, "layout");
    json_object_set_new(row, "layout", layout != NULL ? json_incref(layout) : json_null());
    json_object_set_new(row, "disturbance",
                        disturbance != NULL ? json_incref(disturbance) : json_null());
    return row;
}

json_t *memory_judge(const struct samples *run, bool *failed)
{
    json_t *rows = json_array();
    for (size_t c = 0; c < run->n_cells; c++) {
        for (size_t a = 0; a < run->n_allocators; a++) {
            size_t n;
            const json_t *worst = worst_line(run, c, a, &n);
            if (worst == NULL) {
                continue;
            }
            *failed = *failed || !is_ok(worst);
            if (json_array_append_new(rows, row_of(run, c, a, worst, n)) != 0) {
                json_decref(rows);
                return NULL;
            }
        }
    }
    return rows;
}

/* Text. */

/* "1.31", or "1.12 (x 0.85)" for a contender; "-" where there is none. */
static const char *ratio_text(const json_t *row, const char *key, char *buf, size_t size)
{
    const json_t *f = json_object_get(row, key);
    double median = member_number(f, "median"), ratio = member_number(f, "ratio");
    if (isnan(median)) {
        return "-";
    }
    snprintf(buf, size, isnan(ratio) ? "%.2f" : "%.2f (x %.2f)", median, ratio);
    return buf;
}

/* "12.3 MiB", with the ratio where there is one. */
static const char *size_text(const json_t *f, char *buf, size_t size)
{
    double median = member_number(f, "median"), ratio = member_number(f, "ratio");
    if (isnan(median)) {
        return "-";
    }
    snprintf(buf, size, isnan(ratio) ? "%.1f" : "%.1f (x %.2f)", median / 1024, ratio);
    return buf;
}

/* Calls `put` for each column of a row: F1 .. F4, peak, drained. */
static void put_columns(const json_t *row, FILE *out, void (*put)(FILE *out, const char *text))
{
    static const char *const ratios[] = {"f1", "f2", "f3", "f4"};
    char buf[64];
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
        put(out, ratio_text(row, ratios[i], buf, sizeof buf));
    }
    put(out, size_text(json_object_get(row, "peak_kib"), buf, sizeof buf));
    for (size_t i = 0; i < DRAINS; i++) {
        put(out, size_text(json_object_get(json_object_get(row, "drained"), drains[i].key), buf,
                           sizeof buf));
    }
}

static void put_padded(FILE *out, const char *text)
{
    fprintf(out, " %14s", text);
}

static void put_bar(FILE *out, const char *text)
{
    fprintf(out, " %s |", text);
}

static bool begins_cell(const json_t *rows, size_t i)
{
    return i == 0 || json_integer_value(json_object_get(json_array_get(rows, i), "cell")) !=
                         json_integer_value(json_object_get(json_array_get(rows, i - 1), "cell"));
}

void memory_print(const json_t *rows, FILE *out)
{
    static const char *const head[] = {"F1",     "F2",   "F3",   "F4",   "peak MiB",
                                       "+0.1 s", "+1 s", "+5 s", "+12 s"};
    if (json_array_size(rows) == 0) {
        return;
    }
    fprintf(out, "\n%-24s", "memory over time");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        put_padded(out, head[i]);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (begins_cell(rows, i)) {
            fprintf(out, "\n%s", member_text(row, "label"));
        }
        fprintf(out, "\n  %-22.22s", member_text(row, "allocator"));
        if (strcmp(member_text(row, "status"), "ok") != 0) {
            fprintf(out, " %s: %s", member_text(row, "status"), member_text(row, "detail"));
        } else {
            put_columns(row, out, put_padded);
        }
    }
    fputs(
        "\nF1 mean, F2 at most live, F3 at the peak, F4 peak over peak: resident / live. MiB after "
        "the last free. (x: over the baseline; medians, no test)\n",
        out);
}

static void markdown_disturbance(const json_t *rows, FILE *out)
{
    fputs("\nWhat the readings cost: ", out);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *d = json_object_get(row, "disturbance");
        if (!json_is_object(d)) {
            continue;
        }
        put_text(out, member_text(row, "label"));
        fputs(" under ", out);
        put_text(out, member_text(row, "allocator"));
        fprintf(out, " %.1f %% of the time; %.0f ms watched, %.0f ms alone. ",
                100 * member_number(row, "read_share"), member_number(d, "watched_ns") / 1e6,
                member_number(d, "alone_ns") / 1e6);
    }
    fputc('\n', out);
}

/* Exact: from the addresses of all blocks at the moment of most live bytes. */
static void markdown_layout(const json_t *rows, FILE *out)
{
    static const char *const keys[] = {"page_waste", "false_sharing", "internal_waste",
                                       "huge_coverage"};
    bool headed = false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *layout = json_object_get(row, "layout");
        if (!json_is_object(layout)) {
            continue;
        }
        if (!headed) {
            fputs(
                "\nWhere the blocks lie at the moment of most live bytes, from their addresses:\n\n"
                "| cell | allocator | page waste | false sharing | internal waste | huge-page "
                "coverage |\n|---|---|--:|--:|--:|--:|\n",
                out);
            headed = true;
        }
        fputs("| ", out);
        put_text(out, member_text(row, "label"));
        fputs(" | ", out);
        put_text(out, member_text(row, "allocator"));
        fputs(" |", out);
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            fprintf(out, " %.1f %% |", 100 * member_number(layout, keys[k]));
        }
        fputc('\n', out);
    }
}

void memory_markdown(const json_t *rows, FILE *out)
{
    if (json_array_size(rows) == 0) {
        return;
    }
    fputs("\n## Memory over time\n\nMedians over the blocks of the memory pass, with the ratio to "
          "the baseline (x). Few blocks, so no test. The last four columns are MiB that are still "
          "resident so long after the last free.\n\n"
          "| cell | allocator | F1 | F2 | F3 | F4 | peak MiB | +0.1 s | +1 s | +5 s | +12 s |\n"
          "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
          out);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        fputs("| ", out);
        put_text(out, member_text(row, "label"));
        fputs(" | ", out);
        put_text(out, member_text(row, "allocator"));
        fputs(" |", out);
        if (strcmp(member_text(row, "status"), "ok") != 0) {
            fprintf(out, " %s: ", member_text(row, "status"));
            put_text(out, member_text(row, "detail"));
            fputs(" |||||||||\n", out);
            continue;
        }
        put_columns(row, out, put_bar);
        fputc('\n', out);
    }
    markdown_layout(rows, out);
    markdown_disturbance(rows, out);
}
