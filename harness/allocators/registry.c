/* registry.c: see registry.h.
 *
 * A registry file:
 *
 *     [mine]                        the name
 *     path = /opt/lib/libmine.so    or: soname = libmine.so.  (first match in the linker's cache)
 *     env = MINE_CONF=decay:0       as often as needed
 *     reference = yes               shown, never judged for the suite: a floor
 */
#include "allocators/registry.h"

#include "allocators/elf_file.h"
#include "base/place.h"

#include <ctype.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct builtin {
    const char *name;
    const char *soname;  /* beginning of the name in the linker's cache; NULL: found otherwise */
    const char *package; /* of Debian */
    const char *beside;  /* the file beside this command; NULL: not ours */
    bool reference;
};

static const struct builtin builtins[] = {
    {.name = "glibc"},
    {.name = "ashlar", .beside = "libashlar.so"},
    {.name = "jemalloc", .soname = "libjemalloc.so.", .package = "libjemalloc2"},
    {.name = "mimalloc", .soname = "libmimalloc.so.", .package = "libmimalloc2.0"},
    {.name = "tcmalloc", .soname = "libtcmalloc_minimal.so.", .package = "libtcmalloc-minimal4"},
    {.name = "tbbmalloc", .soname = "libtbbmalloc_proxy.so.", .package = "libtbbmalloc2"},
    {.name = "limit", .beside = "liblimit.so", .reference = true},
};

#define BUILTINS (sizeof builtins / sizeof builtins[0])

void allocator_free(struct allocator *allocator)
{
    free(allocator->name);
    free(allocator->path);
    free(allocator->remedy);
    free(allocator->build_id);
    free(allocator->version);
    words_free(&allocator->env);
    json_decref(allocator->audit);
    json_decref(allocator->source);
    memset(allocator, 0, sizeof *allocator);
}

static void set_text(char **field, char *text)
{
    free(*field);
    *field = text;
}

/* The text of `ldconfig -p`, NULL when it cannot be run. ldconfig lies in /sbin, which is not on
 * every user's PATH. */
static char *linker_cache(void)
{
    FILE *pipe = popen("PATH=\"$PATH:/usr/sbin:/sbin\" ldconfig -p 2>/dev/null", "r");
    char *text = text_copy("");
    char line[1024];

    if (pipe == NULL)
        return text;
    while (fgets(line, sizeof line, pipe) != NULL)
        set_text(&text, text_format("%s%s", text, line));
    pclose(pipe);
    return text;
}

/* The path of the first entry `soname...` of this machine's kind; the cache also lists the
 * libraries of other word sizes. NULL when there is none. */
static char *cache_find(const char *cache, const char *soname)
{
    size_t len = strlen(soname);

    for (const char *line = cache; line != NULL && *line != '\0';) {
        const char *next = strchr(line, '\n');
        const char *name = line + strspn(line, " \t");
        const char *arrow = strstr(line, " => ");

        if (next != NULL && arrow != NULL && arrow < next && strncmp(name, soname, len) == 0) {
            char *path = text_format("%.*s", (int)(next - arrow - 4), arrow + 4);
            struct elf_file elf;

            if (elf_file_read(path, &elf))
                return path;
            free(path);
        }
        line = next != NULL ? next + 1 : NULL;
    }
    return NULL;
}

static char *path_of_libc(void)
{
    Dl_info info;

    if (dladdr((void *)(uintptr_t)gnu_get_libc_version, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    return text_copy(info.dli_fname);
}

static void find_builtin(struct allocator *allocator, const struct builtin *builtin,
                         const char *cache)
{
    allocator->name = text_copy(builtin->name);
    allocator->reference = builtin->reference;
    if (strcmp(builtin->name, "glibc") == 0) {
        allocator->path = path_of_libc();
        allocator->remedy = text_copy("this program does not run on glibc");
    } else if (builtin->beside != NULL) {
        allocator->path = place_of(builtin->beside);
        allocator->remedy = text_format("%s is not built; run make", allocator->path);
        if (access(allocator->path, R_OK) != 0)
            set_text(&allocator->path, NULL);
    } else {
        allocator->path = cache_find(cache, builtin->soname);
        allocator->remedy = text_format("%s* is not in the dynamic linker's cache; install it with "
                                        "apt-get install %s, or give %s=/path/to/it",
                                        builtin->soname, builtin->package, builtin->name);
    }
}

static struct allocator *registry_add(struct registry *registry)
{
    struct allocator *grown = text_alloc(registry->count + 1, sizeof *grown);

    for (size_t i = 0; i < registry->count; i++)
        grown[i] = registry->at[i];
    free(registry->at);
    registry->at = grown;
    return &grown[registry->count++];
}

static struct allocator *registry_find(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (strcmp(registry->at[i].name, name) == 0)
            return &registry->at[i];
    return NULL;
}

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("._+-", c) != NULL);
}

bool registry_name_is_plain(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!is_plain(*c))
            return false;
    return name[0] != '\0';
}

char *registry_plain_name(const char *text)
{
    char *name = text_copy(text);

    for (char *c = name; *c != '\0'; c++)
        *c = is_plain(*c) ? *c : '-';
    return name;
}

struct reading {
    struct registry *registry;
    const char *file;
    const char *cache;
    struct failure *why;
    bool failed; /* only the first mistake is kept */
};

static int refuse(struct reading *reading, const char *section, const char *what)
{
    if (!reading->failed)
        fail(reading->why, EXIT_USAGE, "%s: [%s] %s", reading->file, section, what);
    reading->failed = true;
    return 0;
}

