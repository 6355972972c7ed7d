/* conf.c (test): each option over its whole range, bad pairs named and ignored, later sources win. */
#include "../../util/conf.h"
#include "../../util/config.h"
#include "faults.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a program may define; conf.c knows it weakly. */
const char *malloc_conf;

static void defaults(void)
{
    REQUIRE_EQUAL(conf.narenas, 0);
    REQUIRE_EQUAL(conf.dirty_decay_ms, 10000);
    REQUIRE_EQUAL(conf.lg_prof_sample, 19);
    REQUIRE_EQUAL(conf.lg_tcache_max, 20);
    REQUIRE_EQUAL(conf.zero_realloc, ZERO_REALLOC_FREE);
    REQUIRE_EQUAL(conf.thp, THP_DEFAULT);
    REQUIRE(conf.tcache);
    REQUIRE_EQUAL(conf.purge, PURGE_DECAY);
    REQUIRE_EQUAL(conf.lg_dirty_mult, 3);
    REQUIRE_EQUAL(conf.junk, JUNK_NONE);
    REQUIRE(conf.retain && !conf.zero && !conf.abort);
    REQUIRE(!conf.abort_conf && !conf.confirm_conf && !conf.stats_print && !conf.prof && !conf.xmalloc);
    REQUIRE_SAME(conf.stats_print_opts, "");
    REQUIRE_SAME(conf.stats_print_file, "");
}

/* Applies the string; returns what was written about it. */
static const char *apply(const char *string, unsigned bad)
{
    unit_capture();
    unsigned n = conf_apply(string, "a test", false);
    const char *text = unit_captured();
    REQUIRE_EQUAL(n, bad);
    return text;
}

struct number {
    const char *key;
    const void *field; /* 8 bytes wide */
    int64_t low, high;
    int64_t scale; /* of the field to the value; 0: 1 */
};

static void require_number(const struct number *n)
{
    char string[64], want[160];
    int64_t value;
    const int64_t good[] = {n->high, n->low};
    struct conf_value read;
    for (int i = 0; i < 2; i++) {
        snprintf(string, sizeof string, "%s:%jd", n->key, (intmax_t)good[i]);
        REQUIRE_SAME(apply(string, 0), "");
        memcpy(&value, n->field, sizeof value);
        REQUIRE_EQUAL(value, n->scale && good[i] > 0 ? good[i] * n->scale : good[i]);
        REQUIRE(conf_get(n->key, &read) && !read.text);
        REQUIRE_EQUAL(read.number, good[i]);
    }
    char below[24], above[24];
    snprintf(below, sizeof below, "%jd", (intmax_t)n->low - 1);
    snprintf(above, sizeof above, "%jd", (intmax_t)n->high + 1);
    const char *bad[] = {below, above, "", "-", "x", "1x", "+1", " 1", "1 ", "0x10",
                         "9223372036854775807", "9223372036854775808", "99999999999999999999",
                         "-9223372036854775808", "-99999999999999999999"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(string, sizeof string, "%s:%s", n->key, bad[i]);
        snprintf(want, sizeof want,
                 "ashlar: option \"%s\" from a test: the value must be a number from %jd to %jd; "
                 "ignored\n",
                 string, (intmax_t)n->low, (intmax_t)n->high);
        REQUIRE_SAME(apply(string, 1), want);
        memcpy(&value, n->field, sizeof value);
        REQUIRE_EQUAL(value, n->low);
    }
}

static void numbers(void)
{
    const struct number all[] = {
        {"narenas", &conf.narenas, 0, ARENAS_MAX, 0},
        {"dirty_decay_ms", &conf.dirty_decay_ms, -1, INT64_C(1) << 40, 0},
        {"decay_time", &conf.dirty_decay_ms, -1, (INT64_C(1) << 40) / 1000, 1000},
        {"lg_dirty_mult", &conf.lg_dirty_mult, -1, 63, 0},
        {"lg_tcache_max", &conf.lg_tcache_max, 4, 20, 0},
        {"lg_prof_sample", &conf.lg_prof_sample, 0, 40, 0},
        {"oversize_threshold", &conf.oversize_threshold, 0, INT64_C(1) << 46, 0},
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        require_number(&all[i]);
    }
}

