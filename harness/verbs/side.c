/* side.c: see side.h. */
#include "verbs/side.h"

#include "allocators/registry.h"
#include "base/member.h"
#include "run/baseline.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_REPO = 0x300, KEY_BUILD_COMMAND, KEY_LIBRARY, KEY_CACHE };

static const struct argp_option options[] = {
    {"repo", KEY_REPO, "DIR", 0, "the git repository of rev:REF (default: the current one)", -2},
    {"build-command", KEY_BUILD_COMMAND, "CMD", 0,
     "what builds a revision, at the top of its checkout (default: \"" REVISION_BUILD_DEFAULT "\")",
     -2},
    {"library", KEY_LIBRARY, "PATH", 0,
     "where the library then lies in the checkout (default: " REVISION_LIBRARY_DEFAULT ")", -2},
    {"cache", KEY_CACHE, "DIR", 0,
     "where built revisions are kept (default: rev/ beside this command in its source tree, else "
     "ashlar/rev in the user's cache)",
     -2},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct revision_options *chosen = state->input;

    switch (key) {
    case KEY_REPO:
        chosen->repo = arg;
        return 0;
    case KEY_BUILD_COMMAND:
        chosen->build = arg;
        return 0;
    case KEY_LIBRARY:
        chosen->library = arg;
        return 0;
    case KEY_CACHE:
        chosen->cache = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp side_argp = {.options = options, .parser = parse};

/* What stands behind a prefix; NULL: it does not begin with that. */
static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Cuts "name=" off where the rest is a revision or a baseline; they may hold a '=' themselves. */
static const char *cut_name(const char *arg, char **name)
{
    const char *equals = strchr(arg, '=');
    bool special = behind(arg, "rev:") != NULL || behind(arg, "baseline:") != NULL;

    *name = NULL;
    if (special || equals == NULL ||
        (behind(equals + 1, "rev:") == NULL && behind(equals + 1, "baseline:") == NULL))
        return arg;
    *name = text_format("%.*s", (int)(equals - arg), arg);
    return equals + 1;
}

static bool check_name(const struct side *side, const char *arg, struct failure *why)
{
    return registry_name_is_plain(side->name) ||
           fail(why, EXIT_USAGE,
                "'%s': '%s' is no name; use letters, digits and . _ + -, as in old=rev:HEAD", arg,
                side->name);
}

static char *name_of_baseline(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    char *whole = text_format("%.*s", (int)len, text);
    const char *slash = strrchr(whole, '/');
    char *name = registry_plain_name(slash != NULL ? slash + 1 : whole);

    free(whole);
    return name;
}

bool side_parse(struct side *side, const char *arg, const char *bare, const char *results,
                struct failure *why)
{
    char *name;
    const char *value = cut_name(arg, &name), *ref = behind(value, "rev:");
    const char *baseline = behind(value, "baseline:");

    memset(side, 0, sizeof *side);
    side->name = name;
    if ((ref != NULL && ref[0] == '\0') || (baseline != NULL && baseline[0] == '\0'))
        return fail(why, EXIT_USAGE, "'%s' names nothing; write rev:REF or baseline:NAME", arg);
    if (ref != NULL) {
        side->ref = text_copy(ref);
        side->name = name != NULL ? name : registry_plain_name(ref);
        return check_name(side, arg, why);
    }
    if (baseline != NULL) {
        side->baseline = baseline_folder(results, baseline);
        side->name = name != NULL ? name : name_of_baseline(baseline);
        return check_name(side, arg, why);
    }
    if (strchr(arg, '/') != NULL && strchr(arg, '=') == NULL)
        side->word = text_format("%s=%s", bare, arg);
    else
        side->word = text_copy(arg);
    side->name = text_format("%.*s", (int)strcspn(side->word, "="), side->word);
    return true;
}

static bool resolve_revision(struct side *side, const struct revision_options *how,
                             struct failure *why)
{
    char *path;

    if (!revision_library(how, side->ref, &path, &side->source, why))
        return false;
    side->word = text_format("%s=%s", side->name, path);
    free(path);
    return true;
}

static bool resolve_baseline(struct side *side, struct failure *why)
{
    json_t *baseline = baseline_read(side->baseline, why), *entry;
    const json_t *library = json_object_get(baseline, "library");
    bool ok = baseline != NULL && baseline_check(baseline, side->baseline, why);
    char *folder = ok ? realpath(side->baseline, NULL) : NULL;
    size_t i;

    if (folder != NULL) {
        char *path = baseline_library(baseline, folder);

        side->word = text_format("%s=%s", side->name, path);
        json_array_foreach(json_object_get(library, "env"), i, entry)
            words_add(&side->env, json_string_value(entry));
        side->source = json_pack(
            "{s:s,s:s,s:s,s:s,s:s,s:O*}", "kind", "baseline", "folder", folder, "name",
            member_text(baseline, "name"), "saved", member_text(baseline, "saved"), "build_id",
            member_text(library, "build_id"), "of", json_object_get(library, "source"));
        free(path);
    }
    free(folder);
    json_decref(baseline);
    return side->word != NULL;
}

bool side_check(const struct side *side, const struct revision_options *how, struct failure *why)
{
    char *commit;

    if (side->ref == NULL)
        return true;
    if (!revision_commit(how, side->ref, &commit, why))
        return false;
    free(commit);
    return true;
}

bool side_resolve(struct side *side, const struct revision_options *how, struct failure *why)
{
    if (side->ref != NULL)
        return resolve_revision(side, how, why);
    return side->baseline == NULL || resolve_baseline(side, why);
}

void side_free(struct side *side)
{
    free(side->name);
    free(side->word);
    free(side->ref);
    free(side->baseline);
    json_decref(side->source);
    words_free(&side->env);
    memset(side, 0, sizeof *side);
}
