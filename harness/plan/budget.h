/* budget.h: how much worse a gate lets each metric of each cell become.
 *
 *     --budget "larson:time=3%,peak_rss=5%;default:time=5%,instructions=0.5%"
 *
 *     --budget-file FILE      [default]
 *                             time = 5%
 *                             [larson-2]
 *                             time = 3%
 *                             peak_rss = none
 *
 * A name is a cell of the suite, a workload, or `default`; the nearest says it, metric by metric,
 * and of two that are equally near the later, the command line after the file. What nobody says is
 * time 5 %, peak_rss 5 %, instructions and syscalls 0.5 %, false_sharing 1 % of the blocks, and
 * nothing of the others.
 */
#ifndef ASHLAR_PLAN_BUDGET_H
#define ASHLAR_PLAN_BUDGET_H

#include "plan/suite.h"

struct budget {
    char *who, *metric;
    double limit; /* .05 is 5 %; below 0: none, not judged */
};

struct budgets {
    struct budget *at; /* in the order in which they were said */
    size_t count;
};

/* Both add to what is there. Every mistake is EXIT_USAGE with the clause or the section. */
bool budgets_add_text(struct budgets *budgets, const char *text, struct failure *why);
bool budgets_add_file(struct budgets *budgets, const char *file, struct failure *why);

/* Whether every name is one of the suite. */
bool budgets_fit(const struct budgets *budgets, const struct suite *suite, struct failure *why);

/* False: this metric of the cell has none. */
bool budgets_find(const struct budgets *budgets, const struct cell *cell, const char *metric,
                  double *limit);

void budgets_free(struct budgets *budgets);

#endif