static void require_bool(const char *key, const bool *field)
{
    static const char *const bad[] = {"", "yes", "1", "tru", "truee", "TRUE", "true|false"};
    char string[64], want[160];
    for (int value = 0; value < 2; value++) {
        snprintf(string, sizeof string, "%s:%s", key, value ? "true" : "false");
        struct conf_value read;
        REQUIRE_SAME(apply(string, 0), "");
        REQUIRE_EQUAL(*field, value);
        REQUIRE(conf_get(key, &read) && read.number == value);
        REQUIRE_SAME(read.text, value ? "true" : "false");
        for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            snprintf(string, sizeof string, "%s:%s", key, bad[i]);
            snprintf(want, sizeof want,
                     "ashlar: option \"%s\" from a test: the value must be one of true|false; "
                     "ignored\n",
                     string);
            REQUIRE_SAME(apply(string, 1), want);
            REQUIRE_EQUAL(*field, value);
        }
    }
}

static void bools(void)
{
    require_bool("abort_conf", &conf.abort_conf);
    require_bool("confirm_conf", &conf.confirm_conf);
    require_bool("tcache", &conf.tcache);
    require_bool("stats_print", &conf.stats_print);
    require_bool("xmalloc", &conf.xmalloc);
    require_bool("abort", &conf.abort);
    require_bool("zero", &conf.zero);
    require_bool("retain", &conf.retain);
    require_bool("prof", &conf.prof);
}

static void require_choice(const char *key, const uint64_t *field, const char *const *words)
{
    char string[64];
    for (unsigned i = 0; words[i]; i++) {
        snprintf(string, sizeof string, "%s:%s", key, words[i]);
        REQUIRE_SAME(apply(string, 0), "");
        REQUIRE_EQUAL(*field, i);
        struct conf_value read;
        REQUIRE(conf_get(key, &read));
        REQUIRE_SAME(read.text, words[i]);
        snprintf(string, sizeof string, "%s:%sx", key, words[i]);
        REQUIRE_CONTAINS(apply(string, 1), "the value must be one of ");
        REQUIRE_EQUAL(*field, i);
    }
    snprintf(string, sizeof string, "%s:", key);
    REQUIRE_CONTAINS(apply(string, 1), "the value must be one of ");
}

static void choices(void)
{
    require_choice("zero_realloc", &conf.zero_realloc,
                   (const char *const[]){"free", "alloc", "abort", NULL});
    require_choice("purge", &conf.purge, (const char *const[]){"decay", "ratio", NULL});
    require_choice("percpu_arena", &conf.percpu_arena,
                   (const char *const[]){"disabled", "percpu", "phycpu", NULL});
    require_choice("thp", &conf.thp, (const char *const[]){"default", "always", "never", NULL});
    require_choice("junk", &conf.junk,
                   (const char *const[]){"false", "true", "alloc", "free", NULL});
    REQUIRE_SAME(apply("junk:maybe", 1), "ashlar: option \"junk:maybe\" from a test: the value must be "
                                         "one of false|true|alloc|free; ignored\n");
    REQUIRE_SAME(apply("purge:x", 1), "ashlar: option \"purge:x\" from a test: the value must be one of "
                                      "decay|ratio; ignored\n");
}

