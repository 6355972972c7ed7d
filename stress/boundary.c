/* boundary.c: every size around every boundary of the size classes, against a class function that
 * is computed here from the documents (sizes.h) and not read from the library.
 *
 * Up to 64 KiB every size (to 1 MiB with --full), beyond that each class and its neighbours, up to
 * 16 MiB (64 MiB with --full): malloc, usable size, calloc, realloc to the classes around, each
 * alignment.
 */
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <string.h>

static const struct doors *door;
static uint64_t step;
static size_t last_usable; /* of the size before: the classes are monotone */

static void *need(void *block, size_t size)
{
    RUN_EXPECT(0, block != NULL, "no memory for %zu bytes (errno %d)", size, errno);
    return block;
}

static void check_class(size_t size, size_t usable)
{
    RUN_EXPECT(0, usable >= size, "%zu bytes have usable size %zu", size, usable);
    if (door->stats == NULL)
        return; /* the classes are ours */
    if (size <= SIZES_LARGE_MAX) {
        RUN_EXPECT(0, usable == sizes_class(size), "%zu bytes have usable size %zu, not %zu", size,
                   usable, sizes_class(size));
    } else {
        RUN_EXPECT(0, usable % SIZES_CHUNK == 0 && usable - size < SIZES_CHUNK,
                   "%zu bytes have usable size %zu, not the next multiple of a chunk", size,
                   usable);
    }
    RUN_EXPECT(0, usable >= last_usable, "%zu bytes have usable size %zu, less than a smaller size",
               size, usable);
    last_usable = usable;
}

static void one_size(size_t size)
{
    size_t offset;
    uint64_t key = mix64(size);
    run_note(0, step++, "size", NULL, size, 0);
    char *a = need(door->malloc(size), size), *b = need(door->malloc(size), size);
    size_t usable = door->usable_size(a);
    check_class(size, usable);
    if (door->stats == NULL)
        usable = size; /* glibc 2.36 with memalign does not survive use of all of it */
    RUN_EXPECT(0, ((uintptr_t)a | (uintptr_t)b) % 16 == 0, "malloc(%zu) is not aligned", size);
    RUN_EXPECT(0, a + usable <= b || b + usable <= a, "%p and %p overlap", (void *)a, (void *)b);
    tag_write(a, usable, key, the_run.full);
    tag_write(b, usable, ~key, the_run.full);
    RUN_EXPECT(0, tag_holds(a, usable, usable, key, the_run.full, &offset),
               "%zu bytes at %p: changed at offset %zu", size, (void *)a, offset);
    door->free(a);
    RUN_EXPECT(0, tag_holds(b, usable, usable, ~key, the_run.full, &offset),
               "%zu bytes at %p: changed at offset %zu by free of another", size, (void *)b,
               offset);
    char *c = need(door->calloc(1, size), size);
    RUN_EXPECT(0, tag_is_zero(c, size, key, the_run.full, &offset),
               "calloc of %zu bytes: not zero at offset %zu", size, offset);
    door->free_sized(c, size);
    door->free(b);
}

static void move_to(size_t from, size_t to)
{
    size_t offset, kept = from < to ? from : to;
    uint64_t key = mix64(from ^ mix64(to));
    run_note(0, step++, "realloc", NULL, from, to);
    char *block = need(door->malloc(from), from);
    tag_write(block, from, key, the_run.full);
    block = need(door->realloc(block, to), to);
    RUN_EXPECT(0, door->usable_size(block) >= to, "realloc to %zu gave %zu usable bytes", to,
               door->usable_size(block));
    RUN_EXPECT(0, tag_holds(block, from, kept, key, the_run.full, &offset),
               "realloc from %zu to %zu bytes lost the contents at offset %zu", from, to, offset);
    door->free(block);
}

static void one_boundary(size_t size)
{
    size_t next = sizes_next_class(size), twice = sizes_class(2 * size);
    for (int delta = -2; delta <= 2; delta++) {
        size_t around = size + (size_t)delta;
        one_size(around);
        move_to(around, next);
        move_to(next, around);
        move_to(around, twice);
        move_to(twice, around);
        move_to(around, around / 2 + 1);
    }
}

static void one_alignment(size_t alignment, size_t size)
{
    size_t offset;
    run_note(0, step++, "memalign", NULL, alignment, size);
    char *block = need(door->memalign(alignment, size), size);
    RUN_EXPECT(0, (uintptr_t)block % alignment == 0, "memalign(%zu, %zu) gave %p", alignment, size,
               (void *)block);
    RUN_EXPECT(0, door->usable_size(block) >= size, "memalign(%zu, %zu) has usable size %zu",
               alignment, size, door->usable_size(block));
    tag_write(block, size, alignment, the_run.full);
    block = need(door->realloc(block, size + size / 2 + 1), size);
    RUN_EXPECT(0, tag_holds(block, size, size, alignment, the_run.full, &offset),
               "realloc after memalign(%zu, %zu) lost the contents at offset %zu", alignment, size,
               offset);
    door->free(block);
}

static int run_boundary(struct run *run)
{
    size_t top = run->full ? 64 << 20 : 16 << 20, every = run->full ? 1 << 20 : 64 << 10;
    door = run->door;
    door->free(door->malloc(1));
    struct ashlar_stats before = doors_stats(door);
    for (size_t size = 0; size <= every; size++)
        one_size(size);
    for (size_t size = 16; size <= top; size = sizes_next_class(size)) {
        last_usable = 0;
        one_boundary(size);
        for (unsigned lg = 0; lg <= 22; lg++)
            one_alignment((size_t)1 << lg, size);
    }
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    struct ashlar_stats after = doors_stats(door);
    RUN_EXPECT(0, after.allocated_bytes == before.allocated_bytes,
               "allocated was %zu bytes at the start and is %zu after the last free",
               before.allocated_bytes, after.allocated_bytes);
    atomic_store(&run->operations, step);
    return RUN_PASS;
}

const struct scenario scenario_boundary = {
    .name = "boundary",
    .summary = "every size class and its neighbours, against a class function computed apart",
    .default_secs = 60,
    .default_threads = 1,
    .run = run_boundary,
};
