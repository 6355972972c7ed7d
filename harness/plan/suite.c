/* suite.c: see suite.h. */
#include "plan/suite.h"

#include "base/place.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_DEFAULT 12 /* the fewest with which Holm over a suite can say anything */
#define BLOCKS_MAX 1000
#define TIMEOUT_S_DEFAULT 60
#define MEMORY_BLOCKS_DEFAULT 3    /* a curve hardly differs from run to run */
#define MEMORY_IDLE_MS_DEFAULT 300 /* one look after the drain; longer ones belong to `memory` */
#define PRIMARY_MAX 2              /* a workload: more would buy it weight in Holm's family */

/* A process under callgrind is some 40 to 60 times slower: a fortieth of the work takes about as
 * long as the timed process. */
#define COUNT_SHARE 40

struct reading {
    struct suite *suite;
    const char *file;
    struct failure *why;
    bool failed; /* only the first mistake is kept */
};

static int refuse(struct reading *reading, const char *section, const char *key, const char *what)
{
    if (!reading->failed)
        fail(reading->why, EXIT_USAGE, "%s: [%s] %s: %s", reading->file, section, key, what);
    reading->failed = true;
    return 0;
}

static bool yes_or_no(const char *value, bool *yes)
{
    *yes = strcmp(value, "yes") == 0;
    return *yes || strcmp(value, "no") == 0;
}

static bool in_range(const char *value, uint64_t max, uint64_t *number)
{
    return text_to_u64(value, number) && *number >= 1 && *number <= max;
}

size_t suite_find(const struct suite *suite, const char *label)
{
    for (size_t i = 0; i < suite->count; i++)
        if (strcmp(suite->cells[i].label, label) == 0)
            return i;
    return SIZE_MAX;
}

static struct cell *cell_of(struct suite *suite, const char *label)
{
    size_t known = suite_find(suite, label);
    struct cell *grown;

    if (known != SIZE_MAX)
        return &suite->cells[known];
    grown = text_alloc(suite->count + 1, sizeof *grown);
    if (suite->count > 0)
        memcpy(grown, suite->cells, suite->count * sizeof *grown);
    free(suite->cells);
    suite->cells = grown;
    grown[suite->count].id = (int)suite->count;
    grown[suite->count].label = text_copy(label);
    return &grown[suite->count++];
}

static int on_suite_key(struct reading *reading, const char *section, const char *key,
                        const char *value)
{
    struct suite *suite = reading->suite;

    if (strcmp(key, "about") == 0) {
        free(suite->about);
        suite->about = text_copy(value);
    } else if (strcmp(key, "blocks") == 0) {
        if (strcmp(value, "0") == 0)
            suite->blocks = 0;
        else if (!in_range(value, BLOCKS_MAX, &suite->blocks))
            return refuse(reading, section, key, "give a number from 0 to 1000");
    } else if (strcmp(key, "memory_blocks") == 0) {
        if (!in_range(value, BLOCKS_MAX, &suite->memory_blocks))
            return refuse(reading, section, key, "give a number from 1 to 1000");
    } else if (strcmp(key, "memory_idle_ms") == 0) {
        if (!in_range(value, 3600000, &suite->memory_idle_ms))
            return refuse(reading, section, key, "give milliseconds from 1 to 3600000");
    } else if (strcmp(key, "timeout_s") == 0) {
        if (!in_range(value, 86400, &suite->timeout_s))
            return refuse(reading, section, key, "give seconds from 1 to 86400");
    } else {
        return refuse(reading, section, key,
                      "unknown key; use about, blocks, timeout_s, memory_blocks or memory_idle_ms");
    }
    return 1;
}

static bool set_once(char **field, const char *value)
{
    if (*field != NULL)
        return false;
    *field = text_copy(value);
    return true;
}

