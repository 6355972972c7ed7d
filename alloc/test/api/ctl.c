/* ctl.c: the contract of mallctl(). Every name of ctl_names.tsv is asked in every way that is
 * allowed and in every way that is not; then what a MIB is, what the settings do, and that asking
 * is safe anywhere.
 */
#include "doors.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* A line of the promise. */
struct promise {
    char name[80], level[16], type[64], access[8];
};

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Names of heap profiles answer as in a build without. */
static bool of_profiles(const char *name)
{
    return starts(name, "prof.") || starts(name, "thread.prof.") || starts(name, "opt.prof") ||
           starts(name, "opt.lg_prof");
}

/* Names that make something when they are read, or need something of the right kind: tests of their
 * own. */
static bool is_special(const char *name)
{
    static const char *const names[] = {"arenas.lookup",   "arenas.extend",    "arenas.create",
                                        "tcache.create",   "tcache.flush",     "tcache.destroy",
                                        "arena.<i>.reset", "arena.<i>.destroy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* The name with its numbers, 0 unless given, and the first of the counters of a lock. */
static void expand(const char *pattern, const char *number, char *out, size_t size)
{
    size_t len = 0;
    for (const char *at = pattern; *at && len < size - 20; at++) {
        if (*at == '<') {
            len += (size_t)snprintf(out + len, size - len, "%s", number);
            at += 2;
        } else if (*at == '{') {
            len += (size_t)snprintf(out + len, size - len, "num_ops");
            break;
        } else {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
}

static size_t bytes_of(const char *type)
{
    if (strcmp(type, "void") == 0)
        return 0;
    if (strcmp(type, "bool") == 0)
        return sizeof(bool);
    if (strcmp(type, "bool *") == 0) {
        unsigned narenas = 0;
        size_t len = sizeof narenas;
        assert_int_equal(door.mallctl("arenas.narenas", &narenas, &len, NULL, 0), 0);
        return narenas;
    }
    if (strcmp(type, "chunk_hooks_t") == 0)
        return sizeof(chunk_hooks_t);
    if (starts(type, "unsigned") || strcmp(type, "uint32_t") == 0)
        return sizeof(unsigned);
    return 8; /* numbers of 64 bits, and pointers */
}

/* What is wrong with the answer, or NULL. */
#define EXPECT(what, have, want)                                                                   \
    do {                                                                                           \
        int expect_have = (have), expect_want = (want);                                            \
        if (expect_have != expect_want) {                                                          \
            snprintf(text, sizeof text, "%s: %d, not %d", what, expect_have, expect_want);         \
            return text;                                                                           \
        }                                                                                          \
    } while (0)

#define GUARD 0xee
static char text[160];

/* Reading into too little and too much room: what fits is copied, nothing beyond is touched. */
static const char *wrong_lengths(const char *name, size_t bytes, const unsigned char *value)
{
    static unsigned char room[4096];
    size_t lengths[] = {0, bytes - 1, bytes + 1, bytes * 2 + 8};
    for (int i = 0; i < 4; i++) {
        size_t len = lengths[i], fits = len < bytes ? len : bytes;
        memset(room, GUARD, sizeof room);
        EXPECT("wrong *oldlenp", door.mallctl(name, room, &len, NULL, 0), EINVAL);
        EXPECT("bytes copied", (int)len, (int)fits);
        EXPECT("byte behind", room[fits], GUARD);
        if (strstr(name, "tcache_bytes") == NULL && !starts(name, "thread.") &&
            !starts(name, "approximate"))
            EXPECT("the copied bytes", memcmp(room, value, fits), 0);
    }
    return NULL;
}

static const char *reads(const char *name, const char *type, size_t bytes)
{
    unsigned char value[4096];
    size_t len = bytes;
    memset(value, GUARD, sizeof value);
    EXPECT("read", door.mallctl(name, value, &len, NULL, 0), 0);
    EXPECT("*oldlenp", (int)len, (int)bytes);
    EXPECT("byte behind", value[bytes], GUARD);
    if (strcmp(type, "bool") == 0)
        EXPECT("a bool", value[0] <= 1, 1);
    if (strchr(type, '*') && strcmp(type, "bool *") != 0) {
        const char *pointer;
        memcpy(&pointer, value, sizeof pointer);
        EXPECT("a pointer", pointer != NULL, 1);
        if (strcmp(type, "const char *") == 0)
            EXPECT("a word", strlen(pointer) < 100, 1);
    }
    EXPECT("only a pointer", door.mallctl(name, value, NULL, NULL, 0), 0);
    EXPECT("only a length", door.mallctl(name, NULL, &len, NULL, 0), 0);
    return wrong_lengths(name, bytes, value);
}

static const char *refuses_writes(const char *name, size_t bytes)
{
    unsigned char value[4096] = {0};
    EXPECT("write", door.mallctl(name, NULL, NULL, value, bytes), EPERM);
    EXPECT("write of nothing", door.mallctl(name, NULL, NULL, NULL, bytes ? bytes : 1), EPERM);
    return NULL;
}

static const char *refuses_reads(const char *name, size_t bytes)
{
    unsigned char value[64];
    size_t len = bytes;
    EXPECT("read", door.mallctl(name, value, &len, NULL, 0), EPERM);
    EXPECT("length only", door.mallctl(name, NULL, &len, NULL, 0), EPERM);
    return NULL;
}

/* Writing what was read changes nothing and is possible. */
static const char *writes(const char *name, size_t bytes)
{
    unsigned char value[64] = {0};
    size_t len = bytes;
    EXPECT("read", door.mallctl(name, value, &len, NULL, 0), 0);
    EXPECT("write", door.mallctl(name, NULL, NULL, value, bytes), 0);
    EXPECT("short write", door.mallctl(name, NULL, NULL, value, bytes - 1), EINVAL);
    EXPECT("long write", door.mallctl(name, NULL, NULL, value, bytes + 1), EINVAL);
    EXPECT("write of no bytes", door.mallctl(name, NULL, NULL, value, 0), EINVAL);
    EXPECT("both", door.mallctl(name, value, &len, value, bytes), 0);
    return NULL;
}

/* Parts of a name, and more than a name, are none. */
static const char *is_whole(const char *name)
{
    char other[100];
    int n = snprintf(other, sizeof other, "%s.x", name);
    EXPECT("a longer name", door.mallctl(other, NULL, NULL, NULL, 0), ENOENT);
    other[n - 1] = '\0';
    EXPECT("a dot behind", door.mallctl(other, NULL, NULL, NULL, 0), ENOENT);
    for (const char *dot = name; (dot = strchr(dot, '.')); dot++) {
        snprintf(other, sizeof other, "%.*s", (int)(dot - name), name);
        EXPECT("a part", door.mallctl(other, NULL, NULL, NULL, 0), ENOENT);
        size_t mib[8], len = 8;
        EXPECT("a part as a MIB", door.nametomib(other, mib, &len), ENOENT);
    }
    return NULL;
}

/* Must be read, and then makes something. */
static bool makes(const char *name)
{
    return strcmp(name, "arenas.extend") == 0 || strcmp(name, "arenas.create") == 0 ||
           strcmp(name, "tcache.create") == 0 || strcmp(name, "arenas.lookup") == 0;
}

static const char *is_also_a_mib(const char *name, bool acts)
{
    size_t mib[8], len = 8, components = 1;
    for (const char *dot = name; (dot = strchr(dot, '.')); dot++)
        components++;
    EXPECT("nametomib", door.nametomib(name, mib, &len), 0);
    EXPECT("components", (int)len, (int)components);
    EXPECT("bymib", door.bymib(mib, len, NULL, NULL, NULL, 0),
           door.mallctl(name, NULL, NULL, NULL, 0));
    if (!makes(name))
        EXPECT("bymib, to read", door.bymib(mib, len, NULL, &len, NULL, 0), acts ? EPERM : 0);
    EXPECT("a part of the MIB", door.bymib(mib, components - 1, NULL, NULL, NULL, 0), ENOENT);
    return NULL;
}

static const char *keeps(const char *name, const char *type, const char *access)
{
    const char *wrong = NULL;
    size_t bytes = bytes_of(type);
    if (access[0] == 'r')
        wrong = reads(name, type, bytes);
    else
        wrong = refuses_reads(name, bytes);
    if (!wrong && access[1] != 'w')
        wrong = refuses_writes(name, bytes);
    if (!wrong && strcmp(access, "rw") == 0)
        wrong = writes(name, bytes);
    if (!wrong && strcmp(access, "--") == 0)
        EXPECT("to act", door.mallctl(name, NULL, NULL, NULL, 0), 0);
    if (!wrong)
        wrong = is_whole(name);
    if (!wrong)
        wrong = is_also_a_mib(name, access[0] != 'r');
    return wrong;
}

static const char *is_unknown(const char *name)
{
    uint64_t value = 0;
    size_t len = sizeof value;
    EXPECT("ask", door.mallctl(name, NULL, NULL, NULL, 0), ENOENT);
    EXPECT("read", door.mallctl(name, &value, &len, NULL, 0), ENOENT);
    EXPECT("write", door.mallctl(name, NULL, NULL, &value, len), ENOENT);
    return NULL;
}

/* Numbers beyond the last, and what is no number. */
static const char *bounds_numbers(const char *pattern)
{
    static const char *const bad[] = {"5000", "99999999999999999999999", "-1", "", "x", "0x0",
                                      " 0"};
    char name[160];
    if (!strchr(pattern, '<'))
        return NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expand(pattern, bad[i], name, sizeof name);
        EXPECT(bad[i], door.mallctl(name, NULL, NULL, NULL, 0), ENOENT);
    }
    return NULL;
}

static bool next_promise(FILE *file, struct promise *p)
{
    char line[256];
    while (fgets(line, sizeof line, file)) {
        if (line[0] != '#' && !starts(line, "name\t") &&
            sscanf(line, "%79[^\t]\t%15[^\t]\t%63[^\t]\t%7[^\n]", p->name, p->level, p->type,
                   p->access) == 4)
            return true;
    }
    return false;
}

static void test_every_name_keeps_its_promise(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct promise p;
    unsigned kept = 0, absent = 0, special = 0, failed = 0, later = 0;
    FILE *file = fopen(CTL_NAMES, "r");
    assert_non_null(file);
    while (next_promise(file, &p)) {
        char name[160];
        const char *wrong;
        expand(p.name, "0", name, sizeof name);
        bool is_later = strcmp(p.level, "later") == 0;
        if (of_profiles(p.name)) {
            wrong = is_unknown(name);
            absent += !is_later;
        } else if (is_special(p.name)) {
            wrong = is_whole(name);
            wrong = wrong ? wrong : is_also_a_mib(name, p.access[0] != 'r');
            wrong = wrong ? wrong : bounds_numbers(p.name);
            special += !is_later;
        } else if (is_later && door.mallctl(name, NULL, NULL, NULL, 0) == ENOENT) {
            continue; /* its feature is not there */
        } else {
            wrong = keeps(name, p.type, p.access);
            wrong = wrong ? wrong : bounds_numbers(p.name);
            kept += !is_later;
            later += is_later;
        }
        if (wrong) {
            print_error("%s (%s %s): %s\n", name, p.type, p.access, wrong);
            failed++;
        }
    }
    fclose(file);
    assert_int_equal(failed, 0);
    assert_int_equal(kept + absent + special, 138 + 8);
    assert_int_equal(special, 5);
    assert_int_equal(absent, 19);
    assert_true(later >= 20);
}

/* The control: what the check must find. */
static void test_a_broken_promise_is_found(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    assert_null(keeps("opt.tcache", "bool", "r-"));
    assert_non_null(keeps("opt.tcache", "size_t", "r-"));
    assert_non_null(keeps("opt.tcache", "bool", "rw"));
    assert_non_null(keeps("opt.tcache", "bool", "-w"));
    assert_non_null(keeps("opt.tcache", "void", "--"));
    assert_non_null(keeps("arena.0.purge", "bool", "r-"));
    assert_non_null(keeps("arena.0.lg_dirty_mult", "ssize_t", "r-"));
    assert_non_null(keeps("opt.tcach", "bool", "r-"));
    assert_non_null(is_unknown("opt.tcache"));
    assert_non_null(bounds_numbers("stats.arenas.<i>.small.allocated") ? NULL : "none");
}

static void test_null_pointers(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t mib[4] = {0}, len = 4;
    assert_int_equal(door.mallctl(NULL, NULL, NULL, NULL, 0), ENOENT);
    assert_int_equal(door.mallctl("", NULL, NULL, NULL, 0), ENOENT);
    assert_int_equal(door.mallctl(".", NULL, NULL, NULL, 0), ENOENT);
    assert_int_equal(door.nametomib(NULL, mib, &len), ENOENT);
    assert_int_equal(door.nametomib("opt.tcache", NULL, &len), EINVAL);
    assert_int_equal(door.nametomib("opt.tcache", mib, NULL), EINVAL);
    assert_int_equal(door.bymib(NULL, 2, NULL, NULL, NULL, 0), ENOENT);
    assert_int_equal(door.bymib(mib, 0, NULL, NULL, NULL, 0), ENOENT);
    memset(mib, 0xff, sizeof mib);
    for (size_t n = 1; n <= 4; n++)
        assert_int_equal(door.bymib(mib, n, NULL, NULL, NULL, 0), ENOENT);
}

static void test_numbers_of_a_mib_can_be_exchanged(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t mib[8], len = 8, before = 0;
    unsigned nbins = unsigned_at("arenas.nbins");
    assert_int_equal(door.nametomib("arenas.bin.0.size", mib, &len), 0);
    assert_int_equal(len, 4);
    assert_int_equal(mib[2], 0);
    for (unsigned i = 0; i < nbins; i++) {
        size_t size, bytes = sizeof size;
        mib[2] = i;
        assert_int_equal(door.bymib(mib, len, &size, &bytes, NULL, 0), 0);
        assert_true(size > before);
        void *block = door.malloc(size);
        assert_int_equal(door.usable_size(block), size);
        door.free(block);
        before = size;
    }
    mib[2] = nbins;
    assert_int_equal(door.bymib(mib, len, NULL, NULL, NULL, 0), ENOENT);
}

static void test_mibs_can_be_cut_short_and_completed(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t part[3], whole[6], other[6], len = 3;
    assert_int_equal(door.nametomib("stats.arenas.0.bins.0.nmalloc", part, &len), 0);
    assert_int_equal(len, 3);
    len = 6;
    assert_int_equal(door.nametomib("stats.arenas.0.bins.4.curregs", whole, &len), 0);
    assert_memory_equal(part, whole, 2 * sizeof part[0]);
    memcpy(whole, part, sizeof part); /* the same beginning, made of the part */
    uint64_t by_mib, by_name;
    size_t bytes = sizeof by_mib;
    assert_int_equal(door.bymib(whole, 6, &by_mib, &bytes, NULL, 0), 0);
    assert_int_equal(door.mallctl("stats.arenas.0.bins.4.curregs", &by_name, &bytes, NULL, 0), 0);
    assert_int_equal(by_mib, by_name);
    /* The last component of another name of the same parent stands for that name. */
    assert_int_equal(door.nametomib("stats.arenas.0.bins.4.nmalloc", other, &len), 0);
    whole[5] = other[5];
    assert_int_equal(door.bymib(whole, 6, &by_mib, &bytes, NULL, 0), 0);
    assert_int_equal(door.mallctl("stats.arenas.0.bins.4.nmalloc", &by_name, &bytes, NULL, 0), 0);
    assert_int_equal(by_mib, by_name);
    /* One of another parent is none here. */
    len = 6;
    assert_int_equal(door.nametomib("stats.arenas.0.lruns.4.nmalloc", other, &len), 0);
    whole[5] = other[5];
    assert_int_equal(door.bymib(whole, 6, NULL, NULL, NULL, 0), ENOENT);
}

static void test_leading_zeros_name_the_same(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    assert_int_equal(size_at("arenas.bin.007.size"), size_at("arenas.bin.7.size"));
}

static void test_limits_and_constants(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    assert_int_equal(size_at("arenas.quantum"), 16);
    assert_int_equal(size_at("arenas.page"), 4096);
    assert_int_equal(size_at("opt.lg_chunk"), 22);
    assert_int_equal(size_at("arenas.tcache_max"), (size_t)1 << size_at("opt.lg_tcache_max"));
    unsigned nlruns = unsigned_at("arenas.nlruns"), nhchunks = unsigned_at("arenas.nhchunks");
    char name[64];
    size_t before = size_at("arenas.bin.59.size");
    assert_int_equal(unsigned_at("arenas.nbins"), 60);
    for (unsigned i = 0; i < nlruns + nhchunks; i++) {
        bool large = i < nlruns;
        snprintf(name, sizeof name, "arenas.%s.%u.size", large ? "lrun" : "hchunk",
                 large ? i : i - nlruns);
        size_t size = size_at(name);
        assert_true(size > before);
        before = size;
        if (size > (size_t)64 << 20)
            continue;
        void *block = door.malloc(size);
        assert_non_null(block);
        assert_int_equal(door.usable_size(block), size);
        door.free(block);
    }
    for (unsigned i = 0; i < 60; i++) {
        uint32_t nregs;
        size_t len = sizeof nregs;
        snprintf(name, sizeof name, "arenas.bin.%u.nregs", i);
        assert_int_equal(door.mallctl(name, &nregs, &len, NULL, 0), 0);
        snprintf(name, sizeof name, "arenas.bin.%u.run_size", i);
        size_t run = size_at(name);
        snprintf(name, sizeof name, "arenas.bin.%u.size", i);
        assert_int_equal(run, nregs * size_at(name));
    }
    const char *version;
    size_t len = sizeof version;
    assert_int_equal(door.mallctl("version", &version, &len, NULL, 0), 0);
    assert_string_equal(version, door.version());
}

/* ---- settings and actions
 * ------------------------------------------------------------------------ */

static void set_ssize(const char *name, ssize_t value, int want)
{
    assert_int_equal(door.mallctl(name, NULL, NULL, &value, sizeof value), want);
}

static ssize_t ssize_at(const char *name)
{
    return (ssize_t)size_at(name);
}

static size_t dirty_after_free(void)
{
    void *blocks[4];
    for (int i = 0; i < 4; i++) {
        blocks[i] = door.malloc(3 << 20); /* beyond what is cached */
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, 3 << 20);
    }
    for (int i = 0; i < 4; i++)
        door.free(blocks[i]);
    refresh();
    return size_at("stats.arenas.0.pdirty");
}

static void test_decay_settings_hold_at_once(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    ssize_t usual = ssize_at("arena.0.dirty_decay_ms"), general = ssize_at("arenas.dirty_decay_ms");
    assert_int_equal(usual, ssize_at("opt.dirty_decay_ms"));
    assert_int_equal(ssize_at("arena.0.decay_time"), usual / 1000);
    assert_true(dirty_after_free() > 0); /* the control */
    set_ssize("arena.0.dirty_decay_ms", 0, 0);
    set_ssize("arenas.dirty_decay_ms", 0, 0); /* of whole chunks */
    assert_int_equal(dirty_after_free(), 0);
    assert_int_equal(ssize_at("stats.arenas.0.dirty_decay_ms"), 0);
    set_ssize("arena.0.decay_time", 7, 0);
    assert_int_equal(ssize_at("arena.0.dirty_decay_ms"), 7000);
    assert_int_equal(ssize_at("arena.0.decay_time"), 7);
    set_ssize("arena.0.decay_time", -1, 0);
    assert_int_equal(ssize_at("arena.0.dirty_decay_ms"), -1);
    assert_int_equal(ssize_at("arena.0.decay_time"), -1);
    set_ssize("arena.0.decay_time", -2, EFAULT);
    set_ssize("arena.0.dirty_decay_ms", (ssize_t)1 << 50, EFAULT);
    assert_int_equal(ssize_at("arena.0.dirty_decay_ms"), -1);
    set_ssize("arena.0.lg_dirty_mult", 5, 0);
    assert_int_equal(ssize_at("arena.0.lg_dirty_mult"), 5);
    set_ssize("arena.0.lg_dirty_mult", 64, EFAULT);
    set_ssize("arenas.lg_dirty_mult", 4, 0);
    assert_int_equal(ssize_at("arenas.lg_dirty_mult"), 4);
    assert_int_equal(ssize_at("opt.lg_dirty_mult"), 3); /* options are as they were at the start */
    set_ssize("arenas.lg_dirty_mult", 3, 0);
    set_ssize("arena.0.lg_dirty_mult", 3, 0);
    set_ssize("arena.0.dirty_decay_ms", usual, 0);
    set_ssize("arenas.dirty_decay_ms", general, 0);
    assert_int_equal(ssize_at("opt.dirty_decay_ms"), usual);
}

/* When what was cannot be told as a whole, nothing is changed. */
static void test_no_change_without_the_old_value(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    ssize_t old = 0, wanted = 123, usual = ssize_at("arena.0.decay_time");
    size_t len = sizeof old - 1;
    assert_int_equal(door.mallctl("arena.0.decay_time", &old, &len, &wanted, sizeof wanted),
                     EINVAL);
    assert_int_equal(ssize_at("arena.0.decay_time"), usual);
    len = sizeof old;
    assert_int_equal(door.mallctl("arena.0.decay_time", &old, &len, &wanted, sizeof wanted), 0);
    assert_int_equal(old, usual);
    assert_int_equal(ssize_at("arena.0.decay_time"), 123);
    set_ssize("arena.0.decay_time", usual, 0);
}

static void test_purge_gives_back(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    static const char *const all[] = {"arena.0.purge", "arena.4096.purge"};
    for (int i = 0; i < 2; i++) {
        assert_true(dirty_after_free() > 0);
        uint64_t before = size_at("stats.arenas.0.purged"),
                 calls = size_at("stats.arenas.0.nmadvise");
        uint64_t sweeps = size_at("stats.arenas.0.npurge");
        size_t dirty = size_at("stats.arenas.0.pdirty");
        assert_int_equal(door.mallctl(all[i], NULL, NULL, NULL, 0), 0);
        refresh();
        assert_int_equal(size_at("stats.arenas.0.pdirty"), 0);
        assert_true(size_at("stats.arenas.0.purged") >= before + dirty);
        assert_true(size_at("stats.arenas.0.nmadvise") > calls);
        assert_true(size_at("stats.arenas.0.npurge") > sweeps);
    }
    assert_int_equal(door.mallctl("arena.0.decay", NULL, NULL, NULL, 0), 0);
}

static void test_dss_is_disabled(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    const char *dss = "disabled", *other = "primary", *none = NULL;
    assert_int_equal(door.mallctl("arena.0.dss", NULL, NULL, &dss, sizeof dss), 0);
    assert_int_equal(door.mallctl("arena.0.dss", NULL, NULL, &other, sizeof other), EFAULT);
    assert_int_equal(door.mallctl("arena.0.dss", NULL, NULL, &none, sizeof none), EFAULT);
}

static void test_lookup_finds_the_arena(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    unsigned arena = 77, mine = unsigned_at("thread.arena");
    size_t len = sizeof arena;
    int local = 0;
    void *foreign = &local;
    for (size_t size = 16; size < (2u << 20); size *= 8) {
        void *block = door.malloc(size);
        assert_int_equal(door.mallctl("arenas.lookup", &arena, &len, &block, sizeof block), 0);
        assert_int_equal(arena, mine);
        door.free(block);
    }
    assert_int_equal(door.mallctl("arenas.lookup", &arena, &len, &foreign, sizeof foreign), EINVAL);
    assert_int_equal(door.mallctl("arenas.lookup", &arena, &len, NULL, 0), EINVAL);
    assert_int_equal(door.mallctl("arenas.lookup", &arena, &len, &foreign, 4), EINVAL);
}

static void in_a_thread(void *(*body)(void *))
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- arenas and caches of the program -----------------------------------------------------------
 */

/* Makes something by a name, and gives its number. */
static unsigned make(const char *name)
{
    unsigned id = 7777;
    size_t len = sizeof id, wrong = sizeof id - 1;
    assert_int_equal(door.mallctl(name, NULL, NULL, NULL, 0), EINVAL); /* nobody would know it */
    assert_int_equal(door.mallctl(name, &id, &wrong, NULL, 0), EINVAL);
    assert_int_equal(door.mallctl(name, &id, &len, NULL, 0), 0);
    return id;
}

static int write_unsigned(const char *name, unsigned value)
{
    return door.mallctl(name, NULL, NULL, &value, sizeof value);
}

static int act_on(unsigned arena, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "arena.%u.%s", arena, what);
    return door.mallctl(name, NULL, NULL, NULL, 0);
}

static size_t of_arena(unsigned arena, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "stats.arenas.%u.%s", arena, what);
    return size_at(name);
}