static void texts(void)
{
    struct conf_value read;
    char string[200] = "stats_print_file:";
    REQUIRE_SAME(apply("stats_print_opts:Jgma,stats_print_file:/a/b:c d", 0), "");
    REQUIRE_SAME(conf.stats_print_opts, "Jgma");
    REQUIRE_SAME(conf.stats_print_file, "/a/b:c d"); /* only the first colon divides */
    REQUIRE(conf_get("stats_print_opts", &read) && read.text == conf.stats_print_opts);
    REQUIRE_SAME(apply("stats_print_opts:Jz", 1),
                 "ashlar: option \"stats_print_opts:Jz\" from a test: the value must be of the letters "
                 "gmdablhxJ; ignored\n");
    REQUIRE_SAME(conf.stats_print_opts, "Jgma");
    REQUIRE_SAME(apply("stats_print_opts:", 0), "");
    REQUIRE_SAME(conf.stats_print_opts, "");
    memset(string + 17, 'f', CONF_TEXT_BYTES - 1);
    REQUIRE_SAME(apply(string, 0), "");
    REQUIRE_EQUAL(strlen(conf.stats_print_file), CONF_TEXT_BYTES - 1);
    strcat(string, "f");
    REQUIRE_CONTAINS(apply(string, 1), "the value must be at most 127 bytes long; ignored\n");
    REQUIRE_EQUAL(strlen(conf.stats_print_file), CONF_TEXT_BYTES - 1);
    REQUIRE(!conf_get("stats_print_fil", &read) && !conf_get("", &read));
}

/* What mallctl changes while the program runs; the options stay as they are. */
static void settings(void)
{
    struct setting own = {0};
    conf.dirty_decay_ms = 500;
    REQUIRE_EQUAL(conf_decay_ms(), 500);
    REQUIRE_EQUAL(setting_or(&own, conf_decay_ms()), 500);
    setting_change(&setting_decay_ms, 0);
    REQUIRE_EQUAL(conf_decay_ms(), 0);
    REQUIRE_EQUAL(setting_or(&own, conf_decay_ms()), 0);
    setting_change(&own, -1);
    REQUIRE(setting_or(&own, conf_decay_ms()) == -1);
    REQUIRE_EQUAL(conf.dirty_decay_ms, 500);
    conf.lg_dirty_mult = 5;
    REQUIRE_EQUAL(conf_lg_dirty_mult(), 5);
    setting_change(&setting_lg_dirty_mult, -1);
    REQUIRE(conf_lg_dirty_mult() == -1);
}

static void several_pairs(void)
{
    REQUIRE_SAME(apply(",,narenas:7,,thp:never,", 0), "");
    REQUIRE_EQUAL(conf.narenas, 7);
    REQUIRE_EQUAL(conf.thp, THP_NEVER);
    REQUIRE_CONTAINS(apply("narenas:8,tcache:maybe,narenas:9", 1), "\"tcache:maybe\"");
    REQUIRE_EQUAL(conf.narenas, 9); /* what follows a bad pair is read */
    REQUIRE(conf.tcache);
    REQUIRE_SAME(apply("", 0), "");
    REQUIRE_SAME(apply(NULL, 0), "");
}

static void bad_pairs_are_named(void)
{
    REQUIRE_SAME(apply("narenas", 1),
                 "ashlar: option \"narenas\" from a test has no value (write key:value); ignored\n");
    REQUIRE_SAME(apply("nareans:3", 1), "ashlar: unknown option \"nareans:3\" from a test; ignored\n");
    REQUIRE_SAME(apply(":3", 1), "ashlar: unknown option \":3\" from a test; ignored\n");
    REQUIRE_SAME(apply("narenasx:3", 1), "ashlar: unknown option \"narenasx:3\" from a test; ignored\n");
    REQUIRE_SAME(apply("narena:3", 1), "ashlar: unknown option \"narena:3\" from a test; ignored\n");
    REQUIRE_CONTAINS(apply("thp:a:b", 1), "option \"thp:a:b\"");
    REQUIRE_CONTAINS(apply("a,b:c", 2), "\"a\"");
}