static int on_cell_key(struct reading *reading, const char *section, const char *key,
                       const char *value)
{
    struct cell *cell = cell_of(reading->suite, section + strlen("cell "));
    bool count;

    if (strcmp(key, "workload") == 0) {
        if (!set_once(&cell->workload, value))
            return refuse(reading, section, key, "is set twice; give each cell its own section");
    } else if (strcmp(key, "micro") == 0) {
        if (!set_once(&cell->micro, value))
            return refuse(reading, section, key, "is set twice; give each cell its own section");
    } else if (strcmp(key, "program") == 0) {
        if (!set_once(&cell->program, value))
            return refuse(reading, section, key, "is set twice; give each cell its own section");
    } else if (strcmp(key, "args") == 0) {
        if (cell->args.count > 0)
            return refuse(reading, section, key, "is set twice; give each cell its own section");
        cell->args = words_split(value, " \t");
    } else if (strcmp(key, "primary") == 0) {
        if (!yes_or_no(value, &cell->primary))
            return refuse(reading, section, key, "say yes or no");
    } else if (strcmp(key, "memory") == 0) {
        if (!yes_or_no(value, &cell->memory))
            return refuse(reading, section, key, "say yes or no");
    } else if (strcmp(key, "count") == 0) {
        if (!yes_or_no(value, &count))
            return refuse(reading, section, key, "say yes or no");
        cell->count_wish = count ? COUNT_YES : COUNT_NO;
    } else if (strcmp(key, "count_ops") == 0) {
        if (!in_range(value, UINT64_MAX, &cell->count_ops))
            return refuse(reading, section, key, "give a number above 0");
    } else if (strcmp(key, "remote") == 0) {
        cell->remote_given = true;
        if (!yes_or_no(value, &cell->remote))
            return refuse(reading, section, key, "say yes or no");
    } else if (strcmp(key, "index") == 0) {
        if (!yes_or_no(value, &cell->index))
            return refuse(reading, section, key, "say yes or no");
    } else {
        return refuse(reading, section, key,
                      "unknown key; use workload, micro, program, args, primary, count, count_ops, "
                      "memory, remote or index");
    }
    return 1;
}

static struct growth *growth_of(struct suite *suite, const char *label)
{
    struct growth *grown;

    for (size_t i = 0; i < suite->n_growths; i++)
        if (strcmp(suite->growths[i].label, label) == 0)
            return &suite->growths[i];
    grown = text_alloc(suite->n_growths + 1, sizeof *grown);
    if (suite->n_growths > 0)
        memcpy(grown, suite->growths, suite->n_growths * sizeof *grown);
    free(suite->growths);
    suite->growths = grown;
    grown[suite->n_growths].label = text_copy(label);
    return &grown[suite->n_growths++];
}

static int on_growth_key(struct reading *reading, const char *section, const char *key,
                         const char *value)
{
    struct growth *growth = growth_of(reading->suite, section + strlen("growth "));
    const char *wrong = growth_set(growth, key, value);

    return wrong == NULL ? 1 : refuse(reading, section, key, wrong);
}

static int on_entry(void *user, const char *section, const char *key, const char *value)
{
    if (strcmp(section, "suite") == 0)
        return on_suite_key(user, section, key, value);
    if (strncmp(section, "cell ", 5) == 0 && section[5] != '\0')
        return on_cell_key(user, section, key, value);
    if (strncmp(section, "growth ", 7) == 0 && section[7] != '\0')
        return on_growth_key(user, section, key, value);
    return refuse(user, section, key, "unknown section; use [suite], [cell NAME] or [growth NAME]");
}

/* The value of an option in args, NULL when it is not there. Both "--ops 5" and "--ops=5" are
 * known. */
static const char *option_of(const struct words *args, const char *option)
{
    size_t len = strlen(option);

    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->at[i], option) == 0)
            return i + 1 < args->count ? args->at[i + 1] : "";
        if (strncmp(args->at[i], option, len) == 0 && args->at[i][len] == '=')
            return args->at[i] + len + 1;
    }
    return NULL;
}

struct words cell_args_with_ops(const struct cell *cell, uint64_t ops)
{
    struct words args = {0};
    char *value = text_format("%llu", (unsigned long long)ops);

    for (size_t i = 0; i < cell->args.count; i++) {
        if (strcmp(cell->args.at[i], "--ops") == 0)
            i++;
        else if (strncmp(cell->args.at[i], "--ops=", 6) != 0)
            words_add(&args, cell->args.at[i]);
    }
    words_add(&args, "--ops");
    words_add(&args, value);
    free(value);
    return args;
}

/* One thread runs the same instructions each time; several do only when they share nothing, which
 * the suite must say. */
static void settle_count(struct cell *cell)
{
    bool wanted = cell->count_wish == COUNT_YES ||
                  (cell->count_wish == COUNT_AUTO && (cell->threads == 1 || cell->count_ops != 0));

    if (!wanted)
        cell->count_ops = 0;
    else if (cell->count_ops == 0)
        cell->count_ops = cell->ops / COUNT_SHARE > 0 ? cell->ops / COUNT_SHARE : 1;
}

/* System calls repeat where instructions do, and in threads that share nothing. */
static void settle_trace(struct cell *cell)
{
    if (cell->count_ops != 0)
        cell->trace_ops = cell->count_ops;
    else if (cell->count_wish == COUNT_AUTO && cell->micro == NULL && !cell->remote)
        cell->trace_ops = cell->ops / COUNT_SHARE > 0 ? cell->ops / COUNT_SHARE : 1;
}