static void *works_in_an_arena_of_its_own(void *arg)
{
    unsigned before = unsigned_at("arenas.narenas"), arena = make("arenas.extend");
    assert_int_equal(arena, before);
    assert_int_equal(unsigned_at("arenas.narenas"), before + 1);
    unsigned old = unsigned_at("thread.arena");
    assert_int_equal(write_unsigned("thread.arena", arena), 0);
    assert_int_equal(unsigned_at("thread.arena"), arena);
    void *small = door.malloc(1000), *large = door.malloc(100000), *huge = door.malloc(5 << 20);
    refresh();
    assert_true(of_arena(arena, "small.allocated") >= 1024);
    assert_true(of_arena(arena, "large.allocated") >= 100000);
    assert_int_equal(of_arena(arena, "huge.allocated"), 8 << 20);
    unsigned found = 0;
    size_t len = sizeof found;
    assert_int_equal(door.mallctl("arenas.lookup", &found, &len, &huge, sizeof huge), 0);
    assert_int_equal(found, arena);
    assert_int_equal(act_on(arena, "destroy"), EFAULT); /* this thread is in it */
    assert_int_equal(write_unsigned("thread.arena", old), 0);
    door.free(small);
    door.free(large);
    assert_int_equal(door.mallctl("thread.tcache.flush", NULL, NULL, NULL, 0), 0);
    refresh();
    assert_int_equal(of_arena(arena, "small.allocated"), 0);
    assert_int_equal(of_arena(arena, "large.allocated"), 0);
    assert_int_equal(act_on(arena, "reset"), 0); /* takes the huge one away */
    refresh();
    assert_int_equal(of_arena(arena, "huge.allocated"), 0);
    assert_int_equal(of_arena(arena, "huge.nmalloc"), 1);
    assert_int_equal(of_arena(arena, "huge.ndalloc"), 1);
    assert_int_equal(act_on(arena, "destroy"), 0);
    assert_int_equal(act_on(arena, "destroy"), EFAULT);
    refresh();
    char name[64];
    snprintf(name, sizeof name, "stats.arenas.%u.pactive", arena);
    assert_int_equal(door.mallctl(name, NULL, NULL, NULL, 0), ENOENT);
    assert_int_equal(write_unsigned("thread.arena", arena), EFAULT);
    return arg;
}

