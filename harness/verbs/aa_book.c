/* aa_book.c: see aa_book.h. */
#include "verbs/aa_book.h"

#include "allocators/elf_file.h"
#include "base/member.h"
#include "judge/aa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOOK "aa.jsonl"

/* The command judges, so another build of it is another harness. */
#define SELF "/proc/self/exe"

static json_t *build_of(const char *path)
{
    struct elf_file elf;

    elf_file_read(path, &elf);
    return json_pack("{s:s,s:s}", "path", path, "build_id", elf.build_id);
}

/* In blocks. */
static json_int_t last_look(const struct plan *plan)
{
    const json_t *looks = json_object_get(plan->gate, "looks");
    const json_t *last = json_array_get(looks, json_array_size(looks) - 1);

    return json_integer_value(json_object_get(last, "blocks"));
}

static json_t *plan_line(const struct aa *aa, const json_t *plants)
{
    const struct allocator *library = &aa->rehearsal.allocators[0];
    json_t *self = build_of(SELF);
    json_t *planted = aa->planted != NULL ? build_of(aa->planted) : json_null();

    return json_pack("{s:s,s:s,s:I,s:o,s:{s:s,s:s,s:s?},s:o,s:{s:o,s:o},s:o,s:O,s:I,s:o}", "type",
                     "plan", "schema", AA_SCHEMA, "seed", (json_int_t)aa->seed, "library",
                     build_of(library->path), "second", "by", relink_word(aa->second), "how",
                     relink_meaning(aa->second), "command", aa->command, "harness", self, "words",
                     "run", words_to_json(&aa->run_words), "gate", words_to_json(&aa->gate_words),
                     "planted", planted, "plants", (json_t *)plants, "max_blocks",
                     last_look(&aa->rehearsal), "rehearsal", plan_to_json(&aa->rehearsal));
}

static bool settle_dir(struct aa *aa, struct failure *why)
{
    aa->dir = realpath(aa->store.dir, NULL);
    return aa->dir != NULL || fail(why, EXIT_USAGE, "%s is gone; begin anew", aa->store.dir);
}

bool aa_book_begin(struct aa *aa, const char *results, const json_t *plants, struct failure *why)
{
    aa->lines = json_array();
    return store_create_as(&aa->store, results, "aa-", BOOK, why) && settle_dir(aa, why) &&
           aa_book_note(aa, plan_line(aa, plants), why);
}

/* ---- an earlier one ---- */

static bool still_holds(struct aa *aa, const json_t *plan, struct failure *why)
{
    const json_t *planted = json_object_get(plan, "planted");

    return plan_still_holds(&aa->rehearsal, why) &&
           plan_same_build("ashlar", SELF,
                           member_text(json_object_get(plan, "harness"), "build_id"), why) &&
           (json_is_null(planted) ||
            plan_same_build("the planted library", member_text(planted, "path"),
                            member_text(planted, "build_id"), why));
}

static bool read_plan(struct aa *aa, struct failure *why)
{
    const json_t *plan = json_array_get(aa->lines, 0);
    const json_t *second = json_object_get(plan, "second");
    const json_t *words = json_object_get(plan, "words");
    const json_t *planted = json_object_get(plan, "planted");

    if (strcmp(member_text(plan, "schema"), AA_SCHEMA) != 0)
        return fail(why, EXIT_USAGE, "%s does not begin with a plan of schema %s; begin anew",
                    aa->store.path, AA_SCHEMA);
    aa->seed = (uint64_t)json_integer_value(json_object_get(plan, "seed"));
    aa->second = relink_by(member_text(second, "by"));
    if (json_is_string(json_object_get(second, "command")))
        aa->command = text_copy(member_text(second, "command"));
    if (json_is_object(planted))
        aa->planted = text_copy(member_text(planted, "path"));
    aa->run_words = words_of_json(json_object_get(words, "run"));
    aa->gate_words = words_of_json(json_object_get(words, "gate"));
    return plan_from_json(&aa->rehearsal, json_object_get(plan, "rehearsal"), aa->store.path,
                          why) &&
           still_holds(aa, plan, why);
}

bool aa_book_resume(struct aa *aa, const char *dir, struct failure *why)
{
    char *path = text_format("%s/%s", dir, BOOK);
    long *offsets = NULL;
    bool ok =
        access(path, R_OK) == 0 ||
        fail(why, EXIT_USAGE, "%s holds no %s; give a directory that `ashlar aa` made", dir, BOOK);

    free(path);
    ok = ok && store_reopen_as(&aa->store, dir, BOOK, &aa->lines, &offsets, why) &&
         store_cut(&aa->store, offsets[json_array_size(aa->lines)], why) && settle_dir(aa, why) &&
         read_plan(aa, why);
    free(offsets);
    return ok;
}

bool aa_book_note(struct aa *aa, json_t *line, struct failure *why)
{
    json_array_append(aa->lines, line);
    return store_append_one(&aa->store, line, why);
}

/* ---- what has ended ---- */

static const json_t *find(const struct aa *aa, const char *type, const char *kind, double size,
                          const char *key, uint64_t number)
{
    const json_t *line;
    size_t i;

    json_array_foreach(aa->lines, i, line)
    {
        if (strcmp(member_text(line, "type"), type) == 0 &&
            (kind == NULL || strcmp(member_text(line, "kind"), kind) == 0) &&
            (size == 0 || member_number(line, "size") == size) &&
            (uint64_t)json_integer_value(json_object_get(line, key)) == number)
            return line;
    }
    return NULL;
}

const json_t *aa_book_verdict(const struct aa *aa, uint64_t n)
{
    return find(aa, "verdict", NULL, 0, "n", n);
}

const json_t *aa_book_calibration(const struct aa *aa, const char *kind, uint64_t step)
{
    return find(aa, "calibration", kind, 0, "step", step);
}

const json_t *aa_book_trial(const struct aa *aa, const char *kind, double size, uint64_t k)
{
    return find(aa, "trial", kind, size, "k", k);
}

const json_t *aa_book_plants(const struct aa *aa)
{
    return json_object_get(json_array_get(aa->lines, 0), "plants");
}

void aa_book_close(struct aa *aa)
{
    store_close(&aa->store);
    plan_close(&aa->rehearsal);
    words_free(&aa->run_words);
    words_free(&aa->gate_words);
    json_decref(aa->lines);
    free(aa->dir);
    free(aa->command);
    free(aa->planted);
    memset(aa, 0, sizeof *aa);
    aa->store.fd = -1;
}
