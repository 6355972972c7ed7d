/* frag.c: memory over time.
 *
 * A mode is a way to move live memory up and down; each is one entry of the table `modes`.
 *
 *     sawtooth   live
 *         peak    |   /|   /|   /|        grow to the peak with log-uniform sizes,
 *                 |  / |  / |  / |        then free a random 95 %, until --ops blocks were made
 *           5 %   | /  | /  | /  |
 *                 +----------------> blocks made
 *
 *     doubling   |a a|a a|a a|a a| . . . . . . . . . . . . . . . |    pairs of 512 B in half of
 * what |a  |a  |a  |a  | . . . . . . . . . . . . . . . |    the peak leaves; free one each |a  |a
 * |a  |a  |b   b   |b   b   | . . . . . . |    pairs of 1 KiB in half of the rest, and so on: no
 * hole fits largesmall one block of the peak's size, freed; then blocks of 1000 B up to the peak,
 * all freed but one: does the next large block find the room of the small ones?
 *
 *     aging      live
 *      peak / 2   |    ______          ______    blocks arrive at random (Poisson) and live for an
 *                 |  /        \ ____ /          exponential time, its mean by size; at half time
 *                 | /                            the sizes change
 *                 +--------------------------> blocks made
 *
 * The survivors pin pages; what matters is how much of the next slope fits between them. Each crest
 * is announced as phase ACTIVE, so a sampler can read resident over live there. A crest of `aging`
 * is a steady state: at a quarter and at three quarters of the blocks.
 */
#include "core/worker.h"

#include <math.h>

#include "core/phase.h"

enum { OPTION_MODE, OPTION_PEAK, OPTION_SIZE, OPTION_FREED };
enum { MODE_SAWTOOTH, MODE_DOUBLING, MODE_LARGESMALL, MODE_AGING, NMODES };

#define DOUBLING_BYTES ((uint64_t)512) /* the smallest block of mode doubling */
#define SMALL_BYTES ((uint64_t)1000)   /* the small blocks of mode largesmall */

struct frag_book;

/* A way to move live memory. */
struct mode {
    void (*setup)(struct worker *worker, struct frag_book *book); /* tables; capacity of `slots` */
    void (*work)(struct worker *worker);
    uint64_t (*default_ops)(uint64_t peak_bytes);
};

/* A block of mode aging that will be freed in a later tick. */
struct due {
    struct slot slot;
    uint64_t tick; /* when */
    uint32_t next; /* in the list of its cell; 0 ends it */
};

/* What mode aging knows beside its blocks. */
struct aging {
    struct due *dues;     /* capacity + 1 of them; number 0 is nobody */
    uint32_t spare;       /* list of those not in use */
    uint32_t *wheel;      /* TABLE_LEN lists by tick & TABLE_MASK */
    uint8_t *rows[2];     /* TABLE_LEN rows of each mix, drawn by their rates */
    uint32_t *lifetimes;  /* TABLE_LEN of mean 1, exponential, in 1 / LIFETIME_ONE */
    uint8_t *arrivals;    /* TABLE_LEN of blocks in a tick, Poisson of mean TICK_ARRIVALS */
    uint64_t means[2][8]; /* mean lifetime of each row in ticks, in 1 / LIFETIME_ONE */
    uint64_t live_sum;    /* live bytes, summed over the blocks made */
    uint64_t nmade;       /* blocks made */
};

/* The book of one worker. */
struct frag_book {
    struct slot *slots;    /* the blocks held, dense */
    uint64_t nslots;       /* how many are held */
    uint64_t capacity;     /* how many fit */
    uint64_t live_bytes;   /* sum of their sizes */
    uint64_t drawn;        /* sizes used so far */
    uint64_t ncrests;      /* times the peak was reached */
    const uint32_t *sizes; /* TABLE_LEN of them, of mode sawtooth */
    struct aging aging;    /* of mode aging */
};

static const char *const mode_names[] = {"sawtooth", "doubling", "largesmall", "aging", NULL};
static const struct mode modes[NMODES]; /* in that order; at the end */