static void test_arenas_can_be_made_and_ended(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    in_a_thread(works_in_an_arena_of_its_own);
    assert_int_equal(act_on(0, "reset"), EFAULT); /* threads share it */
    assert_int_equal(act_on(0, "destroy"), EFAULT);
}

static void test_caches_can_be_made_and_ended(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    unsigned one = make("tcache.create"), two = make("tcache.create");
    assert_int_not_equal(one, two);
    assert_int_equal(write_unsigned("tcache.flush", one), 0);
    assert_int_equal(write_unsigned("tcache.destroy", one), 0);
    assert_int_equal(write_unsigned("tcache.flush", one), EFAULT);
    assert_int_equal(write_unsigned("tcache.destroy", one), EFAULT);
    assert_int_equal(write_unsigned("tcache.flush", 5000), EFAULT);
    assert_int_equal(make("tcache.create"), one); /* the lowest that is free */
    unsigned value;
    size_t len = sizeof value;
    assert_int_equal(door.mallctl("tcache.flush", &value, &len, NULL, 0), EPERM);
    assert_int_equal(door.mallctl("tcache.flush", NULL, NULL, &value, 1), EINVAL);
    assert_int_equal(door.mallctl("tcache.flush", NULL, NULL, NULL, 0), 0);
    assert_int_equal(write_unsigned("tcache.destroy", one), 0);
    assert_int_equal(write_unsigned("tcache.destroy", two), 0);
}

