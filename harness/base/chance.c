/* chance.c: see chance.h. */
#include "base/chance.h"

#include <sys/random.h>
#include <time.h>

uint64_t chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

struct chance chance_for(uint64_t seed, uint64_t first, uint64_t second)
{
    struct chance chance = {seed};

    /* One step between the ingredients, so that (1, 2) and (2, 1) are different streams. */
    chance.state = chance_next(&chance) ^ first;
    chance.state = chance_next(&chance) ^ second;
    return chance;
}

uint64_t chance_below(struct chance *chance, uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t drawn;

    do
        drawn = chance_next(chance);
    while (drawn >= limit);
    return drawn % bound;
}

void chance_permutation(struct chance *chance, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t j = (size_t)chance_below(chance, i + 1);

        order[i] = order[j];
        order[j] = i;
    }
}

uint64_t chance_fresh_seed(void)
{
    uint64_t seed;
    struct timespec now;

    if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        return seed >> 1; /* stays positive as a JSON integer */
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}
