/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/list - a doubly linked ring whose links live inside the items.
 *
 * A `struct list` is both the head of a list and the link in an item; reach
 * the item with CONTAINER_OF.  Nothing is allocated, nothing can fail.  Heads
 * are initialised with list_init; links need none when they are zeroed.
 *
 * An item must be removed before its memory ends.  list_remove of an item that
 * stands in no list does nothing, so teardown needs no case of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Does this link stand in some list? */
static inline bool list_linked(const struct list *link)
{
	return link->next != NULL && link->next != link;
}

/* The link stands right before `at`; before the head is the end of the list. */
static inline void list_insert_before(struct list *at, struct list *link)
{
	link->next = at;
	link->prev = at->prev;
	at->prev->next = link;
	at->prev = link;
}

static inline void list_push_back(struct list *head, struct list *link)
{
	list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link)
{
	list_insert_before(head->next, link);
}

static inline void list_remove(struct list *link)
{
	if (link->next == NULL)
		return;
	link->next->prev = link->prev;
	link->prev->next = link->next;
	link->next = link->prev = NULL;
}

/* The first link, still in the list, or NULL when it is empty. */
static inline struct list *list_first(const struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

/* The first link, taken out, or NULL when it is empty. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *link = list_first(head);
	if (link != NULL)
		list_remove(link);
	return link;
}

/* Every link in order; the one that `it` is at may be removed meanwhile. */
#define LIST_EACH(head, it)                                                    \
	for (struct list *it = (head)->next, *it##_next = it->next;            \
	     it != (head); it = it##_next, it##_next = it->next)