static unsigned hook_calls, hook_refusals;
static chunk_hooks_t default_hooks;

/* Locks of the arena are held here. */
static void asked_in_a_hook(void)
{
    uint64_t any = 1;
    bool flag;
    size_t value, len = sizeof value, one = sizeof flag;
    hook_refusals +=
        door.mallctl("epoch", NULL, NULL, &any, sizeof any) == EAGAIN &&
        door.mallctl("arena.4096.purge", NULL, NULL, NULL, 0) == EAGAIN &&
        door.mallctl("approximate_stats.active", &value, &len, NULL, 0) == EAGAIN &&
        door.mallctl("stats.allocated", &value, &len, NULL, 0) == 0 && value > 0 &&
        door.mallctl("opt.tcache", &flag, &one, NULL, 0) == 0;
}

static void *counting_alloc(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                            unsigned arena)
{
    hook_calls++;
    asked_in_a_hook();
    return default_hooks.alloc(new_addr, size, alignment, zero, commit, arena);
}

static void test_hooks_can_be_read_and_exchanged(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t len = sizeof default_hooks;
    assert_int_equal(door.mallctl("arena.0.chunk_hooks", &default_hooks, &len, NULL, 0), 0);
    chunk_hooks_t hooks = default_hooks, old, *pointer = &hooks;
    hooks.alloc = counting_alloc;
    unsigned arena = 0;
    size_t bytes = sizeof arena;
    assert_int_equal(door.mallctl("arenas.create", &arena, &bytes, &pointer, sizeof pointer), 0);
    char name[64];
    snprintf(name, sizeof name, "arena.%u.chunk_hooks", arena);
    assert_int_equal(door.mallctl(name, &old, &len, &default_hooks, sizeof default_hooks), 0);
    assert_ptr_equal(old.alloc, counting_alloc);
    assert_int_equal(door.mallctl(name, &old, &len, &hooks, sizeof hooks), 0);
    assert_ptr_equal(old.alloc, default_hooks.alloc);
    unsigned before = unsigned_at("thread.arena");
    void *held = door.malloc(100); /* so that something is allocated in the snapshot */
    refresh();
    hook_calls = hook_refusals = 0;
    assert_int_equal(write_unsigned("thread.arena", arena), 0);
    door.free(door.malloc(20 << 20));
    assert_true(hook_calls > 0);
    assert_int_equal(hook_refusals, hook_calls);
    door.free(held);
    assert_int_equal(write_unsigned("thread.arena", before), 0);
    assert_int_equal(act_on(arena, "destroy"), 0);
}

