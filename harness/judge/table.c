/* table.c: the verdicts on a terminal.
 *
 * Below        figure.h verdict.h        Above   judge.c
 */
#include "table.h"

#include "calls.h"
#include "figure.h"
#include "memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names of cells are cut here, so that a row stays within 110 columns. */
#define NAME_WIDTH 38

static const char *paint(enum verdict verdict, bool color)
{
    static const char *const code[] = {"\033[1;31m", "\033[31m", "\033[33m", "\033[2m", "\033[32m"};
    return color ? code[verdict] : "";
}

static const char *plain(bool color)
{
    return color ? "\033[0m" : "";
}

static void print_head(const struct samples *run, const struct finding *f, bool color, FILE *out)
{
    fprintf(out, "\n%s%-*s %10.10s %10.10s %9s  %-16s %8s  verdict%s\n", color ? "\033[1m" : "",
            NAME_WIDTH + 2, verdict_metric_name(f->metric), run->allocators[0],
            run->allocators[f->contender], "ratio", "95 % interval", "p (Holm)", plain(color));
}

static void print_row(const struct samples *run, const struct finding *f, bool color, FILE *out)
{
    const struct cell *cell = &run->cells[f->cell];
    char name[NAME_WIDTH + 1], base[FIGURE_SIZE], cont[FIGURE_SIZE], ratio[FIGURE_SIZE];
    char interval[FIGURE_SIZE], p[FIGURE_SIZE];
    fprintf(out, "%c %-*s %10s %10s %9s  %-16s %8s  %s%s%s", cell->primary ? '*' : ' ', NAME_WIDTH,
            figure_cell(cell, name, sizeof name), figure_value(f->metric, f->baseline_median, base),
            figure_value(f->metric, f->contender_median, cont), figure_ratio(f, ratio),
            figure_interval(f, interval), figure_p(f->p_holm, p), paint(f->verdict, color),
            verdict_name(f->verdict), plain(color));
    if (f->reason != NULL && f->metric == METRIC_TIME) {
        fprintf(out, "\n    %s", f->reason);
    }
    fputc('\n', out);
}

/* The multiples of the floor, one line a cell, every allocator beside the others. */
static void print_floor(const struct samples *run, const struct judgement *j, bool color, FILE *out)
{
    size_t reference = verdict_reference(run);
    if (reference == run->n_allocators) {
        return;
    }
    fprintf(out, "\n%stime as a multiple of %s's, the floor%s\n", color ? "\033[1m" : "",
            run->allocators[reference], plain(color));
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        char name[NAME_WIDTH + 1], base[FIGURE_SIZE], cont[FIGURE_SIZE];
        if (f->metric == METRIC_TIME && f->contender != reference && !isnan(f->floor)) {
            fprintf(out, "  %-*s %10.10s %8s   %10.10s %8s\n", NAME_WIDTH,
                    figure_cell(&run->cells[f->cell], name, sizeof name), run->allocators[0],
                    figure_times(verdict_x_floor(run, f, 0), base), run->allocators[f->contender],
                    figure_times(verdict_x_floor(run, f, f->contender), cont));
        }
    }
}

static void print_warnings(const struct judgement *j, bool color, FILE *out)
{
    for (size_t i = 0; i < json_array_size(j->warnings); i++) {
        const json_t *warning = json_array_get(j->warnings, i);
        const char *id = json_string_value(json_object_get(warning, "id"));
        const char *text = json_string_value(json_object_get(warning, "text"));
        const char *remedy = json_string_value(json_object_get(warning, "remedy"));
        fprintf(out, "%s%swarning%s %s: %s\n", i == 0 ? "\n" : "", color ? "\033[33m" : "",
                plain(color), id != NULL ? id : "?", text != NULL ? text : "");
        if (remedy != NULL && *remedy != '\0') {
            fprintf(out, "        remedy: %s\n", remedy);
        }
    }
}

static void print_means(const struct samples *run, const struct judgement *j, bool color, FILE *out)
{
    fprintf(out, "\n%s%-*s %9s  %-16s workloads%s\n", color ? "\033[1m" : "", NAME_WIDTH + 24,
            "geometric means of the primary cells (*)", "ratio", "95 % interval", plain(color));
    for (size_t i = 0; i < j->n_means; i++) {
        const struct mean *m = &j->means[i];
        char interval[FIGURE_SIZE] = "-", ratio[FIGURE_SIZE] = "-";
        if (!isnan(m->ratio)) {
            snprintf(ratio, sizeof ratio, "%.3f", m->ratio);
            snprintf(interval, sizeof interval, "[%.3f, %.3f]", m->low, m->high);
        }
        fprintf(out, "  %-14s %-*s %9s  %-16s %9zu\n", run->allocators[m->contender],
                NAME_WIDTH + 7, verdict_metric_name(m->metric), ratio, interval, m->workloads);
    }
}

void table_print(const struct samples *run, const struct judgement *j, bool color, FILE *out)
{
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (i == 0 || f[-1].contender != f->contender || f[-1].metric != f->metric) {
            print_head(run, f, color, out);
        }
        print_row(run, f, color, out);
    }
    print_floor(run, j, color, out);
    calls_print(j->calls, out);
    memory_print(j->memory, out);
    print_warnings(j, color, out);
    if (j->n_means > 0) {
        print_means(run, j, color, out);
    }
    for (size_t k = 1; k < run->n_allocators; k++) {
        char *headline = figure_headline(run, j, k);
        fprintf(out, "\n%s\n", headline != NULL ? headline : "");
        free(headline);
    }
    fputs("Ratios are contender over baseline: below 1 is less time, less memory, fewer "
          "instructions.\n",
          out);
}
