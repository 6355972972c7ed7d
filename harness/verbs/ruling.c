/* ruling.c: see ruling.h. */
#include "verbs/ruling.h"

#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_verdict(const json_t *cell, const char *verdict)
{
    const char *given = json_string_value(json_object_get(cell, "verdict"));

    return given != NULL && strcmp(given, verdict) == 0;
}

bool ruling_exit_code(const char *dir, int *exit_code, struct failure *why)
{
    char *path = text_format("%s/summary.json", dir);
    json_t *summary = json_load_file(path, 0, NULL);
    bool worse = false, said = false;
    json_t *cell;
    size_t i;

    if (summary == NULL)
        fail(why, EXIT_USAGE, "cannot read %s back; make the report again", path);
    free(path);
    if (summary == NULL)
        return false;
    json_array_foreach(json_object_get(summary, "cells"), i, cell)
    {
        if (!json_is_true(json_object_get(cell, "primary")) ||
            json_is_true(json_object_get(cell, "reference")))
            continue;
        worse = worse || is_verdict(cell, "worse");
        said = said || is_verdict(cell, "better") || is_verdict(cell, "same");
    }
    /* Where nothing was timed there is nothing to be unsure of. */
    said = said || json_integer_value(json_object_get(summary, "blocks_planned")) == 0;
    json_decref(summary);
    if (*exit_code == EXIT_OK)
        *exit_code = worse ? EXIT_REGRESSION : said ? EXIT_OK : EXIT_INCONCLUSIVE;
    return true;
}