static void test_arenas_are_initialized(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    unsigned narenas = unsigned_at("arenas.narenas");
    bool *made = door.calloc(narenas + 1, sizeof *made), one = false;
    size_t len = narenas;
    assert_int_equal(door.mallctl("arenas.initialized", made, &len, NULL, 0), 0);
    assert_true(made[0]);
    assert_false(made[narenas]);
    refresh();
    for (unsigned i = 0; i < narenas; i++) {
        char name[64];
        snprintf(name, sizeof name, "stats.arenas.%u.nthreads", i);
        assert_int_equal(door.mallctl(name, NULL, NULL, NULL, 0), made[i] ? 0 : ENOENT);
        snprintf(name, sizeof name, "arena.%u.decay_time", i);
        assert_int_equal(door.mallctl(name, NULL, NULL, NULL, 0), made[i] ? 0 : EFAULT);
        snprintf(name, sizeof name, "arena.%u.purge", i);
        assert_int_equal(door.mallctl(name, NULL, NULL, NULL, 0), 0);
    }
    assert_true(narenas >= unsigned_at("opt.narenas"));
    door.free(made);
    len = sizeof one;
    assert_int_equal(door.mallctl("arena.0.initialized", &one, &len, NULL, 0), 0);
    assert_true(one);
}

/* ---- the calling thread -------------------------------------------------------------------------
 */

