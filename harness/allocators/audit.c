/* audit.c: see audit.h. */
#include "allocators/audit.h"

#include "base/place.h"
#include "process/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_TIMEOUT_MS 20000

static const char *const must_serve[] = {"malloc", "calloc", "realloc", "free"};

static bool probe_failed(const struct allocator *allocator, struct child *probe,
                         struct failure *why)
{
    const char *said = text_last_line(probe->text[CHILD_ERR]);

    switch (probe->fate) {
    case FATE_SIGNALED:
        return fail(why, EXIT_FAILED,
                    "allocator %s: a few plain calls under %s end in signal %d (%s); repair it "
                    "before it is measured",
                    allocator->name, allocator->path, probe->signal, strsignal(probe->signal));
    case FATE_TIMEOUT:
        return fail(why, EXIT_FAILED,
                    "allocator %s: a few plain calls under %s do not return within %d s; repair it "
                    "before it is measured",
                    allocator->name, allocator->path, AUDIT_TIMEOUT_MS / 1000);
    case FATE_STOPPED:
        return fail(why, EXIT_INTERRUPTED, "interrupted before anything was written");
    case FATE_NOT_RUN:
        return fail(why, EXIT_USAGE, "cannot run %s/ashlar-probe (%s); run make", place_home(),
                    probe->why);
    default:
        return fail(why, EXIT_FAILED,
                    "allocator %s: the probe under %s ended with exit %d (%.200s); repair it "
                    "before it is measured",
                    allocator->name, allocator->path, probe->exit, said);
    }
}

/* The dynamic linker says on stderr why it left a preload out, and goes on without it. */
static bool not_loaded(const struct allocator *allocator, struct child *probe, struct failure *why)
{
    const char *said = strstr(probe->text[CHILD_ERR], "ERROR: ld.so:");

    return fail(why, EXIT_FAILED,
                "allocator %s: %s was not loaded (%.300s); give a library that LD_PRELOAD accepts",
                allocator->name, allocator->path,
                said != NULL ? text_trim((char *)(uintptr_t)said)
                             : "it is not in the probe's maps");
}

bool audit_serves(const struct allocator *allocator, const char *entry_point)
{
    json_t *points = json_object_get(allocator->audit, "entry_points");
    const char *object = json_string_value(json_object_get(points, entry_point));
    char *real = realpath(allocator->path, NULL);
    bool same = object != NULL && real != NULL && strcmp(object, real) == 0;

    free(real);
    return same;
}

static bool judge_probe(const struct allocator *allocator, struct child *probe, struct failure *why)
{
    json_t *points = json_object_get(allocator->audit, "entry_points");
    const char *canary = json_string_value(json_object_get(allocator->audit, "canary"));

    if (!json_is_true(json_object_get(allocator->audit, "loaded")))
        return not_loaded(allocator, probe, why);
    for (size_t i = 0; i < sizeof must_serve / sizeof must_serve[0]; i++) {
        const char *object = json_string_value(json_object_get(points, must_serve[i]));

        if (!audit_serves(allocator, must_serve[i]))
            return fail(why, EXIT_FAILED,
                        "allocator %s: %s does not interpose: %s is resolved by %s; give a library "
                        "that defines malloc, calloc, realloc and free",
                        allocator->name, allocator->path, must_serve[i],
                        object != NULL ? object : "nobody");
    }
    if (canary == NULL || strcmp(canary, "ok") != 0)
        return fail(why, EXIT_FAILED, "allocator %s: under %s %s; repair it before it is measured",
                    allocator->name, allocator->path,
                    canary != NULL ? canary : "the canary is mute");
    return true;
}

bool audit_allocator(struct allocator *allocator, struct failure *why)
{
    char *program = place_of("ashlar-probe");
    char *argv[] = {program, allocator->path, NULL};
    struct child_order order = {.argv = argv,
                                .env = allocator->env.at,
                                .preload = allocator->path,
                                .timeout_ms = AUDIT_TIMEOUT_MS,
                                .randomise = true};
    struct child probe;
    const char *version;
    bool ok = child_run(&probe, &order, why);

    free(program);
    if (!ok)
        return false;
    if (probe.fate != FATE_EXITED || probe.exit != 0) {
        ok = probe_failed(allocator, &probe, why);
    } else if ((allocator->audit = json_loads(probe.text[CHILD_OUT], 0, NULL)) == NULL) {
        ok = fail(why, EXIT_FAILED, "allocator %s: the probe under %s gave no JSON; repair it",
                  allocator->name, allocator->path);
    } else {
        version = json_string_value(json_object_get(allocator->audit, "version"));
        free(allocator->version);
        allocator->version = text_copy(version != NULL ? version : "");
        ok = judge_probe(allocator, &probe, why);
    }
    child_free(&probe);
    return ok;
}
