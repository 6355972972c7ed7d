/* stats_cli.c: the statistics on a line of numbers, for the comparison with the oracle.
 *
 *     stats-cli pairs    a line of stdin: d_1 .. d_n    w p effect n value low high confidence
 *     stats-cli upward   a line of stdin: limit d_1 .. d_n   p of "above limit", bounds (.05, .02)
 *     stats-cli holm     a line of stdin: p_1 .. p_n    the adjusted p
 *     stats-cli share    a line of stdin: found of      low high upper
 */
#include "../share.h"
#include "../stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t parse(char *line, double *at)
{
    size_t n = 0;
    char *save = NULL;
    for (char *word = strtok_r(line, " \n", &save); word != NULL;
         word = strtok_r(NULL, " \n", &save)) {
        char *end;
        at[n++] = strtod(word, &end);
        if (*end != '\0' || n == STATS_BLOCKS_MAX) {
            fprintf(stderr, "stats-cli: not a number, or too many: %s\n", word);
            exit(2);
        }
    }
    return n;
}

static bool print_pairs(const double *d, size_t n)
{
    struct stats_test t;
    struct stats_estimate e;
    if (!stats_signed_rank(d, n, &t) || !stats_location(d, n, 0.05, &e)) {
        return false;
    }
    printf("%.17g %.17g %.17g %zu %.17g %.17g %.17g %.17g\n", t.w, t.p, t.effect, t.n, e.value,
           e.low, e.high, e.confidence);
    return true;
}

static bool print_upward(const double *at, size_t n)
{
    double p, bound[2];
    double *shifted = malloc(n * sizeof *shifted);
    struct stats_test t;
    bool ok = shifted != NULL && n > 1;
    for (size_t i = 1; ok && i < n; i++) {
        shifted[i - 1] = at[i] - at[0];
    }
    ok = ok && stats_signed_rank(shifted, n - 1, &t) &&
         stats_upper_bound(at + 1, n - 1, 0.05, &bound[0]) &&
         stats_upper_bound(at + 1, n - 1, 0.02, &bound[1]);
    p = ok ? t.p_up : 1;
    free(shifted);
    if (ok) {
        printf("%.17g %.17g %.17g\n", p, bound[0], bound[1]);
    }
    return ok;
}

static bool print_holm(const double *p, size_t n)
{
    double adjusted[STATS_BLOCKS_MAX];
    if (!stats_holm(p, n, n, adjusted)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        printf("%.17g%c", adjusted[i], i + 1 < n ? ' ' : '\n');
    }
    return true;
}

static bool print_share(const double *at, size_t n)
{
    struct share s;
    bool ok = n == 2 && share_of((size_t)at[0], (size_t)at[1], &s);
    if (ok) {
        printf("%.17g %.17g %.17g\n", s.low, s.high, s.upper);
    }
    return ok;
}

static const struct {
    const char *name;
    bool (*print)(const double *at, size_t n);
} modes[] = {
    {"pairs", print_pairs}, {"upward", print_upward}, {"holm", print_holm}, {"share", print_share}};

#define MODES (sizeof modes / sizeof modes[0])

int main(int argc, char **argv)
{
    size_t mode = 0;
    while (argc == 2 && mode < MODES && strcmp(argv[1], modes[mode].name) != 0) {
        mode++;
    }
    if (argc != 2 || mode == MODES) {
        fprintf(stderr, "usage: stats-cli pairs|upward|holm|share <numbers\n");
        return 2;
    }
    static double at[STATS_BLOCKS_MAX];
    char line[1 << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t n = parse(line, at);
        if (!modes[mode].print(at, n)) {
            fprintf(stderr, "stats-cli: no result for %zu numbers\n", n);
            return 1;
        }
    }
    return 0;
}
