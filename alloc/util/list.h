/* list.h: an intrusive circular doubly linked list. The head is a node of the same kind.
 *
 *     head <-> a <-> b <-> head          empty: head <-> head
 */
#ifndef ASHLAR_UTIL_LIST_H
#define ASHLAR_UTIL_LIST_H

#include "common.h"

struct list_node {
    struct list_node *next; /* towards the tail */
    struct list_node *prev; /* towards the first */
};

INLINE void list_init(struct list_node *head)
{
    head->next = head->prev = head;
}

INLINE bool list_empty(const struct list_node *head)
{
    return head->next == head;
}

INLINE void list_insert_before(struct list_node *at, struct list_node *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

INLINE void list_push_first(struct list_node *head, struct list_node *node)
{
    list_insert_before(head->next, node);
}

INLINE void list_push_last(struct list_node *head, struct list_node *node)
{
    list_insert_before(head, node);
}

INLINE void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

#endif