static void long_pairs_are_cut_in_the_line(void)
{
    char string[1001];
    memset(string, 'k', 1000);
    string[1000] = '\0';
    REQUIRE(strlen(apply(string, 1)) < 200);
    string[500] = ':';
    REQUIRE(strlen(apply(string, 1)) < 250);
    memcpy(string, "narenas:", 8);
    REQUIRE_CONTAINS(apply(string, 1), "narenas:kkk");
    unit_capture();
    REQUIRE_EQUAL(conf_apply(string + 300, "a test", true), 1);
    unit_captured();
}

static void foreign_keys(void)
{
    static const char string[] = "muzzy_decay_ms:0,metadata_thp:auto,background_thread:true";
    unit_capture();
    REQUIRE_EQUAL(conf_apply(string, "a test", true), 0);
    REQUIRE_SAME(unit_captured(), "");
    REQUIRE_CONTAINS(apply(string, 3), "\"muzzy_decay_ms:0\"");
    unit_capture(); /* a part of such a key, or two of them, is unknown */
    REQUIRE_EQUAL(conf_apply("muzzy:1,:1,decay_ms:0", "a test", true), 3);
    unit_captured();
}

/* Each source sets what the ones before it set, and one thing more. */
static void later_sources_win(void)
{
    malloc_conf = "narenas:1,dirty_decay_ms:1,lg_tcache_max:11,lg_prof_sample:1";
    faults.link_text = "dirty_decay_ms:2,lg_tcache_max:12,lg_prof_sample:2";
    setenv("MALLOC_CONF", "lg_tcache_max:13,lg_prof_sample:3,dss:secondary", 1);
    setenv("ASHLAR_CONF", "lg_prof_sample:4", 1);
    unit_capture();
    conf_load();
    REQUIRE_SAME(unit_captured(), "");
    REQUIRE_EQUAL(conf.narenas, 1);
    REQUIRE_EQUAL(conf.dirty_decay_ms, 2);
    REQUIRE_EQUAL(conf.lg_tcache_max, 13);
    REQUIRE_EQUAL(conf.lg_prof_sample, 4);
}

static void sources_are_named(void)
{
    malloc_conf = "a:1,dss:x";
    faults.link_text = "b:1";
    setenv("MALLOC_CONF", "c:1,hpa:true", 1);
    setenv("ASHLAR_CONF", "d:1,hpa:true", 1);
    unit_capture();
    conf_load();
    REQUIRE_SAME(unit_captured(), "ashlar: unknown option \"a:1\" from malloc_conf; ignored\n"
                                  "ashlar: unknown option \"b:1\" from /etc/ashlar.conf; ignored\n"
                                  "ashlar: unknown option \"c:1\" from MALLOC_CONF; ignored\n"
                                  "ashlar: unknown option \"d:1\" from ASHLAR_CONF; ignored\n"
                                  "ashlar: unknown option \"hpa:true\" from ASHLAR_CONF; ignored\n");
}

/* Before the C library has the environment, the kernel has it. */
static void environment_of_the_kernel(void)
{
    static const char kernel[] = "PATH=/bin\0XASHLAR_CONF=narenas:1\0ASHLAR_CONF=narenas:5\0"
                                 "MALLOC_CONF=thp:never,narenas:4\0ASHLAR_CONFX=narenas:2";
    faults.link_text = "";
    faults.file_text = kernel;
    faults.file_bytes = sizeof kernel;
    environ = NULL;
    unit_capture();
    conf_load();
    REQUIRE_SAME(unit_captured(), "");
    REQUIRE_EQUAL(conf.narenas, 5);
    REQUIRE_EQUAL(conf.thp, THP_NEVER);
}