static int on_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    struct allocator *allocator = registry_find(reading->registry, section);

    if (!registry_name_is_plain(section))
        return refuse(reading, section, "is no name; use letters, digits and . _ + -");
    if (allocator == NULL) {
        allocator = registry_add(reading->registry);
        allocator->name = text_copy(section);
    }
    if (strcmp(key, "path") == 0) {
        set_text(&allocator->path, text_copy(value));
        set_text(&allocator->remedy,
                 text_format("%s (from %s) is not there; correct its path", value, reading->file));
        if (access(value, R_OK) != 0)
            set_text(&allocator->path, NULL);
    } else if (strcmp(key, "soname") == 0) {
        set_text(&allocator->path, cache_find(reading->cache, value));
        set_text(&allocator->remedy, text_format("%s* (from %s) is not in the dynamic linker's "
                                                 "cache; install it or give its path",
                                                 value, reading->file));
    } else if (strcmp(key, "env") == 0) {
        if (strchr(value, '=') == NULL)
            return refuse(reading, section, "env wants NAME=VALUE");
        words_add(&allocator->env, value);
    } else if (strcmp(key, "reference") == 0) {
        allocator->reference = strcmp(value, "yes") == 0;
        if (!allocator->reference && strcmp(value, "no") != 0)
            return refuse(reading, section, "reference wants yes or no");
    } else {
        return refuse(reading, section, "has an unknown key; use path, soname, env or reference");
    }
    return 1;
}

static bool read_file(struct registry *registry, const char *file, const char *cache,
                      struct failure *why)
{
    struct reading reading = {registry, file, cache, why, false};
    int rc = ini_parse(file, on_entry, &reading);

    if (reading.failed)
        return false;
    if (rc < 0)
        return fail(why, EXIT_USAGE, "cannot read the registry %s; give a readable file", file);
    if (rc > 0)
        return fail(why, EXIT_USAGE, "%s:%d: neither [name] nor key = value", file, rc);
    for (size_t i = 0; i < registry->count; i++)
        if (registry->at[i].remedy == NULL)
            return fail(why, EXIT_USAGE, "%s: [%s] has neither path nor soname; add one", file,
                        registry->at[i].name);
    return true;
}

bool registry_open(struct registry *registry, const char *file, struct failure *why)
{
    char *cache = linker_cache();
    bool ok;

    memset(registry, 0, sizeof *registry);
    ok = file == NULL || read_file(registry, file, cache, why);
    for (size_t i = 0; ok && i < BUILTINS; i++)
        if (registry_find(registry, builtins[i].name) == NULL)
            find_builtin(registry_add(registry), &builtins[i], cache);
    free(cache);
    if (!ok)
        registry_close(registry);
    return ok;
}

void registry_close(struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        allocator_free(&registry->at[i]);
    free(registry->at);
    memset(registry, 0, sizeof *registry);
}

static bool known_names(const struct registry *registry, char *list, size_t size_bytes)
{
    size_t len = 0;

    list[0] = '\0';
    for (size_t i = 0; i < registry->count && len < size_bytes; i++)
        len += (size_t)snprintf(list + len, size_bytes - len, "%s%s", i > 0 ? ", " : "",
                                registry->at[i].name);
    return len < size_bytes;
}

static bool check_library(struct allocator *allocator, struct failure *why)
{
    struct elf_file elf;

    if (strpbrk(allocator->path, " :") != NULL)
        return fail(why, EXIT_USAGE,
                    "allocator %s: LD_PRELOAD cannot name '%s', which has a space or a colon; give "
                    "it another path",
                    allocator->name, allocator->path);
    elf_file_read(allocator->path, &elf);
    switch (elf.kind) {
    case ELF_UNREADABLE:
        return fail(why, EXIT_FAILED, "allocator %s: no library at %s; correct the path",
                    allocator->name, allocator->path);
    case ELF_NOT_ELF:
        return fail(why, EXIT_FAILED, "allocator %s: %s is not a shared library; give a .so file",
                    allocator->name, allocator->path);
    case ELF_OTHER_MACHINE:
        return fail(why, EXIT_FAILED,
                    "allocator %s: %s is built for another processor or word size; give this "
                    "machine's build",
                    allocator->name, allocator->path);
    case ELF_USABLE:
        break;
    }
    allocator->build_id = text_copy(elf.build_id);
    return true;
}

static bool resolve_name(const struct registry *registry, const char *name, struct allocator *out,
                         struct failure *why)
{
    const struct allocator *found = registry_find(registry, name);
    char known[512];

    if (found == NULL) {
        known_names(registry, known, sizeof known);
        return fail(why, EXIT_USAGE,
                    "unknown allocator '%s'; use one of %s, or name=/path/to/lib.so", name, known);
    }
    if (found->path == NULL)
        return fail(why, EXIT_FAILED, "allocator %s is missing: %s", name, found->remedy);
    out->path = text_copy(found->path);
    words_add_all(&out->env, found->env.at);
    out->reference = found->reference;
    return true;
}

bool registry_resolve(const struct registry *registry, const char *word, struct allocator *out,
                      struct failure *why)
{
    const char *equals = strchr(word, '=');
    const char *value = equals != NULL ? equals + 1 : word;

    memset(out, 0, sizeof *out);
    out->name = equals != NULL ? text_format("%.*s", (int)(equals - word), word) : text_copy(word);
    if (!registry_name_is_plain(out->name) || value[0] == '\0')
        return fail(why, EXIT_USAGE,
                    "'%s' names no allocator; write name, name=/path/to/lib.so or name=othername",
                    word);
    if (strchr(value, '/') != NULL) {
        /* The preload string is read in another directory's terms only when it is relative. */
        out->path = realpath(value, NULL);
        if (out->path == NULL)
            out->path = text_copy(value);
    } else if (!resolve_name(registry, value, out, why)) {
        return false;
    }
    return check_library(out, why);
}
