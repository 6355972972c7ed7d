/* baseline.c: see baseline.h. */
#include "run/baseline.h"

#include "allocators/elf_file.h"
#include "base/disk.h"
#include "base/member.h"
#include "machine/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "baseline.json"

/* What makes a cell of the plan the same work. */
static const char *const cell_keys[] = {"label",   "workload", "micro", "program",   "params",
                                        "threads", "ops",      "args",  "count_ops", "trace_ops"};

char *baseline_folder(const char *results, const char *name)
{
    return strchr(name, '/') != NULL ? text_copy(name)
                                     : text_format("%s/baselines/%s", results, name);
}

/* ---- reading ---- */

json_t *baseline_read(const char *folder, struct failure *why)
{
    char *path = text_format("%s/" FILE_NAME, folder);
    json_error_t problem;
    json_t *baseline = json_load_file(path, 0, &problem);

    if (baseline == NULL && access(path, F_OK) != 0)
        fail(why, EXIT_USAGE,
             "no baseline in %s; `ashlar baseline list` names those there are, `ashlar baseline "
             "save` makes one",
             folder);
    else if (baseline == NULL)
        fail(why, EXIT_USAGE, "%s is damaged (%s); save the baseline anew", path, problem.text);
    else if (strcmp(member_text(baseline, "schema"), BASELINE_SCHEMA) != 0) {
        fail(why, EXIT_USAGE, "%s is not of schema %s; save the baseline anew", path,
             BASELINE_SCHEMA);
        json_decref(baseline);
        baseline = NULL;
    }
    free(path);
    return baseline;
}

char *baseline_library(const json_t *baseline, const char *folder)
{
    return text_format("%s/%s", folder, member_text(json_object_get(baseline, "library"), "file"));
}

bool baseline_check(const json_t *baseline, const char *folder, struct failure *why)
{
    const json_t *library = json_object_get(baseline, "library");
    char *path = baseline_library(baseline, folder);
    char bytes[ELF_BYTES_SIZE];
    struct elf_file elf;
    bool ok = true;

    if (!elf_file_bytes(path, bytes) || !elf_file_read(path, &elf))
        ok = fail(why, EXIT_FAILED,
                  "the library of baseline %s is missing or is none: %s; save the baseline anew",
                  member_text(baseline, "name"), path);
    else if (strcmp(elf.build_id, member_text(library, "build_id")) != 0)
        ok = fail(why, EXIT_ENVIRONMENT,
                  "%s is not the library that baseline %s kept (build id %s, kept was %s); restore "
                  "it, or save the baseline anew",
                  path, member_text(baseline, "name"), elf.build_id,
                  member_text(library, "build_id"));
    else if (strcmp(bytes, member_text(library, "bytes_id")) != 0)
        ok =
            fail(why, EXIT_ENVIRONMENT,
                 "%s was changed since baseline %s kept it (build id the same, bytes not); restore "
                 "it, or save the baseline anew",
                 path, member_text(baseline, "name"));
    free(path);
    return ok;
}

/* ---- making ---- */

static bool is_ok(const json_t *line, const char *type, json_int_t cell)
{
    return strcmp(member_text(line, "type"), type) == 0 &&
           json_integer_value(json_object_get(line, "cell")) == cell &&
           strcmp(member_text(line, "status"), "ok") == 0;
}

/* A count of system calls, and not of instructions. */
static bool is_traced(const json_t *line)
{
    return strcmp(member_text(line, "method"), "ptrace") == 0;
}

/* What the lines of a run hold of one cell. */
static json_t *figures_of(const json_t *lines, const json_t *cell)
{
    json_int_t id = json_integer_value(json_object_get(cell, "id"));
    json_t *faults = json_array();
    json_t *figures = json_pack("{s:O,s:n,s:n,s:o,s:n}", "cell", cell, "count", "calls",
                                "minor_faults", faults, "layout");
    json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        if (is_ok(line, "count", id))
            json_object_set(figures, is_traced(line) ? "calls" : "count", line);
        if (is_ok(line, "memory", id) && json_is_object(json_object_get(line, "layout")))
            json_object_set(figures, "layout", json_object_get(line, "layout"));
        if (is_ok(line, "sample", id) && !json_is_true(json_object_get(line, "warmup")) &&
            json_is_number(json_object_get(line, "minflt")))
            json_array_append(faults, json_object_get(line, "minflt"));
    }
    return figures;
}

