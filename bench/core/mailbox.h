/* mailbox.h: lists of blocks that one worker hands to another to be freed there.
 *
 *     giver    [b b b b]  --post-->  | [b b] [b b b] [    ] |  --take-->  [b b]    taker
 *              gets an empty list     a place for each list                gives an empty list
 *
 * Lists change hands by swapping, so nothing is copied and no list is ever made after setup. A
 * mailbox has a fixed number of places: what waits in it is bounded whoever runs faster. Nobody
 * waits either: a giver that finds it full keeps its list and frees the blocks itself.
 */
#ifndef ASHLAR_BENCH_MAILBOX_H
#define ASHLAR_BENCH_MAILBOX_H

#include <pthread.h>

#include "worker.h"

/* Blocks, with room for as many as the workload said at setup. */
struct block_list {
    struct slot *slots;
    uint64_t count; /* used; 0 is an empty list */
};

struct mailbox {
    _Alignas(128) pthread_mutex_t lock;
    uint64_t nplaces;          /* lists that fit */
    uint64_t nwaiting;         /* lists that wait */
    uint64_t first;            /* the place of the one that waits longest */
    struct block_list *places; /* a ring; those that do not wait are empty */
};

/* A list for `capacity` blocks. */
struct block_list block_list_make(uint64_t capacity);

/* One mailbox a worker, each for `nplaces` lists of `capacity` blocks. */
struct mailbox *mailbox_array(unsigned nworkers, uint64_t nplaces, uint64_t capacity);

/* Gives *list away and puts an empty one in its place. Returns false when the mailbox is full. */
bool mailbox_post(struct mailbox *mailbox, struct block_list *list);

/* Swaps *list, which is empty, for the list that waits longest. Returns false when none waits. */
bool mailbox_take(struct mailbox *mailbox, struct block_list *list);

/* Frees the blocks of a list in their order, and empties it. */
void block_list_end(struct worker *worker, struct block_list *list);

/* Takes and frees whatever waits. `list` is an empty list to swap with. Returns how many blocks. */
uint64_t mailbox_empty(struct worker *worker, struct mailbox *mailbox, struct block_list *list);

#endif