static const struct option options[] = {
    [OPTION_MODE] = {"mode", OPTION_CHOICE, "sawtooth", 0, 0, mode_names, false,
                     "how live memory moves"},
    [OPTION_PEAK] = {"peak", OPTION_BYTES, "64m", 1 << 16, UINT64_C(1) << 36, NULL, false,
                     "live bytes of all workers at a crest"},
    [OPTION_SIZE] = {"size", OPTION_RANGE, "16..32k", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block of mode sawtooth, log-uniform"},
    [OPTION_FREED] = {"freed", OPTION_COUNT, "95", 1, 100, NULL, false,
                      "per cent of the blocks that mode sawtooth frees at a crest"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    return modes[run->values[OPTION_MODE].lo].default_ops(run->values[OPTION_PEAK].lo);
}

static uint64_t peak_of(const struct run *run)
{
    return run->values[OPTION_PEAK].lo / run->nthreads;
}

static void validate(const struct run *run)
{
    const uint64_t mode = run->values[OPTION_MODE].lo;
    for (unsigned i = OPTION_SIZE; mode != MODE_SAWTOOTH && i <= OPTION_FREED; i++) {
        if (!option_is_default("frag", &options[i], run->values[i])) {
            die(EXIT_USAGE, "frag: --%s does not fit --mode %s; it belongs to --mode sawtooth",
                options[i].name, mode_names[mode]);
        }
    }
    if (mode == MODE_DOUBLING && peak_of(run) < 4 * DOUBLING_BYTES) {
        die(EXIT_USAGE,
            "frag: --peak is %llu bytes for each of %u threads, too few for --mode doubling; give "
            "them 2048 or more",
            (unsigned long long)peak_of(run), run->nthreads);
    }
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct frag_book *book = book_alloc(sizeof *book);
        run->workers[i].own = book;
        modes[run->values[OPTION_MODE].lo].setup(&run->workers[i], book);
        book->slots = book_alloc(book->capacity * sizeof *book->slots);
    }
}

static void announce_crest(const struct worker *worker, struct frag_book *book)
{
    book->ncrests++;
    phase_announce(PHASE_ACTIVE, worker->index);
}

static void grow(struct worker *worker, struct frag_book *book, size_t size_bytes)
{
    book->slots[book->nslots++] = (struct slot){block_new(worker, size_bytes), size_bytes};
    book->live_bytes += size_bytes;
}

/* Frees one block and closes the gap with the last. */
static void shrink(struct worker *worker, struct frag_book *book, uint64_t victim)
{
    const struct slot gone = book->slots[victim];
    block_end(worker, gone.block, gone.size_bytes);
    book->live_bytes -= gone.size_bytes;
    book->slots[victim] = book->slots[--book->nslots];
}

/* Ninety crests of the default sizes, whose mean is 4295 bytes and of which a slope renews 95 %:
 * ten, as described, take a tenth of a second. */
static uint64_t saw_ops(uint64_t peak_bytes)
{
    return peak_bytes / 50;
}

static void saw_setup(struct worker *worker, struct frag_book *book)
{
    book->sizes = worker_draw_sizes(worker, worker->run->values[OPTION_SIZE], prng_log_uniform);
    uint64_t sum = 0;
    for (size_t k = 0; k < TABLE_LEN; k++) {
        sum += book->sizes[k];
    }
    /* A quarter above the mean number of blocks at a crest. Running out of slots ends a slope
     * early, which the seed alone decides. */
    const uint64_t expected = peak_of(worker->run) / (sum / TABLE_LEN);
    book->capacity = expected + expected / 4 + 64;
}

static void saw(struct worker *worker)
{
    struct frag_book *book = worker->own;
    const uint64_t peak = peak_of(worker->run);
    const uint64_t freed = worker->run->values[OPTION_FREED].lo;
    for (uint64_t left = worker->ops; left > 0; left--) {
        grow(worker, book, book->sizes[book->drawn++ & TABLE_MASK]);
        if (book->live_bytes < peak && book->nslots < book->capacity) {
            continue;
        }
        announce_crest(worker, book);
        for (uint64_t n = book->nslots * freed / 100; n > 0; n--) {
            shrink(worker, book, prng_uniform(&worker->prng, 0, book->nslots));
        }
    }
}

/* Frees all blocks from number `first` on, the last one first. */
static void shrink_to(struct worker *worker, struct frag_book *book, uint64_t first)
{
    while (book->nslots > first) {
        shrink(worker, book, book->nslots - 1);
    }
}

/* Six descents from an empty heap: one takes 1.6 blocks for each 1024 bytes of the peak. */
static uint64_t doubling_ops(uint64_t peak_bytes)
{
    return peak_bytes / 100;
}

static void doubling_setup(struct worker *worker, struct frag_book *book)
{
    /* A step leaves one block of each pair: live never has more than that many smallest ones. */
    book->capacity = peak_of(worker->run) / DOUBLING_BYTES + 2;
}

/* Fills half of what the peak leaves with pairs, and frees the second of each. Returns the blocks
 * made; 0 when not one pair fits. */
static uint64_t doubling_step(struct worker *worker, struct frag_book *book, size_t size_bytes,
                              uint64_t limit)
{
    const uint64_t room = (peak_of(worker->run) - book->live_bytes) / 2;
    const uint64_t first = book->nslots;
    const uint64_t fits = room / (2 * size_bytes) * 2;
    const uint64_t count = fits < limit ? fits : limit;
    for (uint64_t i = 0; i < count; i++) {
        grow(worker, book, size_bytes);
    }
    if (count > 0) {
        announce_crest(worker, book);
    }
    /* From the top down, so that the block which fills a gap is one that stays. */
    for (uint64_t i = count / 2; i > 0; i--) {
        shrink(worker, book, first + 2 * i - 1);
    }
    return count;
}

static void doubling(struct worker *worker)
{
    struct frag_book *book = worker->own;
    size_t size = DOUBLING_BYTES;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t made = doubling_step(worker, book, size, left);
        left -= made;
        size *= 2;
        if (made == 0) {
            shrink_to(worker, book, 0);
            size = DOUBLING_BYTES;
        }
    }
}

