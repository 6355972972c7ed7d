/* thread.c: see thread.h. */
#include "thread.h"
#include "../os/base.h"
#include "../os/process.h"
#include "../util/conf.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct mutex threads_lock;
/* Under the lock: */
static struct list_node caches = {&caches, &caches};
static struct tcache *spare; /* of ended threads, linked by link.next */
static unsigned ncaches;
static unsigned nexplicit; /* of which explicit */
static uint32_t list_epoch; /* process epoch that the list is of */
static uint64_t past_mallocs, past_frees; /* of ended threads */

static _Atomic uint64_t direct_mallocs, direct_frees; /* of threads without a cache */

static pthread_key_t key;
static bool key_made;
static THREAD_LOCAL bool exited; /* the destructor has run */

/* The cache of the thread, or NULL. tcache_self names it too, unless it is hidden. */
static THREAD_LOCAL struct tcache *mine;
enum wish { WISH_NONE, WISH_ON, WISH_OFF };
static THREAD_LOCAL enum wish wish; /* for a cache, by thread_cache_enable */

THREAD_LOCAL bool thread_watched;
static THREAD_LOCAL struct thread_bytes watch;         /* valid while watched */
static THREAD_LOCAL struct thread_bytes without_cache; /* of the thread while it had none */
static THREAD_LOCAL struct arena *bound;   /* without a cache: the arena that it was bound to */
static THREAD_LOCAL uint32_t bound_epoch;  /* of the process when it was counted there */
static _Atomic(struct arena *) shared_arena; /* of threads without a cache */

static void enter(void)
{
    bool whole = mutex_lock(&threads_lock);
    uint32_t epoch = process_epoch();
    if (!whole || list_epoch != epoch) {
        /* A child: only the thread that forked is left, and links itself again when it next comes by.
         * What the others' caches held is lost to us, and their caches with it. */
        list_epoch = epoch;
        list_init(&caches);
        spare = NULL;
        ncaches = nexplicit = 0;
    }
}

/* The lock is held. */
static void link_cache(struct tcache *tc)
{
    tc->epoch = list_epoch;
    list_push_last(&caches, &tc->link);
    ncaches++;
    nexplicit += tc->is_explicit;
}

static void leave(void)
{
    tcache_set_threads(ncaches);
    mutex_unlock(&threads_lock);
}

/* Adds up one class of a cache whose thread may be running. No inline function is called: those would
 * bring the thread sanitizer's eyes along. */
static RACY void add_class_totals(const struct tcache *tc, unsigned class, size_t class_bytes,
                                  struct thread_totals *t)
{
    const struct tcache_bin *bin = &tc->bins[class];
    const struct tcache_bin_cold *cold = &tc->cold[class];
    uint32_t npop = bin->npop, credit = bin->credit, length = bin->base - credit - npop;
    t->mallocs += cold->pops + (uint32_t)(npop - cold->npop_seen);
    t->frees += cold->granted - credit;
    *(class < SMALL_CLASSES ? &t->small_cached_bytes : &t->large_cached_bytes) +=
        (int32_t)length > 0 ? length * class_bytes : 0;
}

static RACY void add_direct_totals(const struct tcache *tc, struct thread_totals *t)
{
    t->mallocs += tc->direct_mallocs;
    t->frees += tc->direct_frees;
}

static void add_cache_totals(const struct tcache *tc, struct thread_totals *t)
{
    add_direct_totals(tc, t);
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        add_class_totals(tc, class, size_class_bytes(class), t);
    }
}

/* Bytes that went through the stacks of the calling thread's own cache, or past them. */
static struct thread_bytes cache_bytes(const struct tcache *tc)
{
    struct thread_bytes b = {tc->direct_malloc_bytes, tc->direct_free_bytes};
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        struct thread_totals t = {0};
        size_t size = size_class_bytes(class);
        add_class_totals(tc, class, size, &t);
        b.allocated += t.mallocs * size;
        b.deallocated += t.frees * size;
    }
    return b;
}

