/* store.h: a run on disk. results/STAMP/samples.jsonl, append-only, one JSON object a line.
 *
 *     {"type":"plan", ...}                     written first
 *     {"type":"null", ...}                     the price of the bare loop, one a cell and allocator
 *     {"type":"sample", ...} x allocators      one block: written at once, then fsync
 *     {"type":"memory", ...}                   a curve, one a cell, allocator and memory block
 *     {"type":"count", ...}                    instructions, one a cell and allocator
 *     {"type":"end", ...}                      only when nothing is missing
 *
 * A run that was cut off holds whole blocks and at most one torn line at its end, because a block
 * is one write. Without an end line it is not complete, whatever it holds. While a run goes on its
 * file is locked, so that no second one appends to it.
 */
#ifndef ASHLAR_RUN_STORE_H
#define ASHLAR_RUN_STORE_H

#include "base/failure.h"

#include <jansson.h>
#include <stddef.h>

#define STORE_SAMPLES "samples.jsonl"

struct store {
    char *dir;  /* results/STAMP */
    char *path; /* of its file */
    int fd;     /* -1 when closed */
};

/* Whether a run could be stored below `results`; leaves nothing behind. */
bool store_check(const char *results, struct failure *why);

/* Makes the run's directory below `results` and opens its empty file. */
bool store_create(struct store *store, const char *results, struct failure *why);

/* The same with results/PREFIX-and-STAMP/FILE: other books of the same kind (`ashlar aa`). */
bool store_create_as(struct store *store, const char *results, const char *prefix, const char *file,
                     struct failure *why);
bool store_reopen_as(struct store *store, const char *dir, const char *file, json_t **lines,
                     long **offsets, struct failure *why);

/* Opens the file of an interrupted run and gives all its lines, the torn one left out. Offsets of
 * the lines' beginnings are in `offsets` (one more than lines: the end of the last), on the heap.
 */
bool store_reopen(struct store *store, const char *dir, json_t **lines, long **offsets,
                  struct failure *why);

/* Cuts the file off at an offset of store_reopen. */
bool store_cut(struct store *store, long offset, struct failure *why);

/* Appends an array of objects in one write, and waits until the disk has them. */
bool store_append(struct store *store, const json_t *lines, struct failure *why);

/* Appends one object, whose reference it takes. */
bool store_append_one(struct store *store, json_t *line, struct failure *why);

/* Points results/latest to this run. */
bool store_publish(const struct store *store, struct failure *why);

void store_close(struct store *store);

#endif
