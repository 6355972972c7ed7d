/* calls.c: see calls.h.
 *
 * Below        samples.h        Above   gate.c verdict.c summary.c table.c report.c
 */
#include "calls.h"

#include "../base/member.h"
#include "markdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 16
#define NAMED_MAX 3 /* changes that are told in a line */

/* The line of a cell and allocator; NULL: none. A line of a resumed run stands once. */
static const json_t *line_of(const struct samples *run, size_t cell, size_t allocator)
{
    for (size_t i = 0; i < json_array_size(run->calls); i++) {
        const json_t *line = json_array_get(run->calls, i);
        if (json_integer_value(json_object_get(line, "cell")) == run->cells[cell].id &&
            strcmp(member_text(line, "allocator"), run->allocators[allocator]) == 0) {
            return line;
        }
    }
    return NULL;
}

bool calls_stored(const struct samples *run, size_t cell)
{
    return json_object_get(line_of(run, cell, 0), "stored") != NULL;
}

static double at_run(const json_t *runs, size_t i)
{
    const json_t *value = json_array_get(runs, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static double mean_of(const double *figure, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += figure[i];
    }
    return sum / (double)n;
}

/* The runs of a line, a figure each; returns how many there are. */
static size_t runs_of(const json_t *runs, double out[RUNS_MAX])
{
    size_t n = json_array_size(runs) < RUNS_MAX ? json_array_size(runs) : RUNS_MAX;
    for (size_t i = 0; i < n; i++) {
        out[i] = at_run(runs, i);
    }
    return n;
}

static double mean(const json_t *runs)
{
    double figure[RUNS_MAX];
    return mean_of(figure, runs_of(runs, figure));
}

/* A call that tells of who waited for whom. */
static bool waits(const char *name)
{
    return strcmp(name, "futex") == 0 || strcmp(name, "sched_yield") == 0;
}

/* The judged figure of each run; returns how many there are. */
static size_t figures_of(const struct samples *run, size_t cell, const json_t *line,
                         enum calls_metric metric, double out[RUNS_MAX])
{
    bool faults = metric == CALLS_FAULTS;
    size_t n = runs_of(json_object_get(line, faults ? "minor_faults" : "syscalls"), out);
    const char *name;
    json_t *runs;
    if (faults || run->cells[cell].threads == 1) {
        return n;
    }
    json_object_foreach(json_object_get(line, "by_name"), name, runs)
    {
        for (size_t i = 0; waits(name) && i < n; i++) {
            out[i] -= at_run(runs, i);
        }
    }
    return n;
}

static double least(enum calls_metric metric)
{
    return metric == CALLS_FAULTS ? CALLS_LEAST_FAULTS : CALLS_LEAST_CALLS;
}

/* One run cannot agree with anything. */
static bool agree(const double *figure, size_t n, enum calls_metric metric)
{
    double low = figure[0], high = figure[0];
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, figure[i]);
        high = fmax(high, figure[i]);
    }
    return n > 1 &&
           high - low <= fmax(CALLS_REPEAT * fmax(fabs(low), fabs(high)), least(metric) / 2);
}

/* By how much a contender's figures are multiplied, so that they are of the baseline's work. */
static double scale_of(const json_t *base, const json_t *cont)
{
    return member_number(base, "ops") / member_number(cont, "ops");
}

bool calls_compare(const struct samples *run, size_t cell, size_t contender,
                   enum calls_metric metric, struct calls_pair *out)
{
    const json_t *base = line_of(run, cell, 0), *cont = line_of(run, cell, contender);
    double a[RUNS_MAX] = {0}, b[RUNS_MAX] = {0};
    if (base == NULL || cont == NULL) {
        return false;
    }
    size_t n_a = figures_of(run, cell, base, metric, a);
    size_t n_b = figures_of(run, cell, cont, metric, b);
    out->baseline = mean_of(a, n_a);
    out->contender = mean_of(b, n_b) * scale_of(base, cont);
    out->repeats = agree(a, n_a, metric) && agree(b, n_b, metric);
    return !isnan(out->baseline) && !isnan(out->contender);
}

double calls_allowed(enum calls_metric metric, double budget, double baseline)
{
    return fmax(budget * baseline, least(metric));
}

/* ---- by name ---- */

/* One call under both. */
struct change {
    const char *name;
    double baseline, contender;
};

