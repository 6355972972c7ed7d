/* doubt.c: a function a warning. Cells of one kind share one, so that the list stays readable.
 *
 * Below        stats.h verdict.h        Above   verdict.c (verdict_judge)
 */
#include "doubt.h"

#include "stats.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add(struct judgement *j, const char *id, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool add(struct judgement *j, const char *id, const char *remedy, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        return false;
    }
    json_t *warning = json_pack("{s:s, s:s, s:s}", "id", id, "text", text, "remedy", remedy);
    free(text);
    return warning != NULL && json_array_append_new(j->warnings, warning) == 0;
}

/* A list of cells in words, built while walking over the findings. */
struct names {
    FILE *out;  /* memory stream */
    char *text; /* what was written */
    size_t len; /* of text */
    size_t n;   /* names in it */
};

static bool names_open(struct names *names)
{
    *names = (struct names){0};
    names->out = open_memstream(&names->text, &names->len);
    return names->out != NULL;
}

/* Appends a cell, so that it can be told from others of its workload: "fastpath size=64 T=1". */
static void names_add(struct names *names, const struct cell *cell)
{
    fprintf(names->out, "%s%s%s%s T=%ld", names->n++ > 0 ? "; " : "", cell->workload,
            *cell->params != '\0' ? " " : "", cell->params, cell->threads);
}

static bool doubt_end(const struct samples *run, struct judgement *j)
{
    bool ok = true;
    if (!run->ended) {
        ok = add(j, "incomplete", "finish it: ashlar run --resume",
                 "the run was stopped before its end; what it had finished is judged");
    }
    if (ok && run->torn) {
        ok = add(j, "torn-line", "finish the run: ashlar run --resume",
                 "the last line of samples.jsonl was cut off and is not used");
    }
    if (ok && run->unknown > 0) {
        ok =
            add(j, "unknown-lines", "judge with the ashlar that made the run",
                "%zu lines of samples.jsonl are of a type that is not known here, and were skipped",
                run->unknown);
    }
    return ok;
}

static bool doubt_failed(const struct samples *run, struct judgement *j)
{
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->reason == NULL || f->metric != METRIC_TIME) {
            continue;
        }
        const struct cell *cell = &run->cells[f->cell];
        char remedy[512];
        snprintf(remedy, sizeof remedy, "run it alone under that allocator: %s", cell->command);
        if (!add(j, "failed", remedy, "%s %s T=%ld: %s", cell->workload, cell->params,
                 cell->threads, f->reason)) {
            return false;
        }
    }
    return true;
}

static bool doubt_memory(const struct samples *run, struct judgement *j)
{
    for (size_t i = 0; i < json_array_size(j->memory); i++) {
        const json_t *row = json_array_get(j->memory, i);
        const char *status = json_string_value(json_object_get(row, "status"));
        if (strcmp(status, "ok") != 0 &&
            !add(j, "failed", "run it alone under that allocator",
                 "memory over time: %s under %s: %s: %s",
                 json_string_value(json_object_get(row, "label")),
                 json_string_value(json_object_get(row, "allocator")), status,
                 json_string_value(json_object_get(row, "detail")))) {
            return false;
        }
    }
    return json_array_size(j->memory) == 0 ||
           add(j, "memory-blocks", "read a difference that every block shows, and no other",
               "memory over time has %zu blocks: its figures are medians with the smallest and "
               "the largest block beside them, not the result of a test",
               run->n_memory_blocks);
}

static bool doubt_skipped(const struct samples *run, struct judgement *j)
{
    const json_t *skipped = json_object_get(run->plan, "skipped");
    for (size_t c = 0; c < run->n_cells; c++) {
        for (size_t i = 0; i < json_array_size(skipped); i++) {
            const json_t *one = json_array_get(skipped, i);
            const char *reason = json_string_value(json_object_get(one, "reason"));
            if (json_integer_value(json_object_get(one, "cell")) == run->cells[c].id &&
                !add(j, "skipped", "compare it by the other cells",
                     "%s %s T=%ld was not run, and is in no table and no mean: %s",
                     run->cells[c].workload, run->cells[c].params, run->cells[c].threads,
                     reason != NULL ? reason : "the plan gives no reason")) {
                return false;
            }
        }
    }
    return true;
}