COLD struct thread_bytes thread_bytes(void)
{
    struct thread_bytes b = without_cache;
    if (mine) {
        struct thread_bytes cached = cache_bytes(mine);
        b.allocated += cached.allocated;
        b.deallocated += cached.deallocated;
    }
    return b;
}

COLD void thread_update_watch(void)
{
    watch = thread_bytes();
}

static bool is_off(void)
{
    return wish == WISH_NONE ? !conf.tcache : wish == WISH_OFF;
}

/* Shows the cache to the fast paths, or hides it. */
static void show_or_hide(void)
{
    bool hidden = !mine || is_off() || thread_watched || conf.zero || conf.junk != JUNK_NONE;
    tcache_self = hidden ? (struct tcache *)(uintptr_t)&tcache_none : mine;
}

/* Requests that a cache has counted, per class. */
static uint64_t requests_of(const struct tcache *tc, unsigned class)
{
    struct thread_totals t = {0};
    add_class_totals(tc, class, 0, &t);
    return t.mallocs;
}

/* What its arena keeps of a cache that ends. */
static void keep_requests(const struct tcache *tc)
{
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        arena_count_requests(tc->arena, class, requests_of(tc, class));
    }
}

/* The thread's cache is filled from another arena from now on. What it counted so far stays with the arena
 * before: the new one counts it off (modulo 2^64), for it is told with the cache. */
static void change_arena(struct tcache *tc, struct arena *arena)
{
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        uint64_t n = requests_of(tc, class);
        arena_count_requests(tc->arena, class, n);
        arena_count_requests(arena, class, -n);
    }
    tc->arena = arena;
}

/* The lock is held. */
static void keep_spare(struct tcache *tc)
{
    tc->link.next = (struct list_node *)spare;
    spare = tc;
}

/* Gives back all that the cache holds, and the cache. */
static void retire(struct tcache *tc)
{
    tcache_flush_all(tc);
    enter();
    keep_requests(tc);
    struct thread_totals t = {0};
    add_cache_totals(tc, &t);
    past_mallocs += t.mallocs;
    past_frees += t.frees;
    if (tc->epoch == list_epoch) {
        list_remove(&tc->link);
        ncaches--;
        nexplicit -= tc->is_explicit;
    }
    keep_spare(tc);
    leave();
}

/* The destructor: runs once a thread, whatever other destructors do before or after. */
static void end_cache(void *arg)
{
    struct tcache *tc = arg;
    if (arg == &bound && bound) {
        arena_leave(bound);
        bound = NULL;
    }
    if (tc != mine) {
        return;
    }
    without_cache = thread_bytes();
    mine = NULL;
    exited = true;
    show_or_hide();
    struct arena *arena = tc->arena;
    retire(tc);
    arena_leave(arena);
}

/* ---- hooks ------------------------------------------------------------------------------------- */

static void *suspend(void)
{
    struct tcache *tc = mine;
    mine = NULL;
    show_or_hide();
    return tc;
}

static void resume(void *suspended)
{
    mine = suspended;
    show_or_hide();
}

COLD void thread_boot(void)
{
    key_made = pthread_key_create(&key, end_cache) == 0;
    hooks_suspend = suspend;
    hooks_resume = resume;
}

/* ---- caches ------------------------------------------------------------------------------------ */

static struct tcache *obtain(void)
{
    enter();
    struct tcache *tc = spare;
    if (tc) {
        spare = (struct tcache *)tc->link.next;
    }
    leave();
    if (tc) {
        memset(tc, 0, sizeof *tc);
        return tc;
    }
    return base_alloc(sizeof *tc);
}

/* The arena of a new cache, with this thread counted into it. */
static struct arena *choose_arena(void)
{
    if (bound) {
        return bound;
    }
    struct arena *here = conf.percpu_arena != PERCPU_DISABLED ? arena_of_cpu() : NULL;
    return here && arena_enter(here) ? here : arena_join();
}

