/* layout.c: the book of live blocks. See layout.h. */
#include "layout.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include "book.h"
#include "prng.h"
#include "say.h"

#define LINE_SHIFT 6
#define PAGE_SHIFT 12
#define RANGE_SHIFT 21

/* Numbers by number: open addressing, linear probing, at most half full. */
struct map {
    struct cell {
        uint64_t key; /* plus one, so that 0 is an empty cell */
        uint64_t value;
    } * cells;
    size_t len;   /* a power of two; 0 before the first use */
    size_t count; /* cells in use */
};

/* Live bytes of each unit of 1 << shift bytes that is not wholly inside one block. */
struct grid {
    struct map map;
    unsigned shift;
    struct layout_units *units; /* those of `now` that it keeps up */
};

/* A live block. It is in the lists of its first and of its last line, if these are two. */
struct record {
    uintptr_t block;
    uint64_t size_bytes;
    uint64_t usable_bytes;
    unsigned thread;  /* that allocated it */
    bool shares;      /* counted in nsharing */
    uint32_t next[2]; /* in the list of the first line and of the last; see struct books */
};

static struct books {
    pthread_mutex_t lock;
    struct heap under;      /* the allocator under test */
    bool usable_known;      /* see layout_usable_known */
    struct record *records; /* number 0 is nobody */
    uint32_t nrecords;      /* ever used, with number 0 */
    uint32_t spare;         /* list of those not in use, by next[0] */
    struct map blocks;      /* address -> number of its record */
    struct map lines;       /* number of a line -> head of its list: 2 * record + side, 0 ends it */
    struct grid pages, ranges;
    struct layout now, peak;
} books = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Enough for any run that fits into memory: 2^26 blocks of which each costs 16 bytes or more. Only
 * what is used becomes resident. */
#define RECORDS_MAX ((uint32_t)1 << 26)

static _Thread_local unsigned this_thread;

/* The cell of a key, or the empty one where it would be. */
static struct cell *map_find(const struct map *map, uint64_t key)
{
    uint64_t hash = key;
    size_t at = splitmix64(&hash) & (map->len - 1);
    while (map->cells[at].key != 0 && map->cells[at].key != key + 1) {
        at = (at + 1) & (map->len - 1);
    }
    return &map->cells[at];
}

static void map_grow(struct map *map)
{
    const struct map old = *map;
    map->len = old.len == 0 ? (size_t)1 << 12 : 2 * old.len;
    map->cells = book_reserve(map->len * sizeof *map->cells);
    for (size_t i = 0; i < old.len; i++) {
        if (old.cells[i].key != 0) {
            *map_find(map, old.cells[i].key - 1) = old.cells[i];
        }
    }
}

/* The value of a key, 0 where it is new. Valid until the next call for this map. */
static uint64_t *map_value(struct map *map, uint64_t key)
{
    if (2 * (map->count + 1) > map->len) {
        map_grow(map);
    }
    struct cell *cell = map_find(map, key);
    if (cell->key == 0) {
        *cell = (struct cell){key + 1, 0};
        map->count++;
    }
    return &cell->value;
}

/* Takes a key out that is there, and moves later ones up so that no probe ends at the gap. */
static void map_remove(struct map *map, uint64_t key)
{
    const size_t mask = map->len - 1;
    size_t hole = (size_t)(map_find(map, key) - map->cells);
    for (size_t at = (hole + 1) & mask; map->cells[at].key != 0; at = (at + 1) & mask) {
        uint64_t hash = map->cells[at].key - 1;
        const size_t home = splitmix64(&hash) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->cells[hole] = map->cells[at];
            hole = at;
        }
    }
    map->cells[hole] = (struct cell){0, 0};
    map->count--;
}

static bool is_dense(const struct grid *grid, uint64_t bytes)
{
    return bytes * 10 > (uint64_t)9 << grid->shift;
}

/* Adds live bytes to one unit, or takes them away. */
static void grid_change_unit(struct grid *grid, uint64_t unit, uint64_t bytes, bool comes)
{
    uint64_t *value = map_value(&grid->map, unit);
    const uint64_t before = *value;
    const uint64_t after = comes ? before + bytes : before - bytes;
    if (after > (uint64_t)1 << grid->shift) {
        die(EXIT_INTEGRITY, "live blocks overlap: the %zu bytes at %#llx hold %llu live ones",
            (size_t)1 << grid->shift, (unsigned long long)(unit << grid->shift),
            (unsigned long long)after);
    }
    *value = after;
    grid->units->nlive += (uint64_t)(after > 0) - (before > 0);
    grid->units->ndense += (uint64_t)is_dense(grid, after) - is_dense(grid, before);
    if (after == 0) {
        map_remove(&grid->map, unit);
    }
}

