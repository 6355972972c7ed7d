/* plan.c: see plan.h. */
#include "plan/plan.h"

#include "allocators/audit.h"
#include "allocators/elf_file.h"
#include "base/chance.h"
#include "base/place.h"
#include "machine/cores.h"
#include "machine/doctor.h"
#include "machine/environment.h"
#include "plan/bench.h"
#include "process/trace.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_SHARE 0.9 /* of what is free: the rest is for the harness and the machine */

/* ---- preparing ---- */

static void warn(struct plan *plan, const char *id, const char *text, const char *remedy)
{
    json_array_append_new(plan->warnings,
                          json_pack("{s:s,s:s,s:s}", "id", id, "text", text, "remedy", remedy));
}

static bool uses_bench(const struct plan *plan)
{
    for (size_t i = 0; i < plan->suite.count; i++)
        if (plan->suite.cells[i].micro == NULL && plan->suite.cells[i].program == NULL)
            return true;
    return plan->suite.n_growths > 0;
}

static bool uses_micro(const struct plan *plan)
{
    for (size_t i = 0; i < plan->suite.count; i++)
        if (plan->suite.cells[i].micro != NULL)
            return true;
    return false;
}

/* Each file once, however many cells run it. */
static void describe_program(json_t *programs, const char *name, const char *path)
{
    struct elf_file elf;
    json_t *known;
    size_t i;

    json_array_foreach(programs, i, known)
    {
        if (strcmp(json_string_value(json_object_get(known, "path")), path) == 0)
            return;
    }
    elf_file_read(path, &elf);
    json_array_append_new(
        programs, json_pack("{s:s,s:s,s:s}", "name", name, "path", path, "build_id", elf.build_id));
}

/* Build ids of the programs are part of the plan: a rebuilt bench is another measurement. */
static json_t *describe_programs(const struct plan *plan)
{
    json_t *programs = json_array();

    if (uses_bench(plan))
        describe_program(programs, "ashlar-bench", plan->bench);
    if (uses_micro(plan))
        describe_program(programs, "ashlar-micro", plan->micro);
    for (size_t i = 0; i < plan->suite.count; i++) {
        const struct cell *cell = &plan->suite.cells[i];
        struct words argv = {0};

        if (cell->program == NULL)
            continue;
        argv = bench_argv(plan, cell, BENCH_TIMED, 0);
        describe_program(programs, cell->program, argv.at[0]);
        if (cell->measured != NULL)
            describe_program(programs, cell->workload, cell->measured);
        words_free(&argv);
    }
    return programs;
}

static void skip_unserved(struct plan *plan, size_t cell, const struct words *needed)
{
    for (size_t a = 0; a < plan->n_allocators; a++) {
        for (size_t i = 0; i < needed->count; i++) {
            char *reason;

            if (audit_serves(&plan->allocators[a], needed->at[i]))
                continue;
            reason = text_format("%s does not define %s, which this workload calls",
                                 plan->allocators[a].name, needed->at[i]);
            json_array_append_new(plan->skipped,
                                  json_pack("{s:i,s:s,s:s}", "cell", (int)cell, "allocator",
                                            plan->allocators[a].name, "reason", reason));
            free(reason);
            break;
        }
    }
}

static bool prepare_cells(struct plan *plan, struct failure *why)
{
    for (size_t i = 0; i < plan->suite.count; i++) {
        struct words needed = {0};
        bool ok = bench_describe(plan, &plan->suite.cells[i], &needed, why);

        if (ok)
            skip_unserved(plan, i, &needed);
        words_free(&needed);
        if (!ok)
            return false;
    }
    return true;
}

/* The ends of a series are asked about: what is wrong with a size shows there. */
static bool prepare_growth(struct plan *plan, struct growth *growth, struct failure *why)
{
    size_t ends[2] = {growth->at.count - 1, 0};
    bool ok = true;

    for (size_t i = 0; ok && i < 2; i++) {
        struct words needed = {0};
        struct cell cell;

        growth_cell(growth, ends[i], &cell);
        ok = bench_describe(plan, &cell, &needed, why);
        for (size_t a = 0; ok && i == 1 && a < plan->n_allocators; a++)
            for (size_t n = 0; n < needed.count; n++)
                if (!audit_serves(&plan->allocators[a], needed.at[n]) &&
                    !growth_skips(growth, plan->allocators[a].name))
                    words_add(&growth->skipped, plan->allocators[a].name);
        if (ok && i == 1)
            growth->params = text_copy(cell.params);
        growth_cell_free(&cell);
        words_free(&needed);
    }
    return ok;
}