static json_t *library_of(const json_t *plan, json_t *source)
{
    static const char *const kept[] = {"path", "name", "version", "build_id", "env"};
    const json_t *ran = json_array_get(json_object_get(plan, "allocators"), 0);
    const char *path = member_text(ran, "path"), *slash = strrchr(path, '/');
    json_t *library = json_object();
    char bytes[ELF_BYTES_SIZE] = "";

    elf_file_bytes(path, bytes); /* one that vanished is found when it is copied */
    json_object_set_new(library, "file", json_string(slash != NULL ? slash + 1 : path));
    json_object_set_new(library, "bytes_id", json_string(bytes));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        json_object_set(library, kept[i], json_object_get(ran, kept[i]));
    if (source != NULL)
        json_object_set(library, "source", source);
    return library;
}

static json_t *document(const char *run, const char *name, const json_t *lines, json_t *source)
{
    json_t *plan = json_array_get(lines, 0), *cells = json_array(), *cell;
    time_t now = time(NULL);
    char saved[32];
    struct tm utc;
    size_t i;

    gmtime_r(&now, &utc);
    strftime(saved, sizeof saved, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_array_foreach(json_object_get(plan, "cells"), i, cell)
        json_array_append_new(cells, figures_of(lines, cell));
    return json_pack("{s:s,s:s,s:s,s:s,s:O,s:o,s:O,s:O,s:o}", "schema", BASELINE_SCHEMA, "name",
                     name, "saved", saved, "run", run, "suite", json_object_get(plan, "suite"),
                     "library", library_of(plan, source), "environment",
                     json_object_get(plan, "environment"), "programs",
                     json_object_get(plan, "programs"), "cells", cells);
}

json_t *baseline_of_run(const char *run, const char *name, json_t *source, struct failure *why)
{
    struct store store;
    json_t *lines = NULL, *baseline = NULL;
    long *offsets = NULL;

    if (store_reopen(&store, run, &lines, &offsets, why))
        baseline = document(run, name, lines, source);
    store_close(&store);
    json_decref(lines);
    free(offsets);
    return baseline;
}

static bool fill(const json_t *baseline, const char *fresh)
{
    const char *library = member_text(json_object_get(baseline, "library"), "path");
    char *path = text_format("%s/" FILE_NAME, fresh), *copy = baseline_library(baseline, fresh);
    bool ok = disk_remove_folder(fresh) && disk_make_folder(fresh) &&
              disk_copy_file(library, copy) &&
              json_dump_file(baseline, path, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) == 0;

    free(path);
    free(copy);
    return ok;
}

/* At no moment is there no baseline of that name, if there was one. */
static bool put_in_place(const char *fresh, const char *folder)
{
    if (access(folder, F_OK) != 0)
        return rename(fresh, folder) == 0;
    return renameat2(AT_FDCWD, fresh, AT_FDCWD, folder, RENAME_EXCHANGE) == 0 &&
           disk_remove_folder(fresh);
}

bool baseline_keep(const json_t *baseline, const char *folder, struct failure *why)
{
    const char *slash = strrchr(folder, '/');
    char *fresh =
        text_format("%.*s.%s.tmp-%d", (int)(slash + 1 - folder), folder, slash + 1, (int)getpid());
    bool filled = fill(baseline, fresh);
    bool ok = filled && baseline_check(baseline, fresh, why);

    if (!filled)
        fail(why, EXIT_USAGE, "cannot write %s (%s); give another place with --results", folder,
             strerror(errno));
    if (ok && !put_in_place(fresh, folder))
        ok = fail(why, EXIT_USAGE, "cannot put a baseline into %s (%s); make room there", folder,
                  strerror(errno));
    if (!ok)
        disk_remove_folder(fresh);
    free(fresh);
    return ok;
}

/* ---- a plan's first allocator ---- */

static const char *build_of(const json_t *programs, const char *name)
{
    json_t *program;
    size_t i;

    json_array_foreach(programs, i, program)
    {
        if (strcmp(member_text(program, "name"), name) == 0)
            return member_text(program, "build_id");
    }
    return NULL;
}

char *baseline_misfit(const json_t *baseline, const struct plan *plan)
{
    const json_t *then = json_object_get(baseline, "environment");
    const char *key = environment_difference(then, plan->environment);
    json_t *program;
    size_t i;

    /* The means of counting is no part of the fingerprint, and makes another count. */
    if (key == NULL &&
        !json_equal(json_object_get(then, "pmu"), json_object_get(plan->environment, "pmu")))
        key = "pmu";
    if (key != NULL)
        return environment_change(key, then, plan->environment);
    json_array_foreach(plan->programs, i, program)
    {
        const char *name = member_text(program, "name");
        const char *build = build_of(json_object_get(baseline, "programs"), name);

        if (build == NULL || strcmp(build, member_text(program, "build_id")) != 0)
            return text_format("%s is another build", name);
    }
    return NULL;
}

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

    return x == NULL || y == NULL ? x == y : json_equal(x, y);
}

