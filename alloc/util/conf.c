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
    .retain = true,
};

struct setting setting_decay_ms, setting_lg_dirty_mult;

#define CHOICES_MAX 4u
#define CHOICE_BYTES 12u /* of the longest word, its closing zero included */

struct option {
    char key[24];        /* arrays, not pointers: the table needs no relocation */
    enum conf_kind kind;
    uint16_t offset;     /* of the field in struct conf */
    uint16_t scale;      /* of a number: the field holds value * scale, unless the value is -1 */
    int64_t low, high;   /* range of a number, inclusive; of the value as it is written */
    /* Of a choice: its words in the order of the enum. Of a text: the letters that it may consist of,
     * where not all are allowed. */
    char choices[CHOICES_MAX][CHOICE_BYTES];
};

#define FIELD(field) offsetof(struct conf, field)
#define BOOL(key) {#key, CONF_BOOL, FIELD(key), 1, 0, 1, {"true", "false"}}
#define UNSIGNED(key, low, high) {#key, CONF_UNSIGNED, FIELD(key), 1, low, high, {""}}
#define SIGNED(key, low, high) {#key, CONF_SIGNED, FIELD(key), 1, low, high, {""}}
#define CHOICE(key, ...) {#key, CONF_CHOICE, FIELD(key), 1, 0, 0, {__VA_ARGS__}}
#define TEXT(key, ...) {#key, CONF_TEXT, FIELD(key), 1, 0, 0, {__VA_ARGS__}}

static const struct option options[] = {
    BOOL(abort_conf),
    BOOL(abort),
    BOOL(confirm_conf),
    UNSIGNED(narenas, 0, ARENAS_MAX),
    CHOICE(purge, "decay", "ratio"),
    SIGNED(dirty_decay_ms, -1, DECAY_MS_MAX),
    {"decay_time", CONF_SIGNED, FIELD(dirty_decay_ms), 1000, -1, DECAY_MS_MAX / 1000, {""}},
    SIGNED(lg_dirty_mult, -1, 63),
    BOOL(retain),
    BOOL(tcache),
    UNSIGNED(lg_tcache_max, 4, 20),
    CHOICE(zero_realloc, "free", "alloc", "abort"),
    CHOICE(junk, "false", "true", "alloc", "free"),
    BOOL(zero),
    CHOICE(thp, "default", "always", "never"),
    CHOICE(percpu_arena, "disabled", "percpu", "phycpu"),
    UNSIGNED(oversize_threshold, 0, INT64_C(1) << 46),
    BOOL(xmalloc),
    BOOL(stats_print),
    TEXT(stats_print_opts, "gmdablhxJ"),
    TEXT(stats_print_file, ""),
    BOOL(prof),
    UNSIGNED(lg_prof_sample, 0, 40),
};
#define NOPTIONS (sizeof options / sizeof options[0])

/* Keys of other allocators of this family that mean nothing here. */
static const char foreign_keys[] = "|muzzy_decay_ms|metadata_thp|hpa|hpa_slab_max_alloc|lg_chunk|dss|"
                                   "background_thread|";

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

/* The position of the word among those of the option, or -1. */
static int choice_index(const struct option *o, const char *word, size_t len)
{
    for (unsigned i = 0; i < CHOICES_MAX && o->choices[i][0]; i++) {
        if (word_equals(word, len, o->choices[i])) {
            return (int)i;
        }
    }
    return -1;
}

static bool set_text(const struct option *o, char *field, const char *value, size_t len)
{
    if (len >= CONF_TEXT_BYTES) {
        return false;
    }
    for (size_t i = 0; o->choices[0][0] && i < len; i++) {
        if (!strchr(o->choices[0], value[i])) {
            return false;
        }
    }
    memcpy(field, value, len);
    field[len] = '\0';
    return true;
}

static bool set(const struct option *o, const char *value, size_t len)
{
    char *field = (char *)&conf + o->offset;
    int64_t number = choice_index(o, value, len);
    switch (o->kind) {
    case CONF_BOOL:
        if (number >= 0) {
            *(bool *)(void *)field = number == 0;
        }
        return number >= 0;
    case CONF_TEXT:
        return set_text(o, field, value, len);
    case CONF_CHOICE:
        if (number < 0) {
            return false;
        }
        break;
    case CONF_UNSIGNED:
    case CONF_SIGNED:
        if (!parse_number(value, len, &number) || number < o->low || number > o->high) {
            return false;
        }
        number = number == -1 ? -1 : number * o->scale;
    }
    memcpy(field, &number, sizeof number);
    return true;
}

static struct conf_value get(const struct option *o)
{
    const char *field = (const char *)&conf + o->offset;
    struct conf_value v = {.kind = o->kind};
    if (o->kind == CONF_TEXT) {
        v.text = field;
        return v;
    }
    if (o->kind == CONF_BOOL) {
        v.number = *(const bool *)(const void *)field;
        v.text = o->choices[v.number ? 0 : 1];
        return v;
    }
    memcpy(&v.number, field, sizeof v.number);
    if (o->kind == CONF_CHOICE) {
        v.text = o->choices[v.number];
    } else {
        v.number = v.number == -1 ? -1 : v.number / o->scale;
    }
    return v;
}

COLD bool conf_get(const char *key, struct conf_value *out)
{
    for (size_t i = 0; i < NOPTIONS; i++) {
        if (strcmp(options[i].key, key) == 0) {
            *out = get(&options[i]);
            return true;
        }
    }
    return false;
}

/* A copy with an end, for messages. */
static const char *cut(char buf[64], const char *text, size_t len)
{
    len = len < 63 ? len : 63;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return buf;
}

/* Names a pair whose value the option does not take. */
static COLD void refuse(const struct option *o, const char *value, const char *source)
{
    const char(*c)[CHOICE_BYTES] = o->choices;
    if (o->kind == CONF_TEXT && c[0][0]) {
        diag_line("option \"%s:%s\" from %s: the value must be of the letters %s; ignored", o->key,
                  value, source, c[0]);
    } else if (o->kind == CONF_TEXT) {
        diag_line("option \"%s:%s\" from %s: the value must be at most %u bytes long; ignored", o->key,
                  value, source, (uint64_t)(CONF_TEXT_BYTES - 1));
    } else if (c[0][0]) {
        diag_line("option \"%s:%s\" from %s: the value must be one of %s|%s%s%s%s%s; ignored", o->key,
                  value, source, c[0], c[1], c[2][0] ? "|" : "", c[2], c[3][0] ? "|" : "", c[3]);
    } else {
        diag_line("option \"%s:%s\" from %s: the value must be a number from %d to %d; ignored",
                  o->key, value, source, o->low, o->high);
    }
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
        refuse(o, value_text, source);
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
        struct conf_value v = get(&options[i]);
        if (v.text) {
            diag_line("%s:%s", options[i].key, v.text);
        } else {
            diag_line("%s:%d", options[i].key, v.number);
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
    if (bad && (conf.abort_conf || conf.abort)) {
        diag_abort("%s:true and %u bad option(s)", conf.abort_conf ? "abort_conf" : "abort",
                   (uint64_t)bad);
    }
    if (conf.confirm_conf) {
        confirm();
    }
}