static bool prepare_growths(struct plan *plan, struct failure *why)
{
    for (size_t i = 0; i < plan->suite.n_growths; i++)
        if (!prepare_growth(plan, &plan->suite.growths[i], why))
            return false;
    return true;
}

/* ---- what this machine does to the plan ---- */

/* The labels of the cells that `wanted` picks, on the heap; NULL when it picks none. */
static char *labels_of(const struct plan *plan, bool (*wanted)(const struct cell *cell))
{
    char *labels = NULL;

    for (size_t i = 0; i < plan->suite.count; i++) {
        char *longer;

        if (!wanted(&plan->suite.cells[i]))
            continue;
        longer = text_format("%s%s%s", labels != NULL ? labels : "", labels != NULL ? ", " : "",
                             plan->suite.cells[i].label);
        free(labels);
        labels = longer;
    }
    return labels;
}

static bool is_crowded(const struct cell *cell)
{
    return (long)cell->threads > cores_usable();
}

/* Such cells are run all the same: whether an allocator bears them is worth knowing. */
static void warn_of_turns(struct plan *plan)
{
    char *labels = labels_of(plan, is_crowded);
    char *text;

    if (labels == NULL)
        return;
    text =
        text_format("more threads than usable processors (%ld): they take turns, so the times of "
                    "these cells hold waiting for a turn, and tell nothing of threads that run at "
                    "once: %s",
                    cores_usable(), labels);
    warn(plan, "turns", text,
         "read their instructions and their memory; for their time, a machine with a processor a "
         "thread");
    free(text);
    free(labels);
}

/* The two of a duet share what there is. */
static void settle_memory(struct plan *plan)
{
    double share = plan->duet != DUET_OFF ? MEMORY_SHARE / 2 : MEMORY_SHARE;

    if (plan->memory_limit_mib == PLAN_MEMORY_AUTO)
        plan->memory_limit_mib = (uint64_t)(share * environment_memory_room_mib());
}

uint64_t plan_memory_mib(const struct plan *plan, size_t allocator)
{
    return plan->allocators[allocator].reference ? 0 : plan->memory_limit_mib;
}

static bool plays_alone(const struct cell *cell)
{
    return cell->threads != 1 || cell->program != NULL;
}

static void warn_of_duets(struct plan *plan)
{
    char *alone = labels_of(plan, plays_alone);
    char *text = text_format(
        "cells of one thread are run as duets on processors %d and %d%s: what the two processes do "
        "to each other (shared cache, power) is in the ratio%s%s",
        plan->duet_cpu[0], plan->duet_cpu[1],
        cores_are_siblings(plan->duet_cpu) ? ", which are threads of one core" : "",
        alone != NULL ? "; one process after the other, as without --duet: " : "",
        alone != NULL ? alone : "");

    warn(plan, "duet", text,
         "compare with a run without --duet; doctor tells whether processors "
         "are siblings");
    free(text);
    free(alone);
}

static bool settle_duets(struct plan *plan, struct failure *why)
{
    size_t able = 0;

    if (plan->duet == DUET_OFF)
        return true;
    for (size_t i = 0; i < plan->suite.count; i++)
        able += !plays_alone(&plan->suite.cells[i]);
    if (plan->n_allocators != 2)
        return fail(why, EXIT_USAGE,
                    "--duet pairs two allocators, and %zu are named; name two, or leave it out",
                    plan->n_allocators);
    if (able == 0 || plan->suite.blocks == 0)
        return fail(why, EXIT_USAGE,
                    "--duet is for timed cells of one thread, and %s has none; leave it out",
                    plan->suite.name);
    if (plan->suite.blocks % (plan->duet == DUET_BOTH ? 4 : 2) != 0)
        return fail(why, EXIT_USAGE,
                    "--duet needs an even number of blocks, so that each allocator is as often on "
                    "one processor as on the other; change --blocks");
    if (!cores_pair(plan->duet_cpu))
        return fail(why, EXIT_USAGE,
                    "--duet needs two usable processors, and there is one; leave it out, or lift "
                    "the affinity (taskset, --cpuset-cpus)");
    warn_of_duets(plan);
    return true;
}

static void name_run(struct plan *plan)
{
    json_t *line = plan_to_json(plan);
    char *text = json_dumps(line, JSON_SORT_KEYS | JSON_COMPACT);

    free(plan->run_id);
    plan->run_id = text_format("%016llx", (unsigned long long)hash_text(text));
    free(text);
    json_decref(line);
}

