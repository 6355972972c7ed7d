/* figure.c: figures in words.
 *
 * Below        verdict.h        Above   table.c report.c
 */
#include "figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* value / step^k with the k-th unit, the first that leaves less than `step`. */
static void scaled(double value, double step, const char *const *unit, size_t units, char *buf)
{
    size_t k = 0;
    while (k + 1 < units && fabs(value) >= step) {
        value /= step;
        k++;
    }
    int decimals = fabs(value) >= 100 || value == 0 ? 0 : fabs(value) >= 10 ? 1 : 2;
    snprintf(buf, FIGURE_SIZE, "%.*f %s", decimals, value, unit[k]);
}

char *figure_value(enum metric metric, double value, char buf[FIGURE_SIZE])
{
    static const char *const time[] = {"ns", "us", "ms", "s"};
    static const char *const size[] = {"KiB", "MiB", "GiB", "TiB"};
    static const char *const count[] = {"", "k", "M", "G", "T"};
    if (isnan(value)) {
        return strcpy(buf, "-");
    }
    switch (metric) {
    case METRIC_TIME:
        scaled(value, 1000, time, 4, buf);
        break;
    case METRIC_PEAK_RSS:
        scaled(value, 1024, size, 4, buf);
        break;
    default:
        scaled(value, 1000, count, 5, buf);
        break;
    }
    return buf;
}

char *figure_ratio(const struct finding *f, char buf[FIGURE_SIZE])
{
    if (f->basis == BASIS_DIFFERENCE) {
        snprintf(buf, FIGURE_SIZE, "%+.0f KiB", f->difference);
    } else if (isnan(f->ratio)) {
        strcpy(buf, "-");
    } else {
        snprintf(buf, FIGURE_SIZE, "%.3f", f->ratio);
    }
    return buf;
}

char *figure_interval(const struct finding *f, char buf[FIGURE_SIZE])
{
    if (f->basis == BASIS_DIFFERENCE) {
        snprintf(buf, FIGURE_SIZE, "[%+.0f, %+.0f] KiB", f->difference_low, f->difference_high);
    } else if (f->basis == BASIS_COUNT) {
        strcpy(buf, "exact");
    } else if (isnan(f->low) || f->confidence == 0) {
        strcpy(buf, "-");
    } else {
        snprintf(buf, FIGURE_SIZE, "[%.3f, %.3f]", f->low, f->high);
    }
    return buf;
}

char *figure_times(double times, char buf[FIGURE_SIZE])
{
    snprintf(buf, FIGURE_SIZE, isnan(times) ? "-" : times < 10 ? "%.2f" : "%.0f", times);
    return buf;
}

char *figure_share(double share, char buf[FIGURE_SIZE])
{
    snprintf(buf, FIGURE_SIZE, isnan(share) ? "-" : "%.0f %%", 100 * share);
    return buf;
}

char *figure_p(double p, char buf[FIGURE_SIZE])
{
    if (isnan(p)) {
        strcpy(buf, "-");
    } else if (p < 1e-6) {
        strcpy(buf, "<1e-6");
    } else {
        snprintf(buf, FIGURE_SIZE, p < 0.001 ? "%.1e" : p < 0.1 ? "%.4f" : "%.2f", p);
    }
    return buf;
}

char *figure_cell(const struct cell *cell, char *buf, size_t size)
{
    int len = snprintf(buf, size, "%s %s%sT=%ld", cell->label, cell->params,
                       *cell->params != '\0' ? " " : "", cell->threads);
    if (len >= 0 && (size_t)len >= size && size > 4) {
        /* The thread count tells rows of one workload apart, so the cut goes in front of it. */
        char tail[32];
        int tail_len = snprintf(tail, sizeof tail, "... T=%ld", cell->threads);
        if (tail_len > 0 && (size_t)tail_len < size) {
            memcpy(buf + size - 1 - (size_t)tail_len, tail, (size_t)tail_len + 1);
        }
    }
    return buf;
}

static const struct mean *mean_of(const struct judgement *j, size_t contender, enum metric metric)
{
    for (size_t i = 0; i < j->n_means; i++) {
        if (j->means[i].contender == contender && j->means[i].metric == metric &&
            !isnan(j->means[i].ratio)) {
            return &j->means[i];
        }
    }
    return NULL;
}

/* ", 2 better, 1 worse": the words of one metric, those that occur. */
static void count_words(FILE *out, const struct judgement *j, size_t contender, enum metric metric)
{
    size_t count[VERDICT_COUNT] = {0}, cells = 0;
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (f->contender == contender && f->metric == metric) {
            count[f->verdict]++;
            cells++;
        }
    }
    fprintf(out, "%zu cells:", cells);
    const char *comma = "";
    for (size_t v = VERDICT_COUNT; v-- > 0;) {
        if (count[v] > 0) {
            fprintf(out, "%s %zu %s", comma, count[v], verdict_name((enum verdict)v));
            comma = ",";
        }
    }
}

char *figure_headline(const struct samples *run, const struct judgement *j, size_t contender)
{
    static const char *const noun[] = {"time", "peak memory", "instructions"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    fprintf(out, "%s against %s%s", run->allocators[contender], run->allocators[0],
            run->reference[contender] ? " (a reference, which counts for no verdict)" : "");
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        const struct mean *mean = mean_of(j, contender, m);
        if (mean != NULL) {
            fprintf(out, "; %.3f of the %s (%.3f to %.3f, %zu workload%s)", mean->ratio, noun[m],
                    mean->low, mean->high, mean->workloads, mean->workloads == 1 ? "" : "s");
        }
    }
    if (run->n_blocks > 0) {
        fputs("; time in ", out);
        count_words(out, j, contender, METRIC_TIME);
        fputs(".", out);
    } else {
        fputs("; memory over time alone, nothing was timed.", out);
    }
    fclose(out);
    return text;
}
