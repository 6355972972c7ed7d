/* picture.c: ashlar_picture() prints the heap, a character a page.
 *
 *     HHHHHHHHHHHHHHHHHHHabbbc.......,,,,,,,    header, small runs, free dirty, free clean
 *
 * Arenas, chunks and pages come by their order of birth, so the same operations print the same picture
 * on every run.
 */
#include "../include/ashlar/ashlar.h"
#include "../heap/arena.h"
#include "../util/diag.h"

#include <string.h>

#define PAGES_A_LINE 64

/* Small runs are a letter by size: a to t the classes to 1 KiB, then u to y a doubling each. */
static char small_letter(unsigned class)
{
    return (char)(class < 20 ? 'a' + (char)class : 'u' + (char)((class - 20) / 8));
}

static char page_letter(const struct run *run, unsigned page)
{
    if (run->kind == RUN_CLEAN) {
        return '.';
    }
    if (run->kind == RUN_DIRTY) {
        return ',';
    }
    switch (page_word_state(page_word(run_addr(run)))) {
    case PAGE_SMALL:
        return small_letter(run->class);
    case PAGE_LARGE:
    case PAGE_LARGE_APART:
        return page == run->page ? 'L' : '-';
    case PAGE_LARGE_CACHED:
        return page == run->page ? 'C' : '-';
    case PAGE_SAMPLED:
        return page == run->page ? 'S' : '-';
    case PAGE_NONE:
        break;
    }
    return '?';
}

static void print_lines(int fd, const char *pages, unsigned npages)
{
    char previous[PAGES_A_LINE + 1] = "", line[PAGES_A_LINE + 1];
    unsigned same = 0;
    for (unsigned page = 0; page < npages; page += PAGES_A_LINE) {
        memcpy(line, pages + page, PAGES_A_LINE);
        line[PAGES_A_LINE] = '\0';
        if (strcmp(line, previous) == 0) {
            same++;
            continue;
        }
        if (same) {
            diag_print(fd, "           (%u more such lines)\n", (uint64_t)same);
        }
        same = 0;
        diag_print(fd, "  %s%u  %s\n", page < 10 ? "    " : page < 100 ? "   " : page < 1000 ? "  " : " ",
                   (uint64_t)page, line);
        memcpy(previous, line, sizeof line);
    }
    if (same) {
        diag_print(fd, "           (%u more such lines)\n", (uint64_t)same);
    }
}

static void print_chunk(int fd, const struct chunk *chunk)
{
    char pages[CHUNK_PAGES];
    memset(pages, 'H', HEADER_PAGES);
    for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES;) {
        const struct run *run = run_of_page((uintptr_t)chunk + ((uintptr_t)page << LG_PAGE));
        for (unsigned i = 0; i < run->npages; i++, page++) {
            pages[page] = page_letter(run, page);
        }
    }
    diag_print(fd, "chunk %u, %u of %u pages free\n", chunk->serial, (uint64_t)chunk->pages_free,
               (uint64_t)USABLE_PAGES);
    print_lines(fd, pages, CHUNK_PAGES);
}

struct drawn {
    int fd;
    uint64_t reserve;    /* the one that the last extent was of; 0: none was drawn */
    struct extents *set; /* likewise, of its own hooks */
};

/* Begins a line where another reserve, or the chunks of another arena's hooks, begin. */
static void begin_line(struct drawn *d, const struct extent *e)
{
    uint64_t reserve = e->birth >> BIRTH_INDEX_BITS;
    if (e->set->hooked ? e->set == d->set : reserve == d->reserve) {
        return;
    }
    diag_print(d->fd, "%s", d->reserve || d->set ? "\n" : "");
    if (e->set->hooked) {
        d->set = e->set;
        diag_print(d->fd, "hooks of arena %u, by address:", (uint64_t)e->set->hooked_arena);
    } else {
        d->reserve = reserve;
        diag_print(d->fd, "reserve %u, by address:", reserve);
    }
}

static void print_extent(const struct extent *e, void *context)
{
    struct drawn *d = context;
    begin_line(d, e);
    bool runs = chunk_kind_at(e->addr) == CHUNK_RUNS;
    const char *kind = e->state == EXTENT_LIVE    ? (runs ? "runs" : "huge")
                       : e->state == EXTENT_DIRTY ? "free dirty"
                                                  : "free clean";
    diag_print(d->fd, " [%s %u]", kind, (uint64_t)e->nchunks);
}

__attribute__((visibility("default"))) void ashlar_picture(int fd)
{
    struct drawn d = {.fd = fd};
    diag_print(fd, "H header   a-t small run of size class 16, 32, ... 1024   u-y to 2, 4, 8, 16, 32 KiB\n"
                   "L- large block   C- cached   S- sampled\n"
                   ". free, clean (reads as zero)   , free, dirty (still backed)\n\n");
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        if (!arena) {
            continue;
        }
        struct pool *pool = &arena->pool;
        pool_enter(pool);
        diag_print(fd, "arena %u, %u chunk(s)\n", (uint64_t)i, (uint64_t)count_read(&pool->nchunks));
        for (struct list_node *n = pool->chunks.next; n != &pool->chunks; n = n->next) {
            print_chunk(fd, CONTAINER_OF(n, struct chunk, link));
        }
        pool_leave(pool);
    }
    diag_print(fd, "\n");
    extent_each(print_extent, &d);
    diag_print(fd, "\n");
}