/* The baseline's figures of the same work, NULL when it has none. */
static const json_t *find_cell(const json_t *baseline, const json_t *cell)
{
    json_t *figures;
    size_t i;

    json_array_foreach(json_object_get(baseline, "cells"), i, figures)
    {
        bool same = true;

        for (size_t k = 0; k < sizeof cell_keys / sizeof cell_keys[0]; k++)
            same = same && same_member(json_object_get(figures, "cell"), cell, cell_keys[k]);
        if (same)
            return figures;
    }
    return NULL;
}

static void place(json_t *line, size_t cell, const struct plan *plan, const json_t *baseline)
{
    json_object_set_new(line, "cell", json_integer((json_int_t)cell));
    json_object_set_new(line, "allocator", json_string(plan->allocators[0].name));
    json_object_set_new(line, "stored", json_string(member_text(baseline, "name")));
}

static void enter_figures(const json_t *baseline, const struct plan *plan, size_t cell,
                          const char *metric, const json_t *figures, json_t *lines)
{
    json_t *line =
        json_pack("{s:s,s:s,s:O}", "type", "stored", "metric", metric, "figures", figures);

    place(line, cell, plan, baseline);
    json_array_append_new(lines, line);
}

/* A count of that run, as if this one had made it; false: there is none. */
static bool enter_count(const json_t *baseline, const struct plan *plan, size_t cell,
                        const json_t *count, json_t *lines)
{
    json_t *line = json_is_object(count) ? json_deep_copy(count) : NULL;

    if (line == NULL)
        return false;
    place(line, cell, plan, baseline);
    json_array_append_new(lines, line);
    return true;
}

static void enter_cell(const json_t *baseline, const struct plan *plan, size_t cell,
                       const json_t *figures, struct journal *journal, json_t *lines)
{
    static const char *const layout[] = {"page_waste", "internal_waste"};
    const json_t *faults = json_object_get(figures, "minor_faults");
    size_t pair = journal_pair(journal, cell, 0);

    if (plan->counts && enter_count(baseline, plan, cell, json_object_get(figures, "count"), lines))
        journal->counted[pair] = true;
    if (plan->traces && enter_count(baseline, plan, cell, json_object_get(figures, "calls"), lines))
        journal->traced[pair] = true;
    if (json_array_size(faults) > 0)
        enter_figures(baseline, plan, cell, "minor_faults", faults, lines);
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        json_t *waste = json_object_get(json_object_get(figures, "layout"), layout[i]);

        if (json_is_number(waste)) {
            json_t *one = json_pack("[O]", waste);

            enter_figures(baseline, plan, cell, layout[i], one, lines);
            json_decref(one);
        }
    }
}

bool baseline_enter(const json_t *baseline, const struct plan *plan, struct journal *journal,
                    struct store *store, struct failure *why)
{
    json_t *whole = plan_to_json(plan), *lines = json_array(), *cell;
    size_t i;
    bool ok;

    json_array_foreach(json_object_get(whole, "cells"), i, cell)
    {
        const json_t *figures = plan_skips(plan, i, 0) ? NULL : find_cell(baseline, cell);

        if (figures != NULL)
            enter_cell(baseline, plan, i, figures, journal, lines);
    }
    ok = store_append(store, lines, why);
    json_decref(lines);
    json_decref(whole);
    return ok;
}