/* A block of `bytes` comes or goes. The units between its first and its last are all its own. */
static void grid_change(struct grid *grid, uint64_t start, uint64_t bytes, bool comes)
{
    const uint64_t end = start + bytes;
    const uint64_t first = start >> grid->shift;
    const uint64_t last = (end - 1) >> grid->shift;
    if (first == last) {
        grid_change_unit(grid, first, bytes, comes);
        return;
    }
    grid_change_unit(grid, first, ((first + 1) << grid->shift) - start, comes);
    grid_change_unit(grid, last, end - (last << grid->shift), comes);
    const uint64_t between = last - first - 1;
    grid->units->nlive += comes ? between : -between;
    grid->units->ndense += comes ? between : -between;
}

/* What a block covers: a block of no bytes has an address all the same. */
static uint64_t extent_of(const struct record *record)
{
    return record->size_bytes > 0 ? record->size_bytes : 1;
}

static uint64_t line_of(const struct record *record, unsigned side)
{
    return (record->block + (side == 0 ? 0 : extent_of(record) - 1)) >> LINE_SHIFT;
}

/* In how many lists a record is. */
static unsigned sides_of(const struct record *record)
{
    return line_of(record, 0) == line_of(record, 1) ? 1 : 2;
}

static struct record *at_link(uint64_t link)
{
    return &books.records[link / 2];
}

static bool line_has_other_thread(uint64_t line, unsigned thread)
{
    for (uint64_t link = *map_value(&books.lines, line); link != 0;
         link = at_link(link)->next[link % 2]) {
        if (at_link(link)->thread != thread) {
            return true;
        }
    }
    return false;
}

/* Looks again which blocks of a line share. There are few: none can be in the inside of another. */
static void line_refresh(uint64_t line)
{
    for (uint64_t link = *map_value(&books.lines, line); link != 0;
         link = at_link(link)->next[link % 2]) {
        struct record *record = at_link(link);
        const bool shares = line_has_other_thread(line_of(record, 0), record->thread) ||
                            line_has_other_thread(line_of(record, 1), record->thread);
        books.now.nsharing += (uint64_t)shares - record->shares;
        record->shares = shares;
    }
}

static void lines_add(uint32_t number)
{
    struct record *record = &books.records[number];
    for (unsigned side = 0; side < sides_of(record); side++) {
        uint64_t *head = map_value(&books.lines, line_of(record, side));
        record->next[side] = (uint32_t)*head;
        *head = 2 * (uint64_t)number + side;
    }
    for (unsigned side = 0; side < sides_of(record); side++) {
        line_refresh(line_of(record, side));
    }
}

static void line_unlink(uint32_t number, unsigned side)
{
    const uint64_t line = line_of(&books.records[number], side);
    const uint64_t gone = 2 * (uint64_t)number + side;
    uint64_t *head = map_value(&books.lines, line);
    const uint32_t after = books.records[number].next[side];
    if (*head == gone) {
        *head = after;
    } else {
        uint64_t link = *head;
        while (at_link(link)->next[link % 2] != gone) {
            link = at_link(link)->next[link % 2];
        }
        at_link(link)->next[link % 2] = after;
    }
    if (*head == 0) {
        map_remove(&books.lines, line);
    } else {
        line_refresh(line);
    }
}

static uint32_t record_new(void)
{
    const uint32_t number = books.spare != 0 ? books.spare : books.nrecords++;
    if (number == RECORDS_MAX) {
        die(EXIT_MEMORY, "--layout: more than %u blocks are live; ask for fewer", RECORDS_MAX);
    }
    books.spare = books.spare != 0 ? books.records[number].next[0] : 0;
    return number;
}

/* Adds the record's block to all counts, or takes it away. */
static void count_block(const struct record *record, bool comes)
{
    struct layout *now = &books.now;
    now->nblocks += comes ? 1 : (uint64_t)-1;
    now->live_bytes += comes ? record->size_bytes : -record->size_bytes;
    now->usable_bytes += comes ? record->usable_bytes : -record->usable_bytes;
    grid_change(&books.pages, record->block, extent_of(record), comes);
    grid_change(&books.ranges, record->block, extent_of(record), comes);
}

static uint64_t usable_of(void *block, size_t size_bytes)
{
    if (!books.usable_known) {
        return 0;
    }
    const size_t usable = malloc_usable_size(block);
    if (usable < size_bytes) {
        die(EXIT_INTEGRITY, "malloc_usable_size says %zu for block %p of %zu bytes", usable, block,
            size_bytes);
    }
    return usable;
}