/* Twenty rounds; the hundred that were described are a preset. */
static uint64_t largesmall_ops(uint64_t peak_bytes)
{
    return 20 * (1 + peak_bytes / SMALL_BYTES);
}

static void largesmall_setup(struct worker *worker, struct frag_book *book)
{
    /* Beside a round's blocks there is one survivor of each round. */
    const uint64_t round = peak_of(worker->run) / SMALL_BYTES;
    book->capacity = round + worker->ops / (round + 1) + 2;
}

static void largesmall(struct worker *worker)
{
    struct frag_book *book = worker->own;
    const uint64_t peak = peak_of(worker->run);
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t kept = book->nslots;
        grow(worker, book, peak);
        shrink_to(worker, book, kept);
        left--;
        const uint64_t count = left < peak / SMALL_BYTES ? left : peak / SMALL_BYTES;
        for (uint64_t i = 0; i < count; i++) {
            grow(worker, book, SMALL_BYTES);
        }
        left -= count;
        announce_crest(worker, book);
        if (count > 0) {
            const uint64_t survivor = prng_uniform(&worker->prng, kept, book->nslots);
            const struct slot stays = book->slots[survivor];
            book->slots[survivor] = book->slots[kept];
            book->slots[kept] = stays;
            shrink_to(worker, book, kept + 1);
        }
    }
}

/* Blocks of one size: how many come and how many are there. By Little's law a block lives for
 * live / rate of the time in which all rates together arrive once. */
struct row {
    uint32_t size_bytes;
    uint32_t rate; /* arrivals in a thousand of the mix */
    uint32_t live; /* blocks live in the mean, of 1 MiB in all */
};

/* Our own tables. The first mix is a server's: most blocks are small and short-lived, and a few
 * middling ones stay. The second is a cache's: entries of a few hundred bytes to 16 KiB stay. */
static const struct row mixes[2][8] = {
    {{16, 260, 800},
     {32, 250, 1200},
     {64, 200, 1400},
     {128, 140, 1000},
     {384, 80, 500},
     {1024, 45, 200},
     {4096, 20, 62},
     {16384, 5, 8}},
    {{24, 220, 300},
     {48, 220, 300},
     {96, 160, 500},
     {240, 180, 900},
     {640, 120, 420},
     {2048, 70, 110},
     {6000, 20, 19},
     {16000, 10, 9}},
};
#define NROWS (sizeof mixes[0] / sizeof mixes[0][0])