static uint64_t taken(void)
{
    return size_at("thread.allocated");
}

static uint64_t given_back(void)
{
    return size_at("thread.deallocated");
}

static void one_size(size_t size)
{
    uint64_t before = taken(), freed = given_back();
    void *block = door.malloc(size);
    assert_int_equal(taken() - before, door.usable_size(block));
    size_t usable = door.usable_size(block);
    door.free(block);
    assert_int_equal(given_back() - freed, usable);
    assert_int_equal(taken() - before, usable);
}

static void *counts_exactly(void *arg)
{
    (void)arg;
    for (size_t size = 1; size < (20u << 20); size = size * 3 + 1)
        one_size(size);
    uint64_t before = taken() - given_back();
    char *block = door.malloc(5u << 20); /* grows and shrinks where it is, or moves */
    for (size_t size = 1; size < (40u << 20); size = size * 7 / 2 + 1) {
        block = door.realloc(block, size);
        assert_int_equal(taken() - given_back() - before, door.usable_size(block));
    }
    door.free(block);
    assert_int_equal(taken() - given_back(), before);
    return NULL;
}

static void test_bytes_of_the_thread(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    in_a_thread(counts_exactly);
}

static void enable(bool enabled)
{
    assert_int_equal(door.mallctl("thread.tcache.enabled", NULL, NULL, &enabled, sizeof enabled),
                     0);
    bool is = !enabled;
    size_t len = sizeof is;
    assert_int_equal(door.mallctl("thread.tcache.enabled", &is, &len, NULL, 0), 0);
    assert_int_equal(is, enabled);
}

