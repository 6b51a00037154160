/* SPDX-License-Identifier: MIT */
/* The C program. It has small functions that are inlined into each other, a loop that is unrolled,
 * a function that is called through a pointer, and a cold path. */
#include "chain.h"

#include <stdio.h>
#include <string.h>

typedef char *transformation(const char *text);

static char *twice(const char *text)
{
	size_t size = strlen(text);
	char *result = malloc(2 * size + 1);

	if (!result) {
		fprintf(stderr, "no memory for %zu bytes\n", size);
		abort();
	}
	memcpy(result, text, size);
	strcpy(result + size, text);
	return result;
}

static char *copy(const char *text)
{
	return strdup(text);
}

static struct node *numbers(int n)
{
	struct node *list = NULL;

	for (int i = 0; i < n; i++)
		list = list_push(list, i);
	return list;
}

__attribute__((noinline)) static int apply(transformation *first, transformation *second)
{
	char *a = first("one"), *b = second(a);
	int size = (int)strlen(b);

	free(a);
	free(b);
	return size;
}

int main(int argc, char **argv)
{
	struct node *list = list_reverse(numbers(argc + 3));
	int result = list_sum(list) + apply(twice, argc > 1 ? twice : copy);

	printf("%s: %d\n", argv[0], result);
	return 0;
}