/* An option that was read in part is none: narenas:1 must not come of narenas:12. */
static void environment_beyond_the_buffer(void)
{
    static char kernel[40000];
    faults.link_text = "";
    faults.file_text = kernel;
    faults.file_bytes = sizeof kernel;
    environ = NULL;
    memset(kernel, 'x', sizeof kernel);
    const char *entry = "ASHLAR_CONF=narenas:12";
    size_t at = ((size_t)16 << 10) - strlen(entry); /* its last digit does not fit */
    memcpy(kernel + at, entry, strlen(entry) + 1);
    kernel[at - 1] = '\0';
    unit_capture();
    conf_load();
    unit_captured();
    REQUIRE(conf.narenas == 0 || conf.narenas == 12);
}

static void no_sources(void)
{
    faults.link_text = "";
    unsetenv("MALLOC_CONF");
    unsetenv("ASHLAR_CONF");
    unit_capture();
    conf_load();
    REQUIRE_SAME(unit_captured(), "");
    defaults();
}

static void part_bad_and_abort(void)
{
    faults.link_text = "";
    setenv("ASHLAR_CONF", "x:1,abort_conf:true", 1);
    conf_load();
}

static void part_good_and_abort(void)
{
    faults.link_text = "";
    setenv("ASHLAR_CONF", "narenas:1,abort_conf:true", 1);
    conf_load();
}

static void part_bad_and_abort_all(void)
{
    faults.link_text = "";
    setenv("ASHLAR_CONF", "abort:true,x:1,y", 1);
    conf_load();
}

static void abort_ends_the_program(void)
{
    REQUIRE_ABORTS(part_bad_and_abort_all,
                   "ashlar: unknown option \"x:1\" from ASHLAR_CONF; ignored\n"
                   "ashlar: option \"y\" from ASHLAR_CONF has no value (write key:value); ignored\n"
                   "ashlar: abort:true and 2 bad option(s)\n");
}

static void abort_conf_ends_the_program(void)
{
    REQUIRE_ABORTS(part_bad_and_abort, "ashlar: unknown option \"x:1\" from ASHLAR_CONF; ignored\n"
                                       "ashlar: abort_conf:true and 1 bad option(s)\n");
    struct unit_end end = unit_child(part_good_and_abort);
    REQUIRE_EQUAL(end.exit, 0);
    REQUIRE_SAME(end.text, "");
}

static void confirm_conf_prints_all(void)
{
    faults.link_text = "";
    setenv("ASHLAR_CONF", "confirm_conf:true,zero_realloc:alloc,thp:never,dirty_decay_ms:-1", 1);
    unit_capture();
    conf_load();
    REQUIRE_SAME(unit_captured(),
                 "ashlar: abort_conf:false\nashlar: abort:false\nashlar: confirm_conf:true\n"
                 "ashlar: narenas:0\nashlar: purge:decay\nashlar: dirty_decay_ms:-1\n"
                 "ashlar: decay_time:-1\nashlar: lg_dirty_mult:3\nashlar: retain:true\n"
                 "ashlar: tcache:true\nashlar: lg_tcache_max:20\nashlar: zero_realloc:alloc\n"
                 "ashlar: junk:false\nashlar: zero:false\nashlar: thp:never\n"
                 "ashlar: percpu_arena:disabled\nashlar: oversize_threshold:0\nashlar: xmalloc:false\n"
                 "ashlar: stats_print:false\nashlar: stats_print_opts:\nashlar: stats_print_file:\n"
                 "ashlar: prof:false\nashlar: lg_prof_sample:19\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(defaults),
        UNIT(numbers),
        UNIT(bools),
        UNIT(choices),
        UNIT(texts),
        UNIT(settings),
        UNIT(several_pairs),
        UNIT(bad_pairs_are_named),
        UNIT(long_pairs_are_cut_in_the_line),
        UNIT(foreign_keys),
        UNIT(later_sources_win),
        UNIT(sources_are_named),
        UNIT(environment_of_the_kernel),
        UNIT(environment_beyond_the_buffer),
        UNIT(no_sources),
        UNIT(abort_conf_ends_the_program),
        UNIT(abort_ends_the_program),
        UNIT(confirm_conf_prints_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
