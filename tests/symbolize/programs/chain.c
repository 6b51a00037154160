/* SPDX-License-Identifier: MIT */
/* The second unit of the C program. Link-time optimization inlines it into the first unit. */
#include "chain.h"

#include <stdio.h>

static void complain(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

struct node *list_reverse(struct node *list)
{
	struct node *reversed = NULL;

	for (; list; list = list->next)
		reversed = list_push(reversed, list->value);
	return reversed;
}

int list_sum(const struct node *list)
{
	int sum = 0;

	for (; list; list = list->next) {
		if (list->value < 0)
			complain("negative");
		sum += list->value;
	}
	return sum;
}