/* The calling thread has got a block. */
static void note_new(void *block, size_t size_bytes)
{
    if (block == NULL) {
        return;
    }
    pthread_mutex_lock(&books.lock);
    uint64_t *known = map_value(&books.blocks, (uintptr_t)block);
    if (*known != 0) {
        die(EXIT_INTEGRITY, "block %p of %zu bytes was handed out while it is live, with %llu",
            block, size_bytes, (unsigned long long)books.records[*known].size_bytes);
    }
    const uint32_t number = record_new();
    *known = number;
    books.records[number] = (struct record){.block = (uintptr_t)block,
                                            .size_bytes = size_bytes,
                                            .usable_bytes = usable_of(block, size_bytes),
                                            .thread = this_thread};
    lines_add(number);
    count_block(&books.records[number], true);
    if (books.now.live_bytes > books.peak.live_bytes) {
        books.peak = books.now;
    }
    pthread_mutex_unlock(&books.lock);
}

/* A block is about to be given back: from then on another thread may get its address. Returns its
 * size. */
static size_t note_end(void *block)
{
    if (block == NULL) {
        return 0;
    }
    pthread_mutex_lock(&books.lock);
    const uint32_t number = (uint32_t)*map_value(&books.blocks, (uintptr_t)block);
    if (number == 0) {
        die(EXIT_INTEGRITY, "block %p is freed, but is not live", block);
    }
    struct record *record = &books.records[number];
    map_remove(&books.blocks, (uintptr_t)block);
    for (unsigned side = 0; side < sides_of(record); side++) {
        line_unlink(number, side);
    }
    books.now.nsharing -= record->shares;
    count_block(record, false);
    const size_t size_bytes = record->size_bytes;
    record->next[0] = books.spare;
    books.spare = number;
    pthread_mutex_unlock(&books.lock);
    return size_bytes;
}

static void *layout_alloc(size_t size_bytes)
{
    void *block = books.under.alloc(size_bytes);
    note_new(block, size_bytes);
    return block;
}

static void layout_release(void *block)
{
    note_end(block);
    books.under.release(block);
}

static void layout_release_sized(void *block, size_t size_bytes)
{
    note_end(block);
    /* Looked up here and not before, because a look-up that fails allocates. Who calls this has
     * seen that the door is there. */
    struct heap under = books.under;
    (void)heap_add_sized(&under);
    under.release_sized(block, size_bytes);
}

static void *layout_alloc_zeroed(size_t count, size_t size_bytes)
{
    void *block = books.under.alloc_zeroed(count, size_bytes);
    note_new(block, count * size_bytes);
    return block;
}

/* The block that did not grow is still there, and comes back into the book. */
static void *layout_resize(void *block, size_t size_bytes)
{
    const size_t old_bytes = note_end(block);
    void *resized = books.under.resize(block, size_bytes);
    if (resized != NULL) {
        note_new(resized, size_bytes);
    } else {
        note_new(block, old_bytes);
    }
    return resized;
}

static int layout_alloc_posix(void **block, size_t alignment_bytes, size_t size_bytes)
{
    const int error = books.under.alloc_posix(block, alignment_bytes, size_bytes);
    if (error == 0) {
        note_new(*block, size_bytes);
    }
    return error;
}

static void *layout_alloc_aligned(size_t alignment_bytes, size_t size_bytes)
{
    void *block = books.under.alloc_aligned(alignment_bytes, size_bytes);
    note_new(block, size_bytes);
    return block;
}

const struct heap heap_layout = {
    .alloc = layout_alloc,
    .release = layout_release,
    .release_sized = layout_release_sized,
    .alloc_zeroed = layout_alloc_zeroed,
    .resize = layout_resize,
    .alloc_posix = layout_alloc_posix,
    .alloc_aligned = layout_alloc_aligned,
};

/* The object that exports a name to this program; NULL when none does. */
static const void *exporter_of(const char *name)
{
    const void *door = dlsym(RTLD_DEFAULT, name);
    Dl_info info;
    return door != NULL && dladdr(door, &info) != 0 ? info.dli_fbase : NULL;
}

void layout_begin(void)
{
    const void *owner = exporter_of("malloc");
    books.usable_known = owner != NULL && owner == exporter_of("malloc_usable_size");
    books.under = heap_system;
    books.records = book_reserve(RECORDS_MAX * sizeof *books.records);
    books.nrecords = 1;
    books.pages = (struct grid){.shift = PAGE_SHIFT, .units = &books.now.pages};
    books.ranges = (struct grid){.shift = RANGE_SHIFT, .units = &books.now.ranges};
}

void layout_enter(unsigned thread)
{
    this_thread = thread;
}

const struct layout *layout_peak(void)
{
    return &books.peak;
}

bool layout_usable_known(void)
{
    return books.usable_known;
}
