/* bench.c: see bench.h. */
#include "plan/bench.h"

#include "base/place.h"
#include "process/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS 20000

/* The filter is a regular expression; a name is meant literally. Google Benchmark puts the fixed
 * number of iterations into the name, behind one of its parts. */
static char *exact_filter(const char *name)
{
    static const char iterations[] = "(/iterations:[0-9]+)?";
    char *filter = text_alloc((sizeof iterations + 2) * (strlen(name) + 1) + 32, 1);
    char *at = filter + sprintf(filter, "--benchmark_filter=^");

    for (; *name != '\0'; name++) {
        if (*name == '/')
            at = stpcpy(at, iterations);
        if (strchr(".^$*+?()[]{}|\\", *name) != NULL)
            *at++ = '\\';
        *at++ = *name;
    }
    at = stpcpy(at, iterations);
    strcpy(at, "$");
    return filter;
}

/* --ops of a cell is --iterations there. */
static struct words micro_argv(const struct plan *plan, const struct cell *cell,
                               enum bench_mode mode, uint64_t ops)
{
    struct words argv = {0};
    char *filter = exact_filter(cell->micro);
    char *iterations = text_format("--iterations=%llu", (unsigned long long)ops);

    words_add(&argv, plan->micro);
    words_add(&argv, filter);
    words_add(&argv, iterations);
    words_add(&argv,
              mode == BENCH_NULL ? "--benchmark_list_tests=true" : "--benchmark_format=json");
    free(filter);
    free(iterations);
    return argv;
}

static char *driver_of(const struct cell *cell)
{
    return strchr(cell->program, '/') != NULL
               ? text_copy(cell->program)
               : text_format("%s/programs/%s.sh", place_home(), cell->program);
}

const char *bench_preload_as(const struct cell *cell)
{
    return cell->program != NULL ? "ASHLAR_PRELOAD" : NULL;
}

static void add_program(struct words *argv, const struct plan *plan, const struct cell *cell)
{
    if (cell->program != NULL) {
        char *driver = driver_of(cell);

        words_add(argv, driver);
        free(driver);
    } else {
        words_add(argv, plan->bench);
        words_add(argv, cell->workload);
    }
}

struct words bench_argv(const struct plan *plan, const struct cell *cell, enum bench_mode mode,
                        uint64_t ops)
{
    struct words argv = {0};

    if (cell->micro != NULL)
        return micro_argv(plan, cell, mode, ops != 0 ? ops : cell->ops);
    add_program(&argv, plan, cell);
    if (ops != 0) {
        struct words args = cell_args_with_ops(cell, ops);

        words_add_all(&argv, args.at);
        words_free(&args);
    } else {
        words_add_all(&argv, cell->args.at);
    }
    if (mode == BENCH_NULL)
        words_add(&argv, "--null");
    return argv;
}

struct words bench_env(const struct cell *cell, const struct allocator *under)
{
    struct words env = {0};
    char *number = text_format("ASHLAR_CELL=%d", cell->id);

    words_add_all(&env, under->env.at);
    words_add(&env, number);
    free(number);
    return env;
}

/* Runs a program without preload, for what it says. */
static bool ask(struct child *child, const struct words *argv, struct failure *why)
{
    struct child_order order = {.argv = argv->at, .timeout_ms = ASK_TIMEOUT_MS, .randomise = true};

    if (!child_run(child, &order, why))
        return false;
    if (child->fate == FATE_EXITED)
        return true;
    if (child->fate == FATE_STOPPED)
        fail(why, EXIT_INTERRUPTED, "interrupted before anything was written");
    else if (child->fate == FATE_NOT_RUN)
        fail(why, EXIT_USAGE, "cannot run %s (%s); run make, or name the program", argv->at[0],
             child->why);
    else
        fail(why, EXIT_USAGE, "%s does not answer (signal %d); repair it", argv->at[0],
             child->signal);
    child_free(child);
    return false;
}

/* The program's own line, without its name in front. */
static const char *complaint_of(struct child *child)
{
    const char *line = text_last_line(child->text[CHILD_ERR]);
    const char *colon = strstr(line, ": ");

    return strncmp(line, "ashlar-", 7) == 0 && colon != NULL ? colon + 2 : line;
}