static NOINLINE struct tcache *make_cache(void)
{
    struct tcache *tc = obtain();
    struct arena *arena = tc ? choose_arena() : NULL;
    if (!arena) {
        if (tc) {
            enter();
            keep_spare(tc);
            leave();
        }
        return NULL;
    }
    tcache_init(tc, arena);
    tc->bound = bound != NULL;
    bound = NULL; /* its place in the arena is the cache's now */
    enter();
    link_cache(tc);
    leave();
    mine = tc;
    show_or_hide();
    /* Set last: beyond the 32 first keys the C library allocates here, which must find the cache. */
    int saved = errno;
    if (pthread_setspecific(key, tc) != 0) {
        end_cache(tc); /* without a destructor the cache would leak */
        tc = NULL;
    }
    errno = saved;
    return tc;
}

/* In a child, the cache of the thread that forked enters the new list. */
static COLD void relink(struct tcache *tc)
{
    arena_rejoin(tc->arena);
    enter();
    link_cache(tc);
    leave();
}

/* percpu_arena: what the cache fetches comes from the arena of the CPU that the thread is on now. */
static COLD void follow_cpu(struct tcache *tc)
{
    struct arena *here = arena_of_cpu(), *before = tc->arena;
    if (here && here != before && arena_enter(here)) {
        change_arena(tc, here);
        arena_leave(before);
    }
}

/* The thread's cache, made if need be, also when it is switched off; NULL where it cannot have one. */
static struct tcache *own_cache(void)
{
    if (LIKELY(mine != NULL)) {
        if (UNLIKELY(mine->epoch != process_epoch())) {
            relink(mine);
        }
        if (UNLIKELY(conf.percpu_arena != PERCPU_DISABLED) && !mine->bound) {
            follow_cpu(mine);
        }
        return mine;
    }
    return exited || hooks_running || !key_made || is_off() ? NULL : make_cache();
}

static NOINLINE struct tcache *thread_cache_slow(void)
{
    struct tcache *tc = own_cache();
    return UNLIKELY(is_off()) ? NULL : tc;
}

/* Nearly always the cache that the fast paths use, which is hidden from them whenever it is off. */
struct tcache *thread_cache(void)
{
    struct tcache *tc = tcache_self;
    if (LIKELY(tc != &tcache_none && tc->epoch == process_epoch() &&
               conf.percpu_arena == PERCPU_DISABLED)) {
        return tc;
    }
    return thread_cache_slow();
}

bool thread_cache_enabled(void)
{
    return !is_off() && own_cache() != NULL;
}

COLD void thread_cache_enable(bool enabled)
{
    if (!enabled) {
        (void)thread_cache_flush();
    }
    wish = enabled ? WISH_ON : WISH_OFF;
    show_or_hide();
}

bool thread_cache_flush(void)
{
    if (!mine || is_off()) {
        return false;
    }
    tcache_flush_all(mine);
    return true;
}

COLD const struct thread_bytes *thread_watch(void)
{
    thread_watched = true;
    show_or_hide();
    thread_update_watch();
    return &watch;
}

/* In a child, the thread that forked is counted into its arena again. */
static struct arena *bound_arena(void)
{
    if (bound_epoch != process_epoch()) {
        bound_epoch = process_epoch();
        arena_rejoin(bound);
    }
    return bound;
}

struct arena *thread_arena(void)
{
    if (mine) {
        return mine->arena;
    }
    if (UNLIKELY(hooks_running)) {
        return arena_unhooked();
    }
    if (UNLIKELY(bound != NULL)) {
        return bound_arena();
    }
    struct arena *arena = atomic_load_explicit(&shared_arena, ACQUIRE);
    if (!arena) {
        arena = arena_get(0);
        arena = arena ? arena : arena_join();
        atomic_store_explicit(&shared_arena, arena, RELEASE);
    }
    return arena;
}

/* A thread without a cache has the arena written down, and the key's destructor told of its end. */
static bool bind_without_cache(struct arena *arena)
{
    int saved = errno;
    bool told = !exited && !hooks_running && key_made && pthread_setspecific(key, &bound) == 0;
    errno = saved;
    if (told) {
        bound = arena;
        bound_epoch = process_epoch();
    }
    return told;
}