/* Workloads whose threads free blocks that others allocated. */
static bool frees_remotely(const char *workload)
{
    static const char *const names[] = {"larson",     "xmalloc-test", "msgpass",
                                        "contention", "batch-remote", "sh8-like",
                                        "mstress",    "rptest",       "blowup"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(workload, names[i]) == 0)
            return true;
    return false;
}

/* The threads of a row are part of its name. */
static bool settle_micro(struct cell *cell)
{
    const char *threads = strstr(cell->micro, "/threads:");

    cell->workload = text_copy("micro");
    cell->params = text_copy(cell->micro);
    if (threads != NULL)
        cell->threads = strtoull(threads + strlen("/threads:"), NULL, 10);
    return cell->threads > 0 && cell->args.count <= 2;
}

static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = text_copy(slash != NULL ? slash + 1 : path);
    char *dot = strrchr(name, '.');

    if (dot != NULL)
        *dot = '\0';
    return name;
}

/* A driver's path is known by its file's name. What a program does beside the part that counts is
 * not its own alone, so its instructions are not counted. */
static bool settle_program(struct cell *cell)
{
    const char *slash = strrchr(cell->program, '/');

    cell->workload = slash != NULL ? name_of(slash) : text_copy(cell->program);
    if (cell->count_wish == COUNT_YES || cell->count_ops != 0)
        return false;
    cell->count_wish = COUNT_NO;
    return true;
}

static bool settle_cell(struct cell *cell, const char *file, struct failure *why)
{
    const char *threads = option_of(&cell->args, "--threads");
    const char *ops = option_of(&cell->args, "--ops");

    if ((cell->workload != NULL) + (cell->micro != NULL) + (cell->program != NULL) != 1)
        return fail(why, EXIT_USAGE, "%s: [cell %s] give one of workload, micro and program", file,
                    cell->label);
    cell->threads = 1;
    if (threads != NULL && !in_range(threads, 4096, &cell->threads))
        return fail(why, EXIT_USAGE, "%s: [cell %s] --threads %s: give a number from 1 to 4096",
                    file, cell->label, threads);
    if (ops == NULL || !in_range(ops, UINT64_MAX, &cell->ops))
        return fail(why, EXIT_USAGE,
                    "%s: [cell %s] states no amount of work; add --ops N to its args, found with "
                    "`ashlar run --calibrate`",
                    file, cell->label);
    if (cell->micro != NULL && !settle_micro(cell))
        return fail(why, EXIT_USAGE, "%s: [cell %s] the args of a micro cell are --ops N alone",
                    file, cell->label);
    if (cell->program != NULL && !settle_program(cell))
        return fail(why, EXIT_USAGE, "%s: [cell %s] instructions of a program are not counted",
                    file, cell->label);
    settle_count(cell);
    if (!cell->remote_given)
        cell->remote = cell->threads > 1 && frees_remotely(cell->workload);
    settle_trace(cell);
    return true;
}

/* Only ashlar-bench publishes its phases and its live bytes. Where nothing is timed, a cell that is
 * not watched either would do nothing. */
static bool settle_memory(struct suite *suite, const char *file, struct failure *why)
{
    for (size_t i = 0; i < suite->count; i++) {
        struct cell *cell = &suite->cells[i];

        if (cell->memory && (cell->micro != NULL || cell->program != NULL))
            return fail(why, EXIT_USAGE,
                        "%s: [cell %s] memory = yes needs a workload of ashlar-bench", file,
                        cell->label);
        if (suite->blocks > 0)
            continue;
        if (!cell->memory)
            return fail(why, EXIT_USAGE,
                        "%s: [cell %s] blocks = 0 leaves it nothing to do; say memory = yes, or "
                        "give blocks",
                        file, cell->label);
        cell->count_ops = cell->trace_ops = 0;
    }
    return true;
}

static bool settle(struct suite *suite, const char *file, struct failure *why)
{
    if (suite->count == 0)
        return fail(why, EXIT_USAGE, "%s: has no [cell NAME]; add one", file);
    for (size_t i = 0; i < suite->count; i++)
        if (!settle_cell(&suite->cells[i], file, why))
            return false;
    for (size_t i = 0; i < suite->n_growths; i++)
        if (!growth_settle(&suite->growths[i], file, why))
            return false;
    for (size_t i = 0; i < suite->count; i++) {
        size_t primaries = 0;

        for (size_t j = 0; j < suite->count; j++)
            primaries += suite->cells[j].primary &&
                         strcmp(suite->cells[i].workload, suite->cells[j].workload) == 0;
        if (primaries > PRIMARY_MAX)
            return fail(why, EXIT_USAGE,
                        "%s: workload %s has %zu primary cells; keep at most two, set primary = no "
                        "on the others",
                        file, suite->cells[i].workload, primaries);
    }
    return settle_memory(suite, file, why);
}