static int compare_changes(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    double by_a = fabs(a->contender - a->baseline), by_b = fabs(b->contender - b->baseline);
    if (by_a != by_b) {
        return by_a > by_b ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* All names of the two lines, most changed first; on the heap, NULL without memory. */
static struct change *changes_of(const json_t *base, const json_t *cont, size_t *count)
{
    const json_t *names[] = {json_object_get(base, "by_name"), json_object_get(cont, "by_name")};
    double scale = scale_of(base, cont);
    struct change *all =
        calloc(json_object_size(names[0]) + json_object_size(names[1]) + 1, sizeof *all);
    const char *name;
    json_t *runs;
    *count = 0;
    if (all == NULL) {
        return NULL;
    }
    json_object_foreach((json_t *)names[0], name, runs)
    {
        const json_t *other = json_object_get(names[1], name);
        all[(*count)++] =
            (struct change){name, mean(runs), other != NULL ? mean(other) * scale : 0};
    }
    json_object_foreach((json_t *)names[1], name, runs)
    {
        if (json_object_get(names[0], name) == NULL) {
            all[(*count)++] = (struct change){name, 0, mean(runs) * scale};
        }
    }
    qsort(all, *count, sizeof *all, compare_changes);
    return all;
}

char *calls_changes(const struct samples *run, size_t cell, size_t contender, char *buf,
                    size_t size)
{
    const json_t *base = line_of(run, cell, 0), *cont = line_of(run, cell, contender);
    size_t count = 0, len = 0;
    struct change *all = base != NULL && cont != NULL ? changes_of(base, cont, &count) : NULL;
    buf[0] = '\0';
    for (size_t i = 0; i < count && i < NAMED_MAX && len < size; i++) {
        if (all[i].contender != all[i].baseline) {
            len += (size_t)snprintf(buf + len, size - len, "%s%s %.10g to %.10g", i > 0 ? ", " : "",
                                    all[i].name, all[i].baseline, all[i].contender);
        }
    }
    free(all);
    return buf;
}

/* ---- rows ---- */

static json_t *calls_json(const json_t *base, const json_t *cont)
{
    size_t count;
    struct change *all = changes_of(base, cont, &count);
    json_t *list = all != NULL ? json_array() : NULL;
    for (size_t i = 0; all != NULL && i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:f, s:f}", "name", all[i].name, "baseline",
                                              all[i].baseline, "contender", all[i].contender));
    }
    free(all);
    return list;
}

static json_t *row_of(const struct samples *run, size_t c, size_t contender)
{
    const struct cell *cell = &run->cells[c];
    const json_t *base = line_of(run, c, 0), *cont = line_of(run, c, contender);
    struct calls_pair calls, faults;
    char changes[CALLS_CHANGES_SIZE];
    if (!calls_compare(run, c, contender, CALLS_SYSCALLS, &calls) ||
        !calls_compare(run, c, contender, CALLS_FAULTS, &faults)) {
        return json_null();
    }
    calls_changes(run, c, contender, changes, sizeof changes);
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:f, s:f, s:O, s:b, s:{s:f, s:f, s:b}, "
                     "s:s, s:o}",
                     "cell", (json_int_t)cell->id, "label", cell->label, "workload", cell->workload,
                     "params", cell->params, "threads", (json_int_t)cell->threads, "contender",
                     run->allocators[contender], "metric", "syscalls", "baseline_calls",
                     calls.baseline, "contender_calls", calls.contender, "ops",
                     json_object_get(base, "ops"), "repeats", calls.repeats, "minor_faults",
                     "baseline", faults.baseline, "contender", faults.contender, "repeats",
                     faults.repeats, "changes", changes, "calls", calls_json(base, cont));
}

json_t *calls_judge(const struct samples *run)
{
    json_t *rows = json_array();
    for (size_t k = 1; rows != NULL && k < run->n_allocators; k++) {
        for (size_t c = 0; c < run->n_cells; c++) {
            json_t *row = row_of(run, c, k);
            if (row == NULL) {
                json_decref(rows);
                return NULL;
            }
            if (json_is_object(row)) {
                json_array_append(rows, row);
            }
            json_decref(row);
        }
    }
    return rows;
}

/* ---- text ---- */

static const char *repeats_text(const json_t *row)
{
    return json_is_true(json_object_get(row, "repeats")) ? "" : " (does not repeat)";
}

void calls_print(const json_t *rows, FILE *out)
{
    const char *contender = "";
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(contender, member_text(row, "contender")) != 0) {
            contender = member_text(row, "contender");
            fprintf(out, "\n%-40s %10s %10.10s  what changed most\n", "system calls", "baseline",
                    contender);
        }
        fprintf(out, "  %-38.38s %10.10g %10.10g  ", member_text(row, "label"),
                member_number(row, "baseline_calls"), member_number(row, "contender_calls"));
        fprintf(out, "%s%s\n", member_text(row, "changes"), repeats_text(row));
    }
}

void calls_markdown(const json_t *rows, FILE *out)
{
    if (json_array_size(rows) == 0) {
        return;
    }
    fputs("\n## System calls\n\nOf a part of the cell's work, without its set-up, counted one by "
          "one in processes that were traced. Exact, so no test; they count for no verdict.\n\n"
          "| cell | contender | operations | baseline | contender | minor faults | what changed "
          "most |\n|---|---|--:|--:|--:|--:|---|\n",
          out);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *faults = json_object_get(row, "minor_faults");
        fputs("| ", out);
        put_text(out, member_text(row, "label"));
        fputs(" | ", out);
        put_text(out, member_text(row, "contender"));
        fprintf(out, " | %.0f | %.10g | %.10g | %.10g to %.10g | ", member_number(row, "ops"),
                member_number(row, "baseline_calls"), member_number(row, "contender_calls"),
                member_number(faults, "baseline"), member_number(faults, "contender"));
        put_text(out, member_text(row, "changes"));
        fprintf(out, "%s |\n", repeats_text(row));
    }
}
