/* SPDX-License-Identifier: MIT */
/* Functions that both units of the C program inline. */
#pragma once
#include <stdlib.h>

struct node {
	struct node *next;
	int value;
};

struct node *list_reverse(struct node *list);
int list_sum(const struct node *list);

static inline struct node *node_new(int value)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		abort();
	node->value = value;
	return node;
}

static inline struct node *list_push(struct node *list, int value)
{
	struct node *node = node_new(value);

	node->next = list;
	return node;
}
