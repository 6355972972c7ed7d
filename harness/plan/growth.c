/* growth.c: see growth.h. */
#include "plan/growth.h"

#include "plan/suite.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_DEFAULT 5

static const char *set_text(char **field, const char *value)
{
    if (*field != NULL)
        return "is set twice; give each series its own section";
    *field = text_copy(value);
    return NULL;
}

static const char *set_words(struct words *field, const char *value)
{
    if (field->count > 0)
        return "is set twice; give each series its own section";
    *field = words_split(value, " \t");
    return NULL;
}

const char *growth_set(struct growth *growth, const char *key, const char *value)
{
    if (strcmp(key, "workload") == 0)
        return set_text(&growth->workload, value);
    if (strcmp(key, "over") == 0)
        return set_text(&growth->over, value);
    if (strcmp(key, "args") == 0)
        return set_words(&growth->args, value);
    if (strcmp(key, "at") == 0)
        return set_words(&growth->at, value);
    if (strcmp(key, "rounds") != 0)
        return "unknown key; use workload, args, over, at or rounds";
    if (!text_to_u64(value, &growth->rounds) || growth->rounds < 1 ||
        growth->rounds > GROWTH_ROUNDS_MAX)
        return "give a number from 1 to 100";
    return NULL;
}

static bool names(const struct words *args, const char *option)
{
    size_t len = strlen(option);

    for (size_t i = 0; i < args->count; i++)
        if (strncmp(args->at[i], option, len) == 0 &&
            (args->at[i][len] == '\0' || args->at[i][len] == '='))
            return true;
    return false;
}

uint64_t growth_size(const struct growth *growth, size_t point)
{
    uint64_t size = 0;

    return text_to_u64(growth->at.at[point], &size) ? size : 0;
}

static bool rising(const struct growth *growth)
{
    for (size_t i = 0; i < growth->at.count; i++)
        if (growth_size(growth, i) <= (i > 0 ? growth_size(growth, i - 1) : 0))
            return false;
    return true;
}

bool growth_settle(struct growth *growth, const char *file, struct failure *why)
{
    const char *wrong = NULL;

    if (growth->rounds == 0)
        growth->rounds = ROUNDS_DEFAULT;
    if (growth->workload == NULL || growth->over == NULL)
        wrong = "needs a workload, and in `over` the option that is its size";
    else if (strncmp(growth->over, "--", 2) != 0 || names(&growth->args, growth->over))
        wrong = "over: name an option, as --depth, that args leaves out";
    else if (!names(&growth->args, "--ops"))
        wrong = "states no amount of work; add --ops N to its args";
    else if (growth->at.count < GROWTH_POINTS_MIN || growth->at.count > GROWTH_POINTS_MAX ||
             !rising(growth))
        wrong = "at: give five to forty rising whole numbers";
    if (wrong != NULL)
        return fail(why, EXIT_USAGE, "%s: [growth %s] %s", file, growth->label, wrong);
    return true;
}

void growth_cell(const struct growth *growth, size_t point, struct cell *cell)
{
    memset(cell, 0, sizeof *cell);
    cell->label = text_copy(growth->label);
    cell->workload = text_copy(growth->workload);
    cell->threads = 1;
    words_add_all(&cell->args, growth->args.at);
    words_add(&cell->args, growth->over);
    words_add(&cell->args, growth->at.at[point]);
}

void growth_cell_free(struct cell *cell)
{
    free(cell->label);
    free(cell->workload);
    free(cell->params);
    words_free(&cell->args);
    memset(cell, 0, sizeof *cell);
}

bool growth_skips(const struct growth *growth, const char *allocator)
{
    return words_have(&growth->skipped, allocator);
}

bool growth_same(const struct growth *a, const struct growth *b)
{
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->over, b->over) == 0 &&
           a->rounds == b->rounds && words_same(&a->args, &b->args) && words_same(&a->at, &b->at);
}

/* ---- to and from JSON ---- */

static json_t *texts(const struct words *words)
{
    json_t *array = json_array();

    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(array, json_string(words->at[i]));
    return array;
}

json_t *growth_to_json(const struct growth *growth)
{
    json_t *at = json_array();

    for (size_t i = 0; i < growth->at.count; i++)
        json_array_append_new(at, json_integer((json_int_t)growth_size(growth, i)));
    return json_pack("{s:s,s:s,s:s,s:s*,s:I,s:o,s:o,s:o}", "label", growth->label, "workload",
                     growth->workload, "over", growth->over, "params", growth->params, "rounds",
                     (json_int_t)growth->rounds, "args", texts(&growth->args), "at", at, "skipped",
                     texts(&growth->skipped));
}

static bool take_texts(struct words *words, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));

        if (text == NULL)
            return false;
        words_add(words, text);
    }
    return json_is_array(array);
}

static bool take_sizes(struct words *words, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        char *text = text_format("%lld", json_integer_value(json_array_get(array, i)));

        words_add(words, text);
        free(text);
    }
    return words->count >= GROWTH_POINTS_MIN && words->count <= GROWTH_POINTS_MAX;
}

bool growth_from_json(struct growth *growth, const json_t *from)
{
    const char *label = json_string_value(json_object_get(from, "label"));
    const char *workload = json_string_value(json_object_get(from, "workload"));
    const char *over = json_string_value(json_object_get(from, "over"));
    const char *params = json_string_value(json_object_get(from, "params"));

    memset(growth, 0, sizeof *growth);
    if (label == NULL || workload == NULL || over == NULL || params == NULL)
        return false;
    growth->label = text_copy(label);
    growth->workload = text_copy(workload);
    growth->over = text_copy(over);
    growth->params = text_copy(params);
    growth->rounds = (uint64_t)json_integer_value(json_object_get(from, "rounds"));
    return growth->rounds >= 1 && growth->rounds <= GROWTH_ROUNDS_MAX &&
           take_texts(&growth->args, json_object_get(from, "args")) &&
           take_texts(&growth->skipped, json_object_get(from, "skipped")) &&
           take_sizes(&growth->at, json_object_get(from, "at"));
}

void growth_free(struct growth *growth)
{
    free(growth->label);
    free(growth->workload);
    free(growth->over);
    free(growth->params);
    words_free(&growth->args);
    words_free(&growth->at);
    words_free(&growth->skipped);
    memset(growth, 0, sizeof *growth);
}
