/* mailbox.c: lists of blocks between workers. See mailbox.h. */
#include "mailbox.h"

struct block_list block_list_make(uint64_t capacity)
{
    return (struct block_list){book_alloc(capacity * sizeof(struct slot)), 0};
}

struct mailbox *mailbox_array(unsigned nworkers, uint64_t nplaces, uint64_t capacity)
{
    struct mailbox *all = book_alloc(nworkers * sizeof *all);
    for (unsigned i = 0; i < nworkers; i++) {
        pthread_mutex_init(&all[i].lock, NULL);
        all[i].nplaces = nplaces;
        all[i].places = book_alloc(nplaces * sizeof *all[i].places);
        for (uint64_t k = 0; k < nplaces; k++) {
            all[i].places[k] = block_list_make(capacity);
        }
    }
    return all;
}

static void swap(struct block_list *one, struct block_list *other)
{
    const struct block_list kept = *one;
    *one = *other;
    *other = kept;
}

bool mailbox_post(struct mailbox *mailbox, struct block_list *list)
{
    pthread_mutex_lock(&mailbox->lock);
    const bool fits = mailbox->nwaiting < mailbox->nplaces;
    if (fits) {
        const uint64_t place = (mailbox->first + mailbox->nwaiting++) % mailbox->nplaces;
        swap(&mailbox->places[place], list);
    }
    pthread_mutex_unlock(&mailbox->lock);
    return fits;
}

bool mailbox_take(struct mailbox *mailbox, struct block_list *list)
{
    pthread_mutex_lock(&mailbox->lock);
    const bool waits = mailbox->nwaiting > 0;
    if (waits) {
        swap(&mailbox->places[mailbox->first], list);
        mailbox->first = (mailbox->first + 1) % mailbox->nplaces;
        mailbox->nwaiting--;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return waits;
}

void block_list_end(struct worker *worker, struct block_list *list)
{
    for (uint64_t i = 0; i < list->count; i++) {
        block_end(worker, list->slots[i].block, list->slots[i].size_bytes);
    }
    list->count = 0;
}

uint64_t mailbox_empty(struct worker *worker, struct mailbox *mailbox, struct block_list *list)
{
    uint64_t nfreed = 0;
    while (mailbox_take(mailbox, list)) {
        nfreed += list->count;
        block_list_end(worker, list);
    }
    return nfreed;
}