static bool doubt_uncounted(const struct samples *run, struct judgement *j)
{
    for (size_t i = 0; i < json_array_size(run->uncounted); i++) {
        const json_t *line = json_array_get(run->uncounted, i);
        const char *detail = json_string_value(json_object_get(line, "detail"));
        const char *name = json_string_value(json_object_get(line, "allocator"));
        const char *method = json_string_value(json_object_get(line, "method"));
        bool traced = method != NULL && strcmp(method, "ptrace") == 0;
        for (size_t c = 0; c < run->n_cells; c++) {
            if (json_integer_value(json_object_get(line, "cell")) == run->cells[c].id &&
                !add(j, "not-counted",
                     traced ? "run its command under strace -f -c by hand"
                            : "run its command under callgrind by hand",
                     "the %s of %s %s T=%ld under %s were not counted: %s",
                     traced ? "system calls" : "instructions", run->cells[c].workload,
                     run->cells[c].params, run->cells[c].threads, name,
                     detail != NULL && *detail != '\0' ? detail : "the pass gave no count")) {
                return false;
            }
        }
    }
    return true;
}

static bool doubt_missing(const struct samples *run, struct judgement *j)
{
    struct names names;
    if (json_object_get(run->plan, "gate") != NULL) {
        return add(j, "gate", "read gate.json, or ashlar gate --resume",
                   "a gate's run: cells ran on only where they were undecided or worse, so its own "
                   "ruling counts, and these figures lean towards what was seen first");
    }
    if (!names_open(&names)) {
        return false;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->metric == METRIC_TIME && f->reason == NULL && f->n < run->n_blocks) {
            names_add(&names, &run->cells[f->cell]);
            fprintf(names.out, " (%s: %zu of %zu)", run->allocators[f->contender], f->n,
                    run->n_blocks);
        }
    }
    fclose(names.out);
    bool ok = names.n == 0 ||
              add(j, "missing-blocks", "finish the run: ashlar run --resume",
                  "fewer pairs than planned, the missing ones are not filled in: %s", names.text);
    free(names.text);
    return ok;
}

/* Can the best possible p of a primary time pass Holm's first step? Asked of the first finding of
 * each contender: the families are of one size. */
static bool doubt_few(const struct samples *run, struct judgement *j)
{
    if (run->n_blocks == 0) {
        return true; /* nothing is tested */
    }
    size_t primary = 0;
    for (size_t c = 0; c < run->n_cells; c++) {
        primary += run->cells[c].primary;
    }
    double best = stats_smallest_p(run->n_blocks) * (double)(primary > 0 ? primary : run->n_cells);
    if (best <= VERDICT_ALPHA) {
        return true;
    }
    size_t tests = primary > 0 ? primary : run->n_cells;
    char remedy[128];
    snprintf(remedy, sizeof remedy, "run %zu blocks or more, 12 for a verdict that one can lean on",
             stats_blocks_needed(tests, VERDICT_ALPHA));
    return add(
        j, "few-blocks", remedy,
        "%zu blocks can show little: the smallest p they can give is %.3g, and %zu cells are "
        "tested, so even a difference in every block may stay unclear%s",
        run->n_blocks, stats_smallest_p(run->n_blocks), tests,
        stats_smallest_p(run->n_blocks) > VERDICT_ALPHA
            ? "; their intervals cover less than the 95 % that is written above them"
            : "");
}

