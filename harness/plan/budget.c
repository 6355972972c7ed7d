/* budget.c: see budget.h. */
#include "plan/budget.h"

#include "judge/gate_json.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define PER_CENT_MAX 1000.0

/* What is allowed where nobody says anything: above the noise of one look at a quiet cell. */
static const struct {
    const char *metric;
    double limit;
} unsaid[] = {{"time", 0.05},
              {"peak_rss", 0.05},
              {"instructions", 0.005},
              {"syscalls", 0.005},
              {"false_sharing", 0.01}};

static void add(struct budgets *budgets, const char *who, const char *metric, double limit)
{
    struct budget *grown = text_alloc(budgets->count + 1, sizeof *grown);

    if (budgets->count > 0)
        memcpy(grown, budgets->at, budgets->count * sizeof *grown);
    free(budgets->at);
    budgets->at = grown;
    grown[budgets->count++] = (struct budget){text_copy(who), text_copy(metric), limit};
}

/* "3%", "0.5 %" or "none". */
static bool read_limit(char *text, double *limit)
{
    size_t len = strlen(text);

    *limit = -1;
    if (strcmp(text, "none") == 0)
        return true;
    if (len < 2 || text[len - 1] != '%')
        return false;
    text[len - 1] = '\0';
    if (!text_to_double(text_trim(text), limit) || !(*limit >= 0 && *limit <= PER_CENT_MAX))
        return false;
    *limit /= 100;
    return true;
}

/* One metric of one name; `where` names the place in the message. */
static bool take(struct budgets *budgets, const char *where, const char *who, const char *metric,
                 const char *value, struct failure *why)
{
    char *copy = text_copy(value);
    double limit;
    bool ok = true;

    if (!gate_knows_metric(metric))
        ok = fail(why, EXIT_USAGE,
                  "%s: unknown metric '%s'; use time, peak_rss, instructions, syscalls, "
                  "minor_faults, false_sharing, page_waste or internal_waste",
                  where, metric);
    else if (!read_limit(copy, &limit))
        ok =
            fail(why, EXIT_USAGE, "%s: %s=%s is no budget; write a percentage such as 3%%, or none",
                 where, metric, value);
    else
        add(budgets, who, metric, limit);
    free(copy);
    return ok;
}

/* "larson:time=3%,peak_rss=5%" */
static bool take_clause(struct budgets *budgets, char *clause, struct failure *why)
{
    char *where = text_format("--budget \"%s\"", text_trim(clause));
    char *colon = strchr(clause, ':'), *save = NULL;
    bool ok = colon != NULL && colon[1] != '\0';

    if (!ok)
        fail(why, EXIT_USAGE, "%s: write NAME:METRIC=PERCENT%%, as in larson:time=3%%", where);
    else
        *colon = '\0';
    for (char *item = ok ? strtok_r(colon + 1, ",", &save) : NULL; ok && item != NULL;
         item = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(item, '=');

        if (equals == NULL) {
            ok = fail(why, EXIT_USAGE, "%s: '%s' has no budget; write %s=3%%", where,
                      text_trim(item), text_trim(item));
            break;
        }
        *equals = '\0';
        ok = take(budgets, where, text_trim(clause), text_trim(item), text_trim(equals + 1), why);
    }
    free(where);
    return ok;
}

bool budgets_add_text(struct budgets *budgets, const char *text, struct failure *why)
{
    char *copy = text_copy(text), *save = NULL;
    bool ok = true, any = false;

    for (char *clause = strtok_r(copy, ";", &save); ok && clause != NULL;
         clause = strtok_r(NULL, ";", &save)) {
        char *trimmed = text_trim(clause);

        if (trimmed[0] == '\0')
            continue;
        ok = take_clause(budgets, trimmed, why);
        any = true;
    }
    if (ok && !any)
        ok = fail(why, EXIT_USAGE, "--budget is empty; write NAME:METRIC=PERCENT%%");
    free(copy);
    return ok;
}

struct reading {
    struct budgets *budgets;
    const char *file;
    struct failure *why;
    bool failed; /* only the first mistake is kept */
};

static int on_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    char *where = text_format("%s: [%s]", reading->file, section);

    if (!reading->failed && section[0] == '\0')
        reading->failed =
            !fail(reading->why, EXIT_USAGE,
                  "%s: %s stands before any section; begin with [default]", reading->file, key);
    else if (!reading->failed)
        reading->failed = !take(reading->budgets, where, section, key, value, reading->why);
    free(where);
    return !reading->failed;
}

bool budgets_add_file(struct budgets *budgets, const char *file, struct failure *why)
{
    struct reading reading = {budgets, file, why, false};
    int rc = ini_parse(file, on_entry, &reading);

    if (reading.failed)
        return false;
    if (rc < 0)
        return fail(why, EXIT_USAGE, "cannot read the budgets %s; give a readable file", file);
    return rc == 0 || fail(why, EXIT_USAGE, "%s:%d: neither [name] nor metric = value", file, rc);
}

/* 3: the cell itself, 2: its workload, 1: default, 0: somebody else. */
static int nearness(const char *who, const struct cell *cell)
{
    if (strcmp(who, cell->label) == 0)
        return 3;
    if (strcmp(who, cell->workload) == 0)
        return 2;
    return strcmp(who, "default") == 0;
}

bool budgets_fit(const struct budgets *budgets, const struct suite *suite, struct failure *why)
{
    for (size_t i = 0; i < budgets->count; i++) {
        bool fits = false;

        for (size_t c = 0; !fits && c < suite->count; c++)
            fits = nearness(budgets->at[i].who, &suite->cells[c]) > 0;
        if (!fits)
            return fail(why, EXIT_USAGE,
                        "a budget names '%s', which is no cell and no workload of suite %s; "
                        "correct it, or choose the suite with --suite",
                        budgets->at[i].who, suite->name);
    }
    return true;
}

bool budgets_find(const struct budgets *budgets, const struct cell *cell, const char *metric,
                  double *limit)
{
    int nearest = 0;

    *limit = -1;
    for (size_t i = 0; i < sizeof unsaid / sizeof unsaid[0]; i++)
        if (strcmp(unsaid[i].metric, metric) == 0)
            *limit = unsaid[i].limit;
    for (size_t i = 0; i < budgets->count; i++) {
        int near = nearness(budgets->at[i].who, cell);

        if (near > 0 && near >= nearest && strcmp(budgets->at[i].metric, metric) == 0) {
            nearest = near;
            *limit = budgets->at[i].limit;
        }
    }
    return *limit >= 0;
}

void budgets_free(struct budgets *budgets)
{
    for (size_t i = 0; i < budgets->count; i++) {
        free(budgets->at[i].who);
        free(budgets->at[i].metric);
    }
    free(budgets->at);
    memset(budgets, 0, sizeof *budgets);
}
