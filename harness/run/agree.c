/* agree.c: see agree.h. */
#include "run/agree.h"

#include "base/member.h"

#include <stdbool.h>
#include <string.h>

/* The output of a line that is ok, NULL when there is none. */
static const char *output_of(const json_t *line)
{
    const json_t *bench = json_object_get(line, "bench");

    if (strcmp(member_text(line, "status"), "ok") != 0)
        return NULL;
    return json_string_value(json_object_get(bench, "output_sha256"));
}

static const char *output_of_baseline(const json_t *lines, const char *baseline)
{
    const json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        if (strcmp(member_text(line, "allocator"), baseline) == 0)
            return output_of(line);
    }
    return NULL;
}

static void mark_damaged(json_t *line, const char *baseline, const char *right)
{
    const char *output = output_of(line);

    json_object_set_new(line, "detail",
                        json_sprintf("the output's sha256 is %.12s..., under %s %.12s...", output,
                                     baseline, right));
    json_object_set_new(line, "status", json_string("integrity"));
    json_object_set_new(line, "time_ns", json_null());
    json_object_set_new(line, "peak_rss_kib", json_null());
}

json_t *agree_judge(json_t *lines, const char *baseline)
{
    const char *right = output_of_baseline(lines, baseline);
    json_t *damaged = json_array();
    json_t *line;
    size_t i;

    if (right == NULL)
        return damaged;
    json_array_foreach(lines, i, line)
    {
        const char *output = output_of(line);

        if (output == NULL || strcmp(output, right) == 0)
            continue;
        mark_damaged(line, baseline, right);
        json_array_append(damaged, line);
    }
    return damaged;
}
