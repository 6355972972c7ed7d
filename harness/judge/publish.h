/* publish.h: files that are whole or absent. Each is written beside its place and renamed into it
 * only when all of them are complete on disk.
 *
 *     .summary.json.tmp   written, fsync'd   \
 *     .report.md.tmp      written, fsync'd    >  then rename, rename, rename, in the list's order
 *     .report.html.tmp    written, fsync'd   /
 */
#ifndef ASHLAR_JUDGE_PUBLISH_H
#define ASHLAR_JUDGE_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes one file's content to out; false without memory (a failing disk is seen by publish
 * itself). */
typedef bool publish_writer(FILE *out, void *context);

struct publication {
    const char *name;      /* in the folder */
    publish_writer *write; /* its content */
};

/* Publishes list[n] into folder dir. False and one line in err that names the file: nothing was
 * renamed unless renaming itself failed half way, and then every file present is whole. */
bool publish_all(const char *dir, const struct publication *list, size_t n, void *context,
                 char *err, size_t err_size);

#endif
