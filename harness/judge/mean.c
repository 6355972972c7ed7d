/* mean.c: which cells take part in a geometric mean, and which are named instead.
 *
 * Below        stats.h verdict.h        Above   verdict.c (verdict_judge)
 */
#include "mean.h"

#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Why a primary finding may not be averaged; NULL: it may. */
static const char *obstacle(const struct finding *f)
{
    if (f->verdict == VERDICT_FAILED) {
        return "failed";
    }
    if (f->basis == BASIS_DIFFERENCE) {
        return "judged by difference";
    }
    if (f->n == 0 || isnan(f->ratio)) {
        return "not measured";
    }
    if (f->metric == METRIC_PEAK_RSS && (isnan(f->baseline_null) || isnan(f->contender_null))) {
        return "no null run to subtract";
    }
    if (f->metric == METRIC_INSTRUCTIONS && f->basis != BASIS_COUNT && isnan(f->p)) {
        return "counts of several threads were not repeated";
    }
    return NULL;
}

/* Index of a workload's name, appended when it is new. */
static size_t group_of(json_t *names, const char *workload)
{
    size_t n = json_array_size(names);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), workload) == 0) {
            return i;
        }
    }
    json_array_append_new(names, json_string(workload));
    return n;
}

static bool leave_out(struct mean *mean, const struct cell *cell, const char *why)
{
    return json_array_append_new(mean->left_out,
                                 json_pack("{s:s, s:s, s:i, s:s}", "workload", cell->workload,
                                           "params", cell->params, "threads", (int)cell->threads,
                                           "why", why)) == 0;
}

/* Sorts the primary findings of this mean into members and left out. */
static bool gather(const struct samples *run, const struct judgement *j, struct mean *mean,
                   struct stats_member *members, size_t *n_members)
{
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        const struct cell *cell = &run->cells[f->cell];
        if (f->contender != mean->contender || f->metric != mean->metric || !cell->primary) {
            continue;
        }
        const char *why = obstacle(f);
        if (why != NULL) {
            if (!leave_out(mean, cell, why)) {
                return false;
            }
            continue;
        }
        /* A separate exact pass has one log ratio, whatever the number of passes. */
        bool single = f->metric == METRIC_INSTRUCTIONS && f->low == f->high;
        members[(*n_members)++] = (struct stats_member){
            .d = f->d, .n = single ? 1 : f->n, .group = group_of(mean->names, cell->workload)};
    }
    mean->workloads = json_array_size(mean->names);
    return true;
}

static bool average(const struct samples *run, const struct judgement *j, struct mean *mean)
{
    struct stats_member *members = calloc(run->n_cells, sizeof *members);
    size_t n = 0;
    bool ok = members != NULL && mean->names != NULL && mean->left_out != NULL &&
              gather(run, j, mean, members, &n);
    if (ok && n > 0) {
        struct stats_estimate e;
        const json_t *seed = json_object_get(run->plan, "seed");
        ok = stats_group_mean(members, n, mean->workloads, VERDICT_ALPHA,
                              (unsigned long)json_integer_value(seed), MEAN_REPLICATES, &e);
        mean->ratio = exp(e.value);
        mean->low = exp(e.low);
        mean->high = exp(e.high);
    }
    free(members);
    return ok;
}

bool mean_all(const struct samples *run, struct judgement *j)
{
    j->means = calloc((run->n_allocators - 1) * METRIC_COUNT, sizeof *j->means);
    if (j->means == NULL) {
        return false;
    }
    /* Findings stand by contender and metric, so a change of either begins a new mean. A reference
     * is not compared as a whole. */
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (run->reference[f->contender] ||
            (i > 0 && f[-1].contender == f->contender && f[-1].metric == f->metric)) {
            continue;
        }
        struct mean *mean = &j->means[j->n_means++];
        *mean = (struct mean){
            .contender = f->contender,
            .metric = f->metric,
            .ratio = NAN,
            .low = NAN,
            .high = NAN,
            .names = json_array(),
            .left_out = json_array(),
        };
        if (!average(run, j, mean)) {
            return false;
        }
    }
    return true;
}
