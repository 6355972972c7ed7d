/* list.c: `ashlar list`, what can be run here: allocators, workloads, suites, metrics. */
#include "allocators/audit.h"

#include "base/member.h"

#include "allocators/elf_file.h"
#include "allocators/registry.h"
#include "base/place.h"
#include "plan/bench.h"
#include "plan/suite.h"
#include "verbs/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list_options {
    const char *registry;
    const char *bench;
    bool json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "print a JSON object", 0},
    {"registry", 'g', "FILE", 0, "read more allocators from FILE (INI)", 0},
    {"bench", 'b', "PROGRAM", 0, "instead of the ashlar-bench beside this command", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct list_options *chosen = state->input;

    switch (key) {
    case 'j':
        chosen->json = true;
        return 0;
    case 'g':
        chosen->registry = arg;
        return 0;
    case 'b':
        chosen->bench = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Lists the allocators found (each audited in a process of its own), the workloads, the "
           "suites and the metrics.",
};

static const struct {
    const char *name, *unit, *from;
} metrics[] = {
    {"time", "ns", "the timed part of a process; all iterations of a micro row"},
    {"peak_rss", "KiB", "VmHWM of the process, less that of its --null run"},
    {"memory", "1, KiB",
     "over time, of a watched process: F1 to F4, what stays after the last free, where blocks lie"},
    {"instructions", "1", "perf_event where there is a PMU, else callgrind with less work"},
    {"syscalls", "1", "by name, ptrace with less work; shown, and judged by `ashlar gate` alone"},
};

/* An allocator's row: found and audited, or the reason why it is not. */
static json_t *allocator_row(const struct registry *registry, const char *name)
{
    struct allocator allocator;
    struct failure why;
    json_t *row;

    if (!registry_resolve(registry, name, &allocator, &why) || !audit_allocator(&allocator, &why))
        row = json_pack("{s:s,s:b,s:s}", "name", name, "usable", 0, "reason", why.text);
    else
        row =
            json_pack("{s:s,s:b,s:s,s:s,s:s,s:O,s:b}", "name", name, "usable", 1, "path",
                      allocator.path, "version", allocator.version, "build_id", allocator.build_id,
                      "audit", allocator.audit, "reference", allocator.reference);
    allocator_free(&allocator);
    return row;
}

static json_t *list_allocators(const struct registry *registry)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < registry->count; i++)
        json_array_append_new(rows, allocator_row(registry, registry->at[i].name));
    return rows;
}

static json_t *list_suites(void)
{
    struct words names = place_suites();
    json_t *rows = json_array();

    for (size_t i = 0; i < names.count; i++) {
        struct suite suite;
        struct failure why;

        if (!suite_open(&suite, names.at[i], &why)) {
            json_array_append_new(rows,
                                  json_pack("{s:s,s:s}", "name", names.at[i], "about", why.text));
            continue;
        }
        json_array_append_new(rows, json_pack("{s:s,s:s,s:I,s:I}", "name", suite.name, "about",
                                              suite.about, "cells", (json_int_t)suite.count,
                                              "blocks", (json_int_t)suite.blocks));
        suite_close(&suite);
    }
    words_free(&names);
    return rows;
}

static json_t *list_metrics(void)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
        json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "name", metrics[i].name, "unit",
                                              metrics[i].unit, "from", metrics[i].from));
    return rows;
}

/* The entry points that the library leaves to somebody else; those of C23 nobody may have. */
static void print_left_out(const json_t *row)
{
    json_t *points = json_object_get(json_object_get(row, "audit"), "entry_points");
    const char *own = member_text(points, "malloc");
    const char *name;
    json_t *object;
    const char *separator = "  leaves to libc: ";

    json_object_foreach(points, name, object)
    {
        if (json_is_null(object) || strcmp(json_string_value(object), own) == 0)
            continue;
        printf("%s%s", separator, name);
        separator = " ";
    }
    putchar('\n');
}

static void print_text(const json_t *all)
{
    json_t *row;
    size_t i;

    puts("allocators");
    json_array_foreach(json_object_get(all, "allocators"), i, row)
    {
        if (!json_is_true(json_object_get(row, "usable"))) {
            printf("  %-10s -  %s\n", member_text(row, "name"), member_text(row, "reason"));
            continue;
        }
        printf("  %-10s %-28.28s %.12s  %s", member_text(row, "name"), member_text(row, "version"),
               member_text(row, "build_id"), member_text(row, "path"));
        print_left_out(row);
    }
    puts("\nworkloads");
    json_array_foreach(json_object_get(all, "workloads"), i, row)
        printf("  %-18s %s\n", member_text(row, "name"), member_text(row, "imitates"));
    puts("\nsuites");
    json_array_foreach(json_object_get(all, "suites"), i, row)
        printf("  %-18s %s\n", member_text(row, "name"), member_text(row, "about"));
    puts("\nmetrics");
    json_array_foreach(json_object_get(all, "metrics"), i, row)
        printf("  %-18s %s\n", member_text(row, "name"), member_text(row, "from"));
}

int verb_list(int argc, char **argv, struct failure *why)
{
    struct list_options chosen = {0};
    struct registry registry;
    json_t *all, *workloads;
    char *bench;

    if (!cli_parse(&argp, "list", argc, argv, &chosen, why) ||
        !registry_open(&registry, chosen.registry, why))
        return why->exit_code;
    bench = chosen.bench != NULL ? text_copy(chosen.bench) : place_of("ashlar-bench");
    workloads = bench_list(bench, why);
    free(bench);
    if (workloads == NULL) {
        registry_close(&registry);
        return why->exit_code;
    }
    all = json_pack("{s:o,s:o,s:o,s:o}", "allocators", list_allocators(&registry), "workloads",
                    workloads, "suites", list_suites(), "metrics", list_metrics());
    registry_close(&registry);
    if (chosen.json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_text(all);
    }
    json_decref(all);
    return EXIT_OK;
}