static void *counts_without_a_cache(void *arg)
{
    enable(false);
    counts_exactly(arg);
    enable(true);
    counts_exactly(arg);
    enable(false);
    return counts_exactly(arg);
}

static void test_bytes_without_a_cache(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    in_a_thread(counts_without_a_cache);
}

static size_t cached(void)
{
    struct ashlar_stats s;
    door.stats(&s);
    return s.cached_bytes;
}

static void *caches_or_not(void *arg)
{
    void *blocks[100];
    for (int round = 0; round < 3; round++) {
        enable(round % 2);
        size_t before = cached();
        for (int i = 0; i < 100; i++)
            blocks[i] = door.malloc(100);
        for (int i = 0; i < 100; i++)
            door.free(blocks[i]);
        if (round % 2)
            assert_true(cached() >= before + 100 * 112);
        else
            assert_int_equal(cached(), before);
        assert_int_equal(door.mallctl("thread.tcache.flush", NULL, NULL, NULL, 0),
                         round % 2 ? 0 : EFAULT);
        assert_true(cached() <= before);
    }
    return arg;
}

static void test_a_thread_may_have_no_cache(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    in_a_thread(caches_or_not);
}

static const uint64_t *pointer_at(const char *name)
{
    const uint64_t *p = NULL;
    size_t len = sizeof p;
    assert_int_equal(door.mallctl(name, &p, &len, NULL, 0), 0);
    assert_non_null(p);
    return p;
}

