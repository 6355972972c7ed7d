/* relink.c: see relink.h. */
#include "allocators/relink.h"

#include "allocators/elf_file.h"
#include "base/chance.h"
#include "base/text.h"
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_TIMEOUT_MS 600000

/* ---- a copy ---- */

static bool copy_bytes(int from, int to)
{
    struct stat status;
    off_t left = fstat(from, &status) == 0 ? status.st_size : -1;

    while (left > 0) {
        ssize_t done = sendfile(to, from, NULL, (size_t)left);

        if (done <= 0)
            return false;
        left -= done;
    }
    return left == 0;
}

static bool copy(const char *library, const char *out, struct failure *why)
{
    int from = open(library, O_RDONLY | O_CLOEXEC);
    int to = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0777);
    bool ok = from >= 0 && to >= 0 && copy_bytes(from, to);
    int error = errno;

    if (from >= 0)
        close(from);
    if (to >= 0 && close(to) != 0)
        ok = false;
    return ok || fail(why, EXIT_USAGE, "cannot copy %s to %s (%s); make room", library, out,
                      strerror(error));
}

/* ---- a build ---- */

static bool build(const char *command, const char *out, const char *name, const char *value,
                  struct failure *why)
{
    char *out_word = text_format("OUT=%s", out), *other = text_format("%s=%s", name, value);
    char *argv[] = {"/bin/sh", "-c", (char *)command, NULL}, *env[] = {out_word, other, NULL};
    struct child_order order = {
        .argv = argv, .env = env, .timeout_ms = BUILD_TIMEOUT_MS, .randomise = true};
    struct elf_file elf;
    struct child child;
    bool ok = child_run(&child, &order, why);

    if (ok && child.fate == FATE_STOPPED)
        ok = fail(why, EXIT_INTERRUPTED, "interrupted while a library was built");
    else if (ok && (child.fate != FATE_EXITED || child.exit != 0 || !elf_file_read(out, &elf)))
        ok = fail(why, EXIT_FAILED,
                  "`%.200s` builds no library (%.200s); mend it, or --rebuild copy", command,
                  text_last_line(child.text[CHILD_ERR]));
    child_free(&child);
    free(out_word);
    free(other);
    return ok;
}

/* The command of a .link file, and its objects. */
static bool read_link(const char *library, struct words *lines, struct failure *why)
{
    char *path = text_format("%s.link", library), *text = text_of_file(path);
    bool ok = text != NULL;

    if (ok) {
        *lines = words_split(text, "\n");
        ok = lines->count > 1;
    }
    free(text);
    if (!ok)
        fail(why, EXIT_USAGE, "%s tells no command and objects; run make, or --rebuild copy", path);
    free(path);
    return ok;
}

/* Links objects order[0 .. count - 1] of the .link file, as they are called from its folder. */
static bool link_objects(const char *library, const struct words *lines, const size_t *order,
                         const char *out, struct failure *why)
{
    const char *slash = strrchr(library, '/');
    int folder_len = slash != NULL ? (int)(slash - library) : 1;
    char *command =
        text_format("cd '%.*s' && %s", folder_len, slash != NULL ? library : ".", lines->at[0]);
    char *objects = text_copy("");
    bool ok;

    for (size_t i = 0; i + 1 < lines->count; i++) {
        char *longer = text_format("%s %s", objects, lines->at[1 + order[i]]);

        free(objects);
        objects = longer;
    }
    ok = build(command, out, "OBJECTS", objects, why);
    free(objects);
    free(command);
    return ok;
}

/* With shuffle false: in their own order, as the library itself was linked. */
static bool link_from(const char *library, bool shuffle, uint64_t seed, const char *out,
                      struct failure *why)
{
    struct chance chance = chance_for(seed, hash_text("link order"), 0);
    struct words lines = {0};
    size_t *order;
    bool ok;

    if (!read_link(library, &lines, why))
        return false;
    order = text_alloc(lines.count, sizeof *order);
    for (size_t i = 0; i + 1 < lines.count; i++)
        order[i] = i;
    if (shuffle)
        chance_permutation(&chance, order, lines.count - 1);
    ok = link_objects(library, &lines, order, out, why);
    free(order);
    words_free(&lines);
    return ok;
}

static bool check_objects(const char *library, const char *trial, struct failure *why)
{
    struct elf_file is, again;
    bool ok = link_from(library, false, 0, trial, why);

    if (ok) {
        elf_file_read(library, &is);
        elf_file_read(trial, &again);
        ok = strcmp(is.build_id, again.build_id) == 0 ||
             fail(why, EXIT_USAGE,
                  "the objects that %s.link names are not those of %s; run make, or --rebuild copy",
                  library, library);
    }
    unlink(trial);
    return ok;
}

bool relink_settle(const char *library, const char *wish, const char *trial, enum second_by *by,
                   struct failure *why)
{
    char *path = text_format("%s.link", library);
    bool has_link = access(path, R_OK) == 0;

    free(path);
    *by = SECOND_COMMAND;
    if (wish == NULL)
        *by = has_link ? SECOND_LINK : SECOND_COPY;
    else if (strcmp(wish, "link") == 0)
        *by = SECOND_LINK;
    else if (strcmp(wish, "copy") == 0)
        *by = SECOND_COPY;
    return *by != SECOND_LINK || check_objects(library, trial, why);
}

bool relink(const char *library, enum second_by by, const char *command, uint64_t seed,
            const char *out, struct failure *why)
{
    char *text;
    bool ok;

    if (by == SECOND_LINK)
        return link_from(library, true, seed, out, why);
    if (by == SECOND_COPY)
        return copy(library, out, why);
    text = text_format("%llu", (unsigned long long)seed);
    ok = build(command, out, "SEED", text, why);
    free(text);
    return ok;
}

static const char *const words[] = {"link", "command", "copy"};

const char *relink_word(enum second_by by)
{
    return words[by];
}

enum second_by relink_by(const char *word)
{
    enum second_by by = SECOND_LINK;

    while (by < SECOND_COPY && strcmp(words[by], word) != 0)
        by++;
    return by;
}

const char *relink_meaning(enum second_by by)
{
    static const char *const meanings[] = {"the same objects, linked in another order",
                                           "built anew by a command",
                                           "a byte-identical copy: what layout does is not seen"};
    return meanings[by];
}