static bool read_description(struct cell *cell, const char *text, struct words *needed)
{
    json_t *answer = json_loads(text, 0, NULL);
    const char *params = json_string_value(json_object_get(answer, "params"));
    const char *program = json_string_value(json_object_get(answer, "program"));
    const json_t *points = json_object_get(answer, "entry_points");
    json_int_t threads = json_integer_value(json_object_get(answer, "threads"));
    bool ok = params != NULL && threads > 0 && json_array_size(points) > 0;

    if (ok) {
        free(cell->params);
        cell->params = text_copy(params);
        cell->threads = (uint64_t)threads;
        if (cell->program != NULL && program != NULL)
            cell->measured = text_copy(program);
        for (size_t i = 0; i < json_array_size(points); i++)
            words_add(needed, json_string_value(json_array_get(points, i)));
    }
    json_decref(answer);
    return ok;
}

static bool describe_workload(const struct plan *plan, struct cell *cell, struct words *needed,
                              struct failure *why)
{
    struct words argv = bench_argv(plan, cell, BENCH_TIMED, 0);
    struct child child;
    bool ok;

    words_add(&argv, "--describe");
    ok = ask(&child, &argv, why);
    words_free(&argv);
    if (!ok)
        return false;
    if (child.exit != 0)
        ok = fail(why, EXIT_USAGE, "%s: [cell %s] %s", plan->suite.name, cell->label,
                  complaint_of(&child));
    else if (!read_description(cell, child.text[CHILD_OUT], needed))
        ok = fail(why, EXIT_USAGE, "%s gives no description of %s; build it from this tree",
                  cell->program != NULL ? cell->program : plan->bench, cell->workload);
    child_free(&child);
    return ok;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

/* Asks for the entry points that a row calls. */
static bool needs_of_micro(const struct plan *plan, const struct cell *cell, struct words *needed,
                           struct failure *why)
{
    char *describe = text_format("--describe=%s", cell->micro);
    char *argv[] = {plan->micro, describe, NULL};
    struct child child;
    json_t *answer, *point;
    size_t i;
    bool ok = ask(&child, &(struct words){.at = argv, .count = 2}, why);

    free(describe);
    if (!ok)
        return false;
    answer = json_loads(child.text[CHILD_OUT], 0, NULL);
    json_array_foreach(json_object_get(answer, "entry_points"), i, point)
        words_add(needed, json_string_value(point));
    json_decref(answer);
    child_free(&child);
    return needed->count > 0 ||
           fail(why, EXIT_USAGE, "%s gives no description of %s; build it from this tree",
                plan->micro, cell->micro);
}

static bool describe_micro(const struct plan *plan, const struct cell *cell, struct words *needed,
                           struct failure *why)
{
    struct words argv = bench_argv(plan, cell, BENCH_NULL, 0);
    struct child child;
    bool ok = ask(&child, &argv, why);

    words_free(&argv);
    if (!ok)
        return false;
    if (child.exit != 0 || count_lines(child.text[CHILD_OUT]) != 1)
        ok = fail(why, EXIT_USAGE,
                  "%s: [cell %s] unknown benchmark '%s'; `%s --benchmark_list_tests` names them",
                  plan->suite.name, cell->label, cell->micro, plan->micro);
    child_free(&child);
    return ok && needs_of_micro(plan, cell, needed, why);
}

bool bench_describe(const struct plan *plan, struct cell *cell, struct words *needed,
                    struct failure *why)
{
    return cell->micro == NULL ? describe_workload(plan, cell, needed, why)
                               : describe_micro(plan, cell, needed, why);
}

json_t *bench_list(const char *bench, struct failure *why)
{
    struct words argv = {0};
    struct child child;
    json_t *list = json_array();
    char *rest = NULL;
    bool ok;

    words_add(&argv, bench);
    words_add(&argv, "--list");
    ok = ask(&child, &argv, why);
    words_free(&argv);
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    for (char *line = strtok_r(child.text[CHILD_OUT], "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        json_array_append_new(list, json_loads(line, 0, NULL));
    child_free(&child);
    return list;
}