#define TICK_ARRIVALS 4               /* mean blocks in a tick */
#define LIFETIME_ONE ((uint64_t)4096) /* fixed point of lifetimes */

/* Four or more of the longest mean lifetimes for each mix. */
static uint64_t aging_ops(uint64_t peak_bytes)
{
    return peak_bytes / 40;
}

/* A number of mean 1 and exponential distribution; never 0, of which there is no logarithm. */
static double draw_exponential(struct prng *prng)
{
    return -log(((double)(prng_next(prng) >> 11) + 0.5) * 0x1p-53);
}

/* Arrivals in one tick: how many exponential gaps fit into it. */
static uint8_t draw_poisson(struct prng *prng)
{
    uint8_t count = 0;
    for (double at = draw_exponential(prng); at < TICK_ARRIVALS && count < UINT8_MAX; count++) {
        at += draw_exponential(prng);
    }
    return count;
}

static uint8_t draw_row(struct prng *prng, const struct row *mix)
{
    uint64_t at = prng_uniform(prng, 0, 1000);
    uint8_t row = 0;
    while (at >= mix[row].rate) {
        at -= mix[row++].rate;
    }
    return row;
}

/* Scales a mix to half of the peak. Returns the blocks that it has live in the mean. */
static uint64_t scale_mix(struct aging *aging, unsigned which, uint64_t mean_bytes)
{
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    for (unsigned i = 0; i < NROWS; i++) {
        bytes += (uint64_t)mixes[which][i].live * mixes[which][i].size_bytes;
    }
    for (unsigned i = 0; i < NROWS; i++) {
        const struct row *row = &mixes[which][i];
        const double live = (double)row->live * (double)mean_bytes / (double)bytes;
        aging->means[which][i] =
            (uint64_t)(live * 1000 / row->rate / TICK_ARRIVALS * (double)LIFETIME_ONE);
        blocks += (uint64_t)live;
    }
    return blocks;
}

static void aging_setup(struct worker *worker, struct frag_book *book)
{
    struct aging *aging = &book->aging;
    const uint64_t mean_bytes = peak_of(worker->run) / 2;
    aging->lifetimes = book_alloc(TABLE_LEN * sizeof *aging->lifetimes);
    aging->arrivals = book_alloc(TABLE_LEN);
    aging->wheel = book_alloc(TABLE_LEN * sizeof *aging->wheel);
    book->capacity = 1024;
    for (unsigned m = 0; m < 2; m++) {
        aging->rows[m] = book_alloc(TABLE_LEN);
        for (size_t k = 0; k < TABLE_LEN; k++) {
            aging->rows[m][k] = draw_row(&worker->prng, mixes[m]);
        }
        book->capacity += scale_mix(aging, m, mean_bytes);
    }
    for (size_t k = 0; k < TABLE_LEN; k++) {
        aging->lifetimes[k] = (uint32_t)(draw_exponential(&worker->prng) * (double)LIFETIME_ONE);
        aging->arrivals[k] = draw_poisson(&worker->prng);
    }
    aging->dues = book_alloc((book->capacity + 1) * sizeof *aging->dues);
    for (uint64_t i = 1; i <= book->capacity; i++) {
        aging->dues[i].next = i < book->capacity ? (uint32_t)i + 1 : 0;
    }
    aging->spare = 1;
}

/* Frees what is due by `tick`, which is one of its cell's. The others there have a later turn. */
static void aging_free_due(struct worker *worker, struct frag_book *book, uint64_t tick)
{
    struct aging *aging = &book->aging;
    uint32_t *link = &aging->wheel[tick & TABLE_MASK];
    while (*link != 0) {
        const uint32_t number = *link;
        struct due *due = &aging->dues[number];
        if (due->tick > tick) {
            link = &due->next;
            continue;
        }
        *link = due->next;
        block_end(worker, due->slot.block, due->slot.size_bytes);
        book->live_bytes -= due->slot.size_bytes;
        due->next = aging->spare;
        aging->spare = number;
    }
}