bool plan_prepare(struct plan *plan, struct failure *why)
{
    for (size_t i = 0; i < plan->n_allocators; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->allocators[i].name, plan->allocators[j].name) == 0)
                return fail(why, EXIT_USAGE,
                            "allocator %s is named twice; write %s2=%s to run it under a second "
                            "name",
                            plan->allocators[i].name, plan->allocators[i].name,
                            plan->allocators[i].name);
    for (size_t i = 0; i < plan->n_allocators; i++)
        if (plan->allocators[i].audit == NULL && !audit_allocator(&plan->allocators[i], why))
            return false;
    plan->skipped = json_array();
    if (!prepare_cells(plan, why) || !prepare_growths(plan, why))
        return false;
    plan->environment = environment_capture();
    plan->warnings = doctor_warnings();
    warn_of_turns(plan);
    settle_memory(plan);
    if (!settle_duets(plan, why))
        return false;
    plan->valgrind = place_of_program("valgrind");
    plan->traces = plan->counts && trace_problem() == NULL; /* doctor warns where it is not */
    if (plan->counts && plan->valgrind == NULL && environment_pmu_problem() != NULL) {
        plan->counts = false;
        warn(plan, "no-counts", "neither a PMU nor valgrind is there: instructions are not counted",
             "apt-get install valgrind");
    }
    plan->programs = describe_programs(plan);
    name_run(plan);
    return true;
}

/* ---- to and from JSON ---- */

json_t *words_to_json(const struct words *words)
{
    json_t *array = json_array();

    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(array, json_string(words->at[i]));
    return array;
}

struct words words_of_json(const json_t *array)
{
    struct words words = {0};

    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));

        if (word != NULL)
            words_add(&words, word);
    }
    return words;
}

static json_t *cell_to_json(const struct cell *cell)
{
    return json_pack("{s:i,s:s,s:s,s:s*,s:s*,s:s*,s:I,s:b,s:b,s:I,s:I,s:I,s:o}", "id", cell->id,
                     "label", cell->label, "workload", cell->workload, "micro", cell->micro,
                     "program", cell->program, "params", cell->params, "threads",
                     (json_int_t)cell->threads, "primary", cell->primary, "memory", cell->memory,
                     "ops", (json_int_t)cell->ops, "count_ops", (json_int_t)cell->count_ops,
                     "trace_ops", (json_int_t)cell->trace_ops, "args", words_to_json(&cell->args));
}

static json_t *allocator_to_json(const struct allocator *allocator)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:O,s:b,s:O*}", "name", allocator->name, "path",
                     allocator->path, "version", allocator->version, "build_id",
                     allocator->build_id, "env", words_to_json(&allocator->env), "audit",
                     allocator->audit, "reference", allocator->reference, "source",
                     allocator->source);
}

json_t *plan_to_json(const struct plan *plan)
{
    json_t *line = json_object();
    json_t *contenders = json_array(), *cells = json_array(), *allocators = json_array();

    for (size_t i = 0; i < plan->suite.count; i++)
        json_array_append_new(cells, cell_to_json(&plan->suite.cells[i]));
    for (size_t i = 0; i < plan->n_allocators; i++) {
        json_array_append_new(allocators, allocator_to_json(&plan->allocators[i]));
        if (i > 0)
            json_array_append_new(contenders, json_string(plan->allocators[i].name));
    }
    json_object_set_new(line, "type", json_string("plan"));
    json_object_set_new(line, "schema", json_string(PLAN_SCHEMA));
    json_object_set_new(line, "run_id", json_string(plan->run_id != NULL ? plan->run_id : ""));
    json_object_set_new(line, "seed", json_integer((json_int_t)plan->seed));
    json_object_set_new(line, "suite", json_string(plan->suite.name));
    json_object_set_new(line, "baseline", json_string(plan->allocators[0].name));
    json_object_set_new(line, "contenders", contenders);
    json_object_set_new(line, "blocks", json_integer((json_int_t)plan->suite.blocks));
    json_object_set_new(line, "timeout_s", json_integer((json_int_t)plan->suite.timeout_s));
    json_object_set_new(line, "memory_blocks", json_integer((json_int_t)plan->suite.memory_blocks));
    json_object_set_new(line, "memory_idle_ms",
                        json_integer((json_int_t)plan->suite.memory_idle_ms));
    json_object_set_new(line, "memory_limit_mib", json_integer((json_int_t)plan->memory_limit_mib));
    if (plan->duet != DUET_OFF)
        json_object_set_new(line, "duet",
                            json_pack("{s:b,s:[i,i]}", "both", plan->duet == DUET_BOTH, "cpus",
                                      plan->duet_cpu[0], plan->duet_cpu[1]));
    json_object_set_new(line, "counts", json_boolean(plan->counts));
    json_object_set_new(line, "traces", json_boolean(plan->traces));
    json_object_set_new(line, "cells", cells);
    if (plan->suite.n_growths > 0) {
        json_t *growths = json_array();

        for (size_t i = 0; i < plan->suite.n_growths; i++)
            json_array_append_new(growths, growth_to_json(&plan->suite.growths[i]));
        json_object_set_new(line, "growth", growths);
    }
    json_object_set(line, "skipped", plan->skipped);
    json_object_set(line, "environment", plan->environment);
    json_object_set_new(line, "allocators", allocators);
    json_object_set(line, "programs", plan->programs);
    json_object_set(line, "warnings", plan->warnings);
    if (plan->gate != NULL)
        json_object_set(line, "gate", plan->gate);
    return line;
}

