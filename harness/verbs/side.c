/* side.c: see side.h. */
#include "verbs/side.h"

#include "allocators/registry.h"
#include "base/text.h"

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

/* Cuts "name=" off where the rest is a revision, which may hold a '=' itself. */
static const char *cut_name(const char *arg, char **name)
{
    const char *equals = strchr(arg, '=');

    *name = NULL;
    if (behind(arg, "rev:") != NULL || equals == NULL || behind(equals + 1, "rev:") == NULL)
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

bool side_parse(struct side *side, const char *arg, const char *bare, struct failure *why)
{
    char *name;
    const char *value = cut_name(arg, &name), *ref = behind(value, "rev:");

    memset(side, 0, sizeof *side);
    side->name = name;
    if (ref != NULL && ref[0] == '\0')
        return fail(why, EXIT_USAGE, "'%s' names nothing; write rev:REF", arg);
    if (ref != NULL) {
        side->ref = text_copy(ref);
        side->name = name != NULL ? name : registry_plain_name(ref);
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
    return side->ref == NULL || resolve_revision(side, how, why);
}

void side_free(struct side *side)
{
    free(side->name);
    free(side->word);
    free(side->ref);
    json_decref(side->source);
    memset(side, 0, sizeof *side);
}