static void aging_arrive(struct worker *worker, struct frag_book *book, unsigned mix, uint64_t tick)
{
    struct aging *aging = &book->aging;
    const uint64_t drawn = book->drawn++;
    const unsigned row = aging->rows[mix][drawn & TABLE_MASK];
    const size_t size = mixes[mix][row].size_bytes;
    /* Another stride than that of the rows, so that a lifetime meets all rows. */
    const uint64_t unit = aging->lifetimes[(drawn + (drawn >> 16) * 7919) & TABLE_MASK];
    const uint64_t ticks = aging->means[mix][row] * unit / (LIFETIME_ONE * LIFETIME_ONE);
    const uint32_t number = aging->spare;
    struct due *due = &aging->dues[number];
    aging->spare = due->next;
    due->slot = (struct slot){block_new(worker, size), size};
    due->tick = tick + 1 + ticks;
    due->next = aging->wheel[due->tick & TABLE_MASK];
    aging->wheel[due->tick & TABLE_MASK] = number;
    book->live_bytes += size;
    aging->live_sum += book->live_bytes;
    aging->nmade++;
}

static void aging_work(struct worker *worker)
{
    struct frag_book *book = worker->own;
    const uint64_t ops = worker->ops;
    uint64_t made = 0;
    for (uint64_t tick = 0; made < ops; tick++) {
        aging_free_due(worker, book, tick);
        /* Arrivals that find no slot are turned away: a tail of the distribution, by the seed. */
        for (uint64_t n = book->aging.arrivals[tick & TABLE_MASK];
             n > 0 && made < ops && book->aging.spare != 0; n--) {
            aging_arrive(worker, book, made >= ops / 2, tick);
            made++;
            if (made == ops / 4 || made == ops - ops / 4) {
                announce_crest(worker, book);
            }
        }
    }
}

static void aging_drain(struct worker *host, struct frag_book *book)
{
    for (uint64_t cell = 0; cell < TABLE_LEN; cell++) {
        for (uint32_t at = book->aging.wheel[cell]; at != 0; at = book->aging.dues[at].next) {
            block_end(host, book->aging.dues[at].slot.block, book->aging.dues[at].slot.size_bytes);
        }
    }
}

static const struct mode modes[NMODES] = {
    [MODE_SAWTOOTH] = {saw_setup, saw, saw_ops},
    [MODE_DOUBLING] = {doubling_setup, doubling, doubling_ops},
    [MODE_LARGESMALL] = {largesmall_setup, largesmall, largesmall_ops},
    [MODE_AGING] = {aging_setup, aging_work, aging_ops},
};

static void work(struct worker *worker)
{
    modes[worker->run->values[OPTION_MODE].lo].work(worker);
}

static void drain(struct run *run)
{
    uint64_t ncrests = 0;
    uint64_t live_sum = 0;
    uint64_t nmade = 0;
    const bool aging = run->values[OPTION_MODE].lo == MODE_AGING;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct frag_book *book = run->workers[i].own;
        shrink_to(run->host, book, 0);
        if (aging) {
            aging_drain(run->host, book);
            live_sum += book->aging.live_sum;
            nmade += book->aging.nmade;
        }
        ncrests += book->ncrests;
    }
    run_counter(run, "crests", ncrests);
    if (aging) {
        run_counter(run, "mean_live_bytes", live_sum / nmade * run->nthreads);
    }
}

const struct workload workload_frag = {
    .name = "frag",
    .imitates = "a program whose demand rises and falls while a few random blocks stay",
    .source =
        "our own; the survivors follow Johnstone and Wilson, The Memory Fragmentation Problem: "
        "Solved?, 1998; doubling follows Robson, 1974; aging has the form of fleetbench's tables",
    .blind_to = "real lifetimes, which depend on size and site; here they are independent of both",
    .options = options,
    .presets =
        (const struct preset[]){
            {"memory", "our own, for the memory suite: ten crests of 256 MiB",
             "--peak 256m --ops 600000"},
            {"largesmall",
             "our own: a hundred times 32 MiB in one block, then in blocks of 1000 bytes",
             "--mode largesmall --peak 32m --ops 3355500"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--mode sawtooth --peak 64m", "--mode doubling --peak 64m",
                                   "--mode largesmall --peak 32m", "--mode aging --peak 64m", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .announces_active = true,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