static bool doubt_noisy(const struct samples *run, struct judgement *j)
{
    struct names names;
    if (!names_open(&names)) {
        return false;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->metric == METRIC_TIME && f->noise > VERDICT_NOISE) {
            names_add(&names, &run->cells[f->cell]);
            double reach = fmax(f->high / f->ratio, f->ratio / f->low) - 1;
            fprintf(names.out, " (%s: noise %.0f %%, blind below about %.0f %%)",
                    run->allocators[f->contender], 100 * f->noise, 100 * reach);
        }
    }
    fclose(names.out);
    bool ok = names.n == 0 || add(j, "noisy", "more blocks, or a quieter machine (ashlar doctor)",
                                  "the ratio changes much from block to block: %s", names.text);
    free(names.text);
    return ok;
}

static bool doubt_null(const struct samples *run, struct judgement *j)
{
    struct names names;
    if (!names_open(&names)) {
        return false;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->metric == METRIC_PEAK_RSS && f->contender == 1 && f->n > 0 &&
            (isnan(f->baseline_null) || isnan(f->contender_null))) {
            names_add(&names, &run->cells[f->cell]);
        }
    }
    fclose(names.out);
    bool ok =
        names.n == 0 ||
        add(j, "no-null", "read these peaks as those of the whole process",
            "no null run was subtracted from the peak, so its ratio lies nearer to 1 than the "
            "allocators do: %s",
            names.text);
    free(names.text);
    return ok;
}

/* Named once, however many contenders there are. */
static bool share_told(const struct judgement *j, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        const struct finding *f = &j->findings[i];
        if (f->cell == j->findings[before].cell && f->null_share > VERDICT_NULL_SHARE) {
            return true;
        }
    }
    return false;
}

static bool doubt_null_share(const struct samples *run, struct judgement *j)
{
    struct names names;
    if (!names_open(&names)) {
        return false;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->null_share > VERDICT_NULL_SHARE && !share_told(j, i)) {
            names_add(&names, &run->cells[f->cell]);
            fprintf(names.out, " (%.0f %%)", 100 * f->null_share);
        }
    }
    fclose(names.out);
    bool ok =
        names.n == 0 ||
        add(j, "null-share", "with a share s of the loop, read a ratio r as (r - s) / (1 - s)",
            "the bare loop takes more than %.0f %% of %s's time, which no allocator can save, "
            "so the ratio lies nearer to 1 than the allocators do: %s",
            100 * VERDICT_NULL_SHARE, run->allocators[0], names.text);
    free(names.text);
    return ok;
}

static bool doubt_left_out(const struct samples *run, struct judgement *j)
{
    for (size_t i = 0; i < j->n_means; i++) {
        const struct mean *mean = &j->means[i];
        struct names names;
        if (!names_open(&names)) {
            return false;
        }
        for (size_t k = 0; k < json_array_size(mean->left_out); k++) {
            const json_t *cell = json_array_get(mean->left_out, k);
            fprintf(names.out, "%s%s %s (%s)", names.n++ > 0 ? "; " : "",
                    json_string_value(json_object_get(cell, "workload")),
                    json_string_value(json_object_get(cell, "params")),
                    json_string_value(json_object_get(cell, "why")));
        }
        fclose(names.out);
        bool ok = names.n == 0 ||
                  add(j, "left-out", "read these cells by themselves",
                      "the geometric mean of %s for %s is over %zu workloads, without: %s",
                      verdict_metric_name(mean->metric), run->allocators[mean->contender],
                      mean->workloads, names.text);
        free(names.text);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool doubt_all(const struct samples *run, struct judgement *j)
{
    j->warnings = json_array();
    const json_t *planned = json_object_get(run->plan, "warnings");
    if (j->warnings == NULL) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(planned); i++) {
        if (json_array_append(j->warnings, json_array_get(planned, i)) != 0) {
            return false;
        }
    }
    return doubt_failed(run, j) && doubt_memory(run, j) && doubt_end(run, j) &&
           doubt_skipped(run, j) && doubt_uncounted(run, j) && doubt_missing(run, j) &&
           doubt_few(run, j) && doubt_noisy(run, j) && doubt_null(run, j) &&
           doubt_null_share(run, j) && doubt_left_out(run, j);
}