static char *copy_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text_copy(text) : NULL;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool cell_from_json(struct cell *cell, const json_t *from)
{
    cell->id = (int)number_of(from, "id");
    cell->label = copy_of(from, "label");
    cell->workload = copy_of(from, "workload");
    cell->micro = copy_of(from, "micro");
    cell->program = copy_of(from, "program");
    cell->params = copy_of(from, "params");
    cell->args = words_of_json(json_object_get(from, "args"));
    cell->threads = number_of(from, "threads");
    cell->ops = number_of(from, "ops");
    cell->count_ops = number_of(from, "count_ops");
    cell->trace_ops = number_of(from, "trace_ops");
    cell->primary = json_is_true(json_object_get(from, "primary"));
    cell->memory = json_is_true(json_object_get(from, "memory"));
    return cell->label != NULL && cell->workload != NULL && cell->params != NULL &&
           cell->threads > 0;
}

static bool allocator_from_json(struct allocator *allocator, const json_t *from)
{
    allocator->name = copy_of(from, "name");
    allocator->path = copy_of(from, "path");
    allocator->version = copy_of(from, "version");
    allocator->build_id = copy_of(from, "build_id");
    allocator->env = words_of_json(json_object_get(from, "env"));
    allocator->audit = json_incref(json_object_get(from, "audit"));
    allocator->source = json_incref(json_object_get(from, "source"));
    allocator->reference = json_is_true(json_object_get(from, "reference"));
    return allocator->name != NULL && allocator->path != NULL && allocator->version != NULL &&
           allocator->build_id != NULL;
}

static bool lists_from_json(struct plan *plan, const json_t *line)
{
    const json_t *cells = json_object_get(line, "cells");
    const json_t *allocators = json_object_get(line, "allocators");
    const json_t *growths = json_object_get(line, "growth");

    plan->suite.n_growths = json_array_size(growths);
    plan->suite.growths = text_alloc(plan->suite.n_growths, sizeof *plan->suite.growths);
    for (size_t i = 0; i < plan->suite.n_growths; i++)
        if (!growth_from_json(&plan->suite.growths[i], json_array_get(growths, i)))
            return false;
    plan->suite.count = json_array_size(cells);
    plan->suite.cells = text_alloc(plan->suite.count, sizeof *plan->suite.cells);
    for (size_t i = 0; i < plan->suite.count; i++)
        if (!cell_from_json(&plan->suite.cells[i], json_array_get(cells, i)))
            return false;
    plan->n_allocators = json_array_size(allocators);
    plan->allocators = text_alloc(plan->n_allocators, sizeof *plan->allocators);
    for (size_t i = 0; i < plan->n_allocators; i++)
        if (!allocator_from_json(&plan->allocators[i], json_array_get(allocators, i)))
            return false;
    return plan->suite.count > 0 && plan->n_allocators > 0;
}

static void duet_from_json(struct plan *plan, const json_t *duet)
{
    const json_t *cpus = json_object_get(duet, "cpus");

    if (duet == NULL)
        return;
    plan->duet = json_is_true(json_object_get(duet, "both")) ? DUET_BOTH : DUET_ON;
    for (size_t i = 0; i < 2; i++)
        plan->duet_cpu[i] = (int)json_integer_value(json_array_get(cpus, i));
}