/* The variables follow each call, and agree with the names. */
static void *pointers_follow(void *arg)
{
    void *block = door.malloc(100);
    const uint64_t *a = pointer_at("thread.allocatedp"), *d = pointer_at("thread.deallocatedp");
    assert_int_equal(*a, taken());
    for (int i = 0; i < 500; i++) {
        uint64_t before = *a, freed = *d;
        void *p = i % 2 ? door.malloc(48) : door.calloc(3, 16);
        assert_int_equal(*a - before, 48);
        assert_int_equal(*d, freed);
        door.free(p);
        assert_int_equal(*d - freed, 48);
        assert_int_equal(*a - before, 48);
    }
    for (size_t size = 1; size < (10u << 20); size = size * 5 + 1) {
        uint64_t held = *a - *d;
        void *p = door.aligned_alloc(64, size);
        size_t usable = door.usable_size(p);
        assert_int_equal(*a - *d - held, usable);
        p = door.realloc(p, size * 2);
        assert_int_equal(*a - *d - held, door.usable_size(p));
        door.free(p);
        assert_int_equal(*a - *d, held);
        assert_int_equal(*a, taken());
        assert_int_equal(*d, given_back());
    }
    door.free(block);
    assert_int_equal(*a, *d);
    return arg;
}

static void test_pointers_to_the_bytes_of_the_thread(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    in_a_thread(pointers_follow);
}

static void test_thread_arena(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    unsigned mine = unsigned_at("thread.arena"), none = 4000;
    assert_true(mine < unsigned_at("arenas.narenas"));
    assert_int_equal(door.mallctl("thread.arena", NULL, NULL, &mine, sizeof mine), 0);
    assert_int_equal(door.mallctl("thread.arena", NULL, NULL, &none, sizeof none), EFAULT);
    assert_int_equal(door.mallctl("thread.idle", NULL, NULL, NULL, 0), 0);
}

/* ---- from anywhere ------------------------------------------------------------------------------
 */

static atomic_uint bad;

static void *asks(void *arg)
{
    for (int i = 0; i < (slow_run() ? 20 : 200); i++) {
        uint64_t any = 1;
        size_t value, len = sizeof value;
        int failed = door.mallctl("epoch", NULL, NULL, &any, sizeof any) |
                     door.mallctl("stats.arenas.4096.small.allocated", &value, &len, NULL, 0) |
                     door.mallctl("stats.active", &value, &len, NULL, 0) |
                     door.mallctl("thread.allocated", &value, &len, NULL, 0) |
                     door.mallctl("arena.0.decay", NULL, NULL, NULL, 0);
        void *block = door.malloc((size_t)i * 37 + 1);
        if (failed || !block)
            atomic_fetch_add(&bad, 1);
        door.free(block);
    }
    return arg;
}

static void test_many_ask_at_once(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    pthread_t threads[4];
    atomic_store(&bad, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, asks, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&bad), 0);
}

/* The function that takes the report allocates, asks, and changes things. */
static unsigned pieces;

static void takes_pieces(void *opaque, const char *piece)
{
    uint64_t any = 1;
    assert_string_equal(opaque, "mine");
    assert_true(strlen(piece) > 0);
    door.free(door.malloc(strlen(piece)));
    if (pieces++ % 32 == 0) {
        assert_int_equal(door.mallctl("epoch", NULL, NULL, &any, sizeof any), 0);
        assert_int_equal(door.mallctl("arena.0.purge", NULL, NULL, NULL, 0), 0);
    }
}

static void test_the_report_can_ask_back(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    char mine[] = "mine";
    for (int i = 0; i < 3; i++) {
        pieces = 0;
        door.stats_print(takes_pieces, mine, (const char *const[]){"xa", "Jxa", "gmablh"}[i]);
        assert_true(pieces > 0);
    }
    pieces = 0;
    *door.message = takes_pieces;
    door.stats_print(NULL, mine, "a");
    *door.message = NULL;
    assert_true(pieces > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_name_keeps_its_promise),
        TEST(test_a_broken_promise_is_found),
        TEST(test_null_pointers),
        TEST(test_numbers_of_a_mib_can_be_exchanged),
        TEST(test_mibs_can_be_cut_short_and_completed),
        TEST(test_leading_zeros_name_the_same),
        TEST(test_limits_and_constants),
        TEST(test_decay_settings_hold_at_once),
        TEST(test_no_change_without_the_old_value),
        TEST(test_purge_gives_back),
        TEST(test_dss_is_disabled),
        TEST(test_lookup_finds_the_arena),
        TEST(test_arenas_are_initialized),
        TEST(test_arenas_can_be_made_and_ended),
        TEST(test_caches_can_be_made_and_ended),
        TEST(test_hooks_can_be_read_and_exchanged),
        TEST(test_bytes_of_the_thread),
        TEST(test_bytes_without_a_cache),
        TEST(test_a_thread_may_have_no_cache),
        TEST(test_pointers_to_the_bytes_of_the_thread),
        TEST(test_thread_arena),
        TEST(test_many_ask_at_once),
        TEST(test_the_report_can_ask_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