static bool unknown_suite(const char *name, struct failure *why)
{
    struct words known = place_suites();
    char *list = text_copy("");

    for (size_t i = 0; i < known.count; i++) {
        char *longer = text_format("%s%s%s", list, i > 0 ? ", " : "", known.at[i]);

        free(list);
        list = longer;
    }
    fail(why, EXIT_USAGE, "unknown suite '%s'; use one of %s, or a FILE.ini", name,
         known.count > 0 ? list : "(none installed)");
    free(list);
    words_free(&known);
    return false;
}

bool suite_open(struct suite *suite, const char *name, struct failure *why)
{
    char *file = place_of_suite(name);
    struct reading reading = {suite, file, why, false};
    bool ok;
    int rc;

    memset(suite, 0, sizeof *suite);
    if (file == NULL)
        return unknown_suite(name, why);
    suite->name = name_of(file);
    suite->about = text_copy("");
    suite->blocks = BLOCKS_DEFAULT;
    suite->timeout_s = TIMEOUT_S_DEFAULT;
    suite->memory_blocks = MEMORY_BLOCKS_DEFAULT;
    suite->memory_idle_ms = MEMORY_IDLE_MS_DEFAULT;
    rc = ini_parse(file, on_entry, &reading);
    if (reading.failed)
        ok = false;
    else if (rc != 0)
        ok = fail(why, EXIT_USAGE, "%s:%d: neither [section] nor key = value", file, rc);
    else
        ok = settle(suite, file, why);
    free(file);
    if (!ok)
        suite_close(suite);
    return ok;
}

bool suite_of_words(struct suite *suite, const struct words *cells, struct failure *why)
{
    memset(suite, 0, sizeof *suite);
    suite->name = text_copy("command-line");
    suite->about = text_copy("");
    suite->blocks = BLOCKS_DEFAULT;
    suite->timeout_s = TIMEOUT_S_DEFAULT;
    suite->memory_blocks = MEMORY_BLOCKS_DEFAULT;
    suite->memory_idle_ms = MEMORY_IDLE_MS_DEFAULT;
    for (size_t i = 0; i < cells->count; i++) {
        struct words words = words_split(cells->at[i], " \t");
        struct cell *cell = cell_of(suite, cells->at[i]);

        if (words.count > 0 && cell->workload == NULL) {
            cell->workload = text_copy(words.at[0]);
            words_add_all(&cell->args, words.at + 1);
            cell->primary = cells->count <= PRIMARY_MAX;
        }
        words_free(&words);
    }
    if (!settle(suite, "--workload", why)) {
        suite_close(suite);
        return false;
    }
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool suite_same_cells(const struct suite *a, const struct suite *b)
{
    if (a->count != b->count || a->n_growths != b->n_growths)
        return false;
    for (size_t i = 0; i < a->n_growths; i++)
        if (!growth_same(&a->growths[i], &b->growths[i]))
            return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct cell *x = &a->cells[i], *y = &b->cells[i];

        if (strcmp(x->workload, y->workload) != 0 || x->primary != y->primary ||
            x->memory != y->memory || !same_text(x->micro, y->micro) ||
            !same_text(x->program, y->program) || !words_same(&x->args, &y->args))
            return false;
    }
    return true;
}

static void cell_free(struct cell *cell)
{
    free(cell->label);
    free(cell->workload);
    free(cell->micro);
    free(cell->program);
    free(cell->measured);
    free(cell->params);
    words_free(&cell->args);
}

static void free_growths(struct suite *suite)
{
    for (size_t i = 0; i < suite->n_growths; i++)
        growth_free(&suite->growths[i]);
    free(suite->growths);
    suite->growths = NULL;
    suite->n_growths = 0;
}

void suite_keep(struct suite *suite, size_t cell)
{
    for (size_t i = 0; i < suite->count; i++)
        if (i != cell)
            cell_free(&suite->cells[i]);
    suite->cells[0] = suite->cells[cell];
    suite->cells[0].id = 0;
    suite->count = 1;
    free_growths(suite);
}

void suite_close(struct suite *suite)
{
    for (size_t i = 0; i < suite->count; i++)
        cell_free(&suite->cells[i]);
    free_growths(suite);
    free(suite->cells);
    free(suite->name);
    free(suite->about);
    memset(suite, 0, sizeof *suite);
}
