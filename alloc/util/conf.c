/* conf.c: see conf.h. One table names every option; parsing and printing walk it. */
#include "conf.h"
#include "config.h"
#include "diag.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* A program may define this to compile options in, as the allocators of this family allow. */
extern const char *malloc_conf __attribute__((weak));

struct conf conf = {
    .narenas = 0,
    .dirty_decay_ms = 10000,
    .lg_prof_sample = 19,
    .lg_tcache_max = 20,
    .zero_realloc = ZERO_REALLOC_FREE,
    .thp = THP_DEFAULT,
    .purge = PURGE_DECAY,
    .lg_dirty_mult = 3,
    .tcache = true,
};

struct setting setting_decay_ms, setting_lg_dirty_mult;

enum kind { KIND_BOOL, KIND_UNSIGNED, KIND_SIGNED, KIND_CHOICE };

struct option {
    char key[24];        /* arrays, not pointers: the table needs no relocation */
    enum kind kind;
    uint16_t offset;     /* of the field in struct conf */
    int64_t low, high;   /* range of a number, inclusive */
    char choices[24];    /* of KIND_CHOICE: words in the order of the enum, separated by '|' */
};

#define BOOL(key) {#key, KIND_BOOL, offsetof(struct conf, key), 0, 1, "true|false"}
#define UNSIGNED(key, low, high) \
    {#key, KIND_UNSIGNED, offsetof(struct conf, key), low, high, ""}
#define SIGNED(key, low, high) {#key, KIND_SIGNED, offsetof(struct conf, key), low, high, ""}
#define CHOICE(key, words) {#key, KIND_CHOICE, offsetof(struct conf, key), 0, 0, words}

static const struct option options[] = {
    BOOL(abort_conf),
    BOOL(confirm_conf),
    UNSIGNED(narenas, 0, ARENAS_MAX),
    CHOICE(purge, "decay|ratio"),
    SIGNED(dirty_decay_ms, -1, INT64_C(1) << 40),
    SIGNED(lg_dirty_mult, -1, 63),
    BOOL(tcache),
    UNSIGNED(lg_tcache_max, 4, 20),
    CHOICE(zero_realloc, "free|alloc|abort"),
    CHOICE(thp, "default|always|never"),
    CHOICE(percpu_arena, "disabled|percpu|phycpu"),
    UNSIGNED(oversize_threshold, 0, INT64_C(1) << 46),
    BOOL(stats_print),
    BOOL(xmalloc),
    BOOL(prof),
    UNSIGNED(lg_prof_sample, 0, 40),
};
#define NOPTIONS (sizeof options / sizeof options[0])

/* Keys of other allocators of this family that mean nothing here. */
static const char foreign_keys[] = "|muzzy_decay_ms|metadata_thp|hpa|hpa_slab_max_alloc|lg_chunk|dss|"
                                   "background_thread|retain|";

static bool word_equals(const char *word, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(word, text, len) == 0;
}

static bool parse_number(const char *text, size_t len, int64_t *out)
{
    bool negative = len > 0 && text[0] == '-';
    uint64_t value = 0;
    if (len == (size_t)negative) {
        return false;
    }
    for (size_t i = negative; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (uint64_t)INT64_MAX / 10 - 1) {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* The position of the word among `a|b|c`, or -1. */
static int choice_index(const char *choices, const char *word, size_t len)
{
    for (int index = 0;; index++) {
        const char *end = strchr(choices, '|');
        size_t choice_len = end ? (size_t)(end - choices) : strlen(choices);
        if (choice_len == len && memcmp(choices, word, len) == 0) {
            return index;
        }
        if (!end) {
            return -1;
        }
        choices = end + 1;
    }
}

static bool set(const struct option *o, const char *value, size_t len)
{
    char *field = (char *)&conf + o->offset;
    int64_t number;
    if (o->kind == KIND_BOOL) {
        int index = choice_index(o->choices, value, len);
        if (index >= 0) {
            *(bool *)(void *)field = index == 0;
        }
        return index >= 0;
    }
    if (o->kind == KIND_CHOICE) {
        number = choice_index(o->choices, value, len);
        if (number < 0) {
            return false;
        }
    } else if (!parse_number(value, len, &number) || number < o->low || number > o->high) {
        return false;
    }
    memcpy(field, &number, sizeof number);
    return true;
}

/* A copy with an end, for messages. */
static const char *cut(char buf[64], const char *text, size_t len)
{
    len = len < 63 ? len : 63;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return buf;
}

static bool apply_pair(const char *pair, size_t len, const char *source, bool silent)
{
    char key_text[64], value_text[64];
    const char *colon = memchr(pair, ':', len);
    if (!colon) {
        diag_line("option \"%s\" from %s has no value (write key:value); ignored",
                  cut(key_text, pair, len), source);
        return false;
    }
    size_t key_len = (size_t)(colon - pair), value_len = len - key_len - 1;
    cut(key_text, pair, key_len);
    cut(value_text, colon + 1, value_len);
    for (size_t i = 0; i < NOPTIONS; i++) {
        const struct option *o = &options[i];
        if (!word_equals(pair, key_len, o->key)) {
            continue;
        }
        if (set(o, colon + 1, value_len)) {
            return true;
        }
        if (o->choices[0]) {
            diag_line("option \"%s:%s\" from %s: the value must be one of %s; ignored", key_text,
                      value_text, source, o->choices);
        } else {
            diag_line("option \"%s:%s\" from %s: the value must be a number from %d to %d; ignored",
                      key_text, value_text, source, o->low, o->high);
        }
        return false;
    }
    if (silent) {
        char framed[66] = "|";
        memcpy(framed + 1, key_text, strlen(key_text) + 1);
        strcat(framed, "|");
        if (strstr(foreign_keys, framed)) {
            return true;
        }
    }
    diag_line("unknown option \"%s:%s\" from %s; ignored", key_text, value_text, source);
    return false;
}

unsigned conf_apply(const char *string, const char *source, bool foreign_keys_are_silent)
{
    unsigned bad = 0;
    while (string && *string) {
        size_t len = strcspn(string, ",");
        if (len) {
            bad += !apply_pair(string, len, source, foreign_keys_are_silent);
        }
        string += len + (string[len] == ',');
    }
    return bad;
}

static COLD void confirm(void)
{
    for (size_t i = 0; i < NOPTIONS; i++) {
        const struct option *o = &options[i];
        const char *field = (const char *)&conf + o->offset;
        char word[64];
        int64_t number;
        if (o->kind == KIND_BOOL) {
            diag_line("%s:%s", o->key, *(const bool *)(const void *)field ? "true" : "false");
            continue;
        }
        memcpy(&number, field, sizeof number);
        if (o->kind == KIND_CHOICE) {
            const char *at = o->choices;
            for (int64_t n = number; n > 0; n--) {
                at = strchr(at, '|') + 1;
            }
            diag_line("%s:%s", o->key, cut(word, at, strcspn(at, "|")));
        } else {
            diag_line("%s:%d", o->key, number);
        }
    }
}

/* The environment as the kernel keeps it, for callers before the C library has set its own: entries of
 * a program's .preinit_array. What lies beyond the buffer is not seen. */
static const char *kernel_getenv(const char *name, char *buf, size_t size)
{
    int fd = getauxval(AT_SECURE) ? -1 : open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    size_t len = 0;
    for (ssize_t n; len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0;) {
        len += (size_t)n;
    }
    close(fd);
    bool full = len == size - 1;
    while (full && len && buf[len - 1]) {
        len--; /* an entry that the end of the buffer cut */
    }
    buf[len] = '\0';
    size_t name_len = strlen(name);
    for (const char *at = buf; at < buf + len; at += strlen(at) + 1) {
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            return at + name_len + 1;
        }
    }
    return NULL;
}

static unsigned apply_environment(const char *name, bool foreign_keys_are_silent)
{
    char buf[16 << 10];
    const char *value = environ ? secure_getenv(name) : kernel_getenv(name, buf, sizeof buf);
    return conf_apply(value, name, foreign_keys_are_silent);
}

COLD void conf_load(void)
{
    char link[512];
    unsigned bad = 0;
    if (&malloc_conf && malloc_conf) {
        bad += conf_apply(malloc_conf, "malloc_conf", true);
    }
    ssize_t len = readlink("/etc/ashlar.conf", link, sizeof link - 1);
    if (len > 0) {
        link[len] = '\0';
        bad += conf_apply(link, "/etc/ashlar.conf", false);
    }
    bad += apply_environment("MALLOC_CONF", true);
    bad += apply_environment("ASHLAR_CONF", false);
    if (bad && conf.abort_conf) {
        diag_abort("abort_conf:true and %u bad option(s)", (uint64_t)bad);
    }
    if (conf.confirm_conf) {
        confirm();
    }
}