bool thread_bind(struct arena *arena)
{
    struct tcache *tc = own_cache();
    struct arena *before = tc ? tc->arena : bound ? bound_arena() : NULL;
    if (!arena_enter(arena)) {
        return false;
    }
    bool done = true;
    if (tc) {
        tcache_flush_all(tc);
        change_arena(tc, arena);
        tc->bound = true;
    } else {
        done = bind_without_cache(arena);
    }
    struct arena *left = done ? before : arena;
    if (left) {
        arena_leave(left);
    }
    return done;
}

/* ---- explicit caches --------------------------------------------------------------------------- */

struct tcache *thread_explicit_new(void)
{
    struct arena *arena = thread_arena();
    struct tcache *tc = arena ? obtain() : NULL;
    if (tc) {
        tcache_init(tc, arena);
        tc->is_explicit = true;
        enter();
        link_cache(tc);
        leave();
    }
    return tc;
}

void thread_explicit_end(struct tcache *tc)
{
    retire(tc);
}

void thread_explicit_seen(struct tcache *tc)
{
    if (UNLIKELY(tc->epoch != process_epoch())) {
        enter();
        link_cache(tc);
        leave();
    }
}

/* ---- figures ----------------------------------------------------------------------------------- */

void thread_count_malloc(size_t bytes)
{
    if (mine) {
        mine->direct_mallocs++;
        mine->direct_malloc_bytes += bytes;
        return;
    }
    without_cache.allocated += bytes;
    atomic_fetch_add_explicit(&direct_mallocs, 1, RELAXED);
}

void thread_count_free(size_t bytes)
{
    if (mine) {
        mine->direct_frees++;
        mine->direct_free_bytes += bytes;
        return;
    }
    without_cache.deallocated += bytes;
    atomic_fetch_add_explicit(&direct_frees, 1, RELAXED);
}

void thread_count_resize(size_t old_bytes, size_t new_bytes)
{
    if (old_bytes != new_bytes) {
        without_cache.allocated += new_bytes;
        without_cache.deallocated += old_bytes;
    }
}

void thread_count_explicit(size_t allocated_bytes, size_t freed_bytes)
{
    without_cache.allocated += allocated_bytes;
    without_cache.deallocated += freed_bytes;
}

void thread_count_lost(uint64_t blocks)
{
    atomic_fetch_add_explicit(&direct_frees, blocks, RELAXED);
}

void thread_totals(struct thread_totals *out)
{
    (void)thread_cache();
    enter();
    *out = (struct thread_totals){
        .mallocs = past_mallocs, .frees = past_frees, .ncaches = ncaches - nexplicit};
    out->mallocs += atomic_load_explicit(&direct_mallocs, RELAXED);
    out->frees += atomic_load_explicit(&direct_frees, RELAXED);
    for (struct list_node *n = caches.next; n != &caches; n = n->next) {
        add_cache_totals(CONTAINER_OF(n, struct tcache, link), out);
    }
    leave();
}

static RACY bool belongs(const struct tcache *tc, const struct arena *arena)
{
    return tc->arena == arena;
}

COLD size_t thread_arena_totals(const struct arena *arena, uint64_t requests[CACHED_CLASSES])
{
    size_t cached = 0;
    (void)thread_cache();
    enter();
    for (struct list_node *n = caches.next; n != &caches; n = n->next) {
        const struct tcache *tc = CONTAINER_OF(n, struct tcache, link);
        for (unsigned class = 0; belongs(tc, arena) && class < CACHED_CLASSES; class++) {
            struct thread_totals t = {0};
            add_class_totals(tc, class, size_class_bytes(class), &t);
            requests[class] += t.mallocs;
            cached += t.small_cached_bytes + t.large_cached_bytes;
        }
    }
    leave();
    return cached;
}

bool thread_check(void)
{
    bool ok = true;
    (void)thread_cache();
    enter();
    for (struct list_node *n = caches.next; n != &caches; n = n->next) {
        ok &= tcache_check(CONTAINER_OF(n, struct tcache, link));
    }
    leave();
    return ok;
}
