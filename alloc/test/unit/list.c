/* list.c (test): the circular list, by its order read both ways. */
#include "../../util/list.h"
#include "unit.h"

#include <string.h>

struct item {
    char letter;
    struct list_node link;
};

static struct list_node head;
static struct item a = {.letter = 'a'}, b = {.letter = 'b'}, c = {.letter = 'c'};

/* The letters in order; dies unless the way back is the same. */
static const char *order(void)
{
    static char text[16];
    size_t n = 0;
    for (struct list_node *at = head.next; at != &head; at = at->next) {
        REQUIRE(at->next->prev == at && at->prev->next == at && n < sizeof text - 1);
        text[n++] = CONTAINER_OF(at, struct item, link)->letter;
    }
    text[n] = '\0';
    REQUIRE_EQUAL(list_empty(&head), n == 0);
    return text;
}

static void starts_empty(void)
{
    list_init(&head);
    REQUIRE(list_empty(&head));
    REQUIRE_SAME(order(), "");
}

static void pushes_at_both_ends(void)
{
    list_init(&head);
    list_push_last(&head, &b.link);
    list_push_last(&head, &c.link);
    list_push_first(&head, &a.link);
    REQUIRE_SAME(order(), "abc");
}

static void inserts_before(void)
{
    list_init(&head);
    list_push_last(&head, &a.link);
    list_insert_before(&a.link, &b.link);
    REQUIRE_SAME(order(), "ba");
    list_insert_before(&head, &c.link);
    REQUIRE_SAME(order(), "bac");
}

static void removes_anywhere(void)
{
    struct item *items[] = {&a, &b, &c};
    const char *left[] = {"bc", "ac", "ab"};
    for (int i = 0; i < 3; i++) {
        list_init(&head);
        for (int j = 0; j < 3; j++) {
            list_push_last(&head, &items[j]->link);
        }
        list_remove(&items[i]->link);
        REQUIRE_SAME(order(), left[i]);
    }
    list_init(&head);
    list_push_first(&head, &a.link);
    list_remove(&a.link);
    REQUIRE_SAME(order(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(starts_empty),
        UNIT(pushes_at_both_ends),
        UNIT(inserts_before),
        UNIT(removes_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