bool plan_from_json(struct plan *plan, const json_t *line, const char *path, struct failure *why)
{
    size_t i;
    json_t *program;
    const char *schema = json_string_value(json_object_get(line, "schema"));

    memset(plan, 0, sizeof *plan);
    if (schema == NULL || strcmp(schema, PLAN_SCHEMA) != 0)
        return fail(why, EXIT_USAGE, "%s does not begin with a plan of schema %s; begin a new run",
                    path, PLAN_SCHEMA);
    plan->run_id = copy_of(line, "run_id");
    plan->seed = number_of(line, "seed");
    plan->suite.name = copy_of(line, "suite");
    plan->suite.blocks = number_of(line, "blocks");
    plan->suite.timeout_s = number_of(line, "timeout_s");
    plan->suite.memory_blocks = number_of(line, "memory_blocks");
    plan->suite.memory_idle_ms = number_of(line, "memory_idle_ms");
    plan->memory_limit_mib = number_of(line, "memory_limit_mib");
    duet_from_json(plan, json_object_get(line, "duet"));
    plan->counts = json_is_true(json_object_get(line, "counts"));
    plan->traces = json_is_true(json_object_get(line, "traces"));
    plan->gate = json_incref(json_object_get(line, "gate"));
    plan->skipped = json_incref(json_object_get(line, "skipped"));
    plan->environment = json_incref(json_object_get(line, "environment"));
    plan->warnings = json_incref(json_object_get(line, "warnings"));
    plan->programs = json_incref(json_object_get(line, "programs"));
    plan->valgrind = place_of_program("valgrind");
    json_array_foreach(plan->programs, i, program)
    {
        const char *name = json_string_value(json_object_get(program, "name"));

        if (name != NULL && strcmp(name, "ashlar-micro") == 0)
            plan->micro = copy_of(program, "path");
        if (name != NULL && strcmp(name, "ashlar-bench") == 0)
            plan->bench = copy_of(program, "path");
    }
    if (!lists_from_json(plan, line) || plan->suite.name == NULL || plan->run_id == NULL ||
        (plan->suite.blocks == 0 && plan->suite.memory_blocks == 0))
        return fail(why, EXIT_USAGE, "%s: the plan is not whole; begin a new run", path);
    return true;
}

/* ---- does it still hold ---- */

bool plan_same_build(const char *what, const char *path, const char *stored, struct failure *why)
{
    struct elf_file elf;

    elf_file_read(path, &elf); /* a driver is a script: its bytes are its build */
    if (elf.build_id[0] == '\0' || strcmp(elf.build_id, stored) != 0)
        return fail(why, EXIT_ENVIRONMENT,
                    "%s (%s) is no longer the build that the run began with; restore it or begin "
                    "a new run",
                    what, path);
    return true;
}

bool plan_still_holds(const struct plan *plan, struct failure *why)
{
    json_t *now = environment_capture();
    const char *key = environment_difference(plan->environment, now);
    json_t *program;
    size_t i;

    if (key != NULL) {
        char *change = environment_change(key, plan->environment, now);

        fail(why, EXIT_ENVIRONMENT,
             "the run was begun in another environment: %s; go on there, or begin a new run",
             change);
        free(change);
    }
    json_decref(now);
    if (key != NULL)
        return false;
    for (i = 0; plan->duet != DUET_OFF && i < 2; i++)
        if (!cores_allow(plan->duet_cpu[i]))
            return fail(why, EXIT_ENVIRONMENT,
                        "the duets of the run need processor %d, which may not be used here; lift "
                        "the affinity (taskset), or begin a new run",
                        plan->duet_cpu[i]);
    for (i = 0; i < plan->n_allocators; i++)
        if (!plan_same_build(plan->allocators[i].name, plan->allocators[i].path,
                             plan->allocators[i].build_id, why))
            return false;
    json_array_foreach(
        plan->programs, i,
        program) if (!plan_same_build(json_string_value(json_object_get(program, "name")),
                                      json_string_value(json_object_get(program, "path")),
                                      json_string_value(json_object_get(program, "build_id")),
                                      why)) return false;
    return true;
}

void plan_close(struct plan *plan)
{
    suite_close(&plan->suite);
    for (size_t i = 0; i < plan->n_allocators; i++)
        allocator_free(&plan->allocators[i]);
    free(plan->allocators);
    free(plan->run_id);
    free(plan->bench);
    free(plan->micro);
    free(plan->valgrind);
    json_decref(plan->programs);
    json_decref(plan->environment);
    json_decref(plan->warnings);
    json_decref(plan->skipped);
    json_decref(plan->gate);
    memset(plan, 0, sizeof *plan);
}
