/* SPDX-License-Identifier: MIT */
/* If paths are sorted from their ends, the one with the longest common end is a neighbour.
 * Candidates that were taken are skipped at once: chains of them are shortened whenever one is
 * followed, as in a union-find structure. So thousands of functions of one name need not be
 * compared with each other. */
#include "transform/moved_files.h"

#include <stdlib.h>
#include <string.h>

/* Returns the i-th character from the end. A slash is before the first one: "a.c" is the last part
 * of "a.c" as of "x/a.c". */
static unsigned char from_end(const struct moved_file *c, size_t i)
{
	if (i < c->file_size)
		return (unsigned char)c->file[c->file_size - 1 - i];
	return i == c->file_size ? '/' : '\0';
}

static size_t common_end(const struct moved_file *a, const struct moved_file *b)
{
	size_t n = 0;

	while (n <= a->file_size && n <= b->file_size && from_end(a, n) == from_end(b, n))
		n++;
	return n;
}

static int compare_candidates(const void *left, const void *right)
{
	const struct moved_file *a = left, *b = right;
	size_t n = common_end(a, b);

	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	return from_end(a, n) - from_end(b, n);
}

static struct moved_file candidate(uint32_t name, const char *file, uint32_t number)
{
	return (struct moved_file){file, strlen(file), name, number};
}

int moved_files_add(struct moved_files *moved, uint32_t name, const char *file, uint32_t number)
{
	return vec_push(&moved->candidates, candidate(name, file, number));
}

int moved_files_build(struct moved_files *moved)
{
	uint32_t n = (uint32_t)moved->candidates.n;
	int r = 0;

	if (n)
		qsort(moved->candidates.items, n, sizeof(*moved->candidates.items),
		      compare_candidates);
	for (uint32_t i = 0; !r && i < n + 2; i++) { /* one before the first, one after the last */
		r = vec_push(&moved->before, i);
		if (!r)
			r = vec_push(&moved->behind, i);
	}
	return r;
}

/* Returns how many candidates come before `wanted`. */
static uint32_t find_place(const struct moved_files *moved, const struct moved_file *wanted)
{
	uint32_t low = 0, high = (uint32_t)moved->candidates.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_candidates(&moved->candidates.items[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t follow_chain(uint32_t *chain, uint32_t place)
{
	while (chain[place] != place)
		place = chain[place] = chain[chain[place]];
	return place;
}

/* Returns how much of its path the candidate at that place has in common with `wanted`; 0 if it
 * does not match. */
static size_t weigh(const struct moved_files *moved, uint32_t place,
		    const struct moved_file *wanted)
{
	const struct moved_file *c;
	size_t n, i = 0;

	if (place == 0 || place > moved->candidates.n)
		return 0;
	c = &moved->candidates.items[place - 1];
	n = common_end(c, wanted);
	while (i < n && from_end(c, i) != '/')
		i++;
	return c->name == wanted->name && i > 0 && i < n ? n : 0;
}

uint32_t moved_files_take(struct moved_files *moved, uint32_t name, const char *file)
{
	const struct moved_file wanted = candidate(name, file, MOVED_FILES_NONE);
	uint32_t place = find_place(moved, &wanted);
	uint32_t found = follow_chain(moved->before.items, place);
	uint32_t behind = follow_chain(moved->behind.items, place + 1);

	if (weigh(moved, behind, &wanted) > weigh(moved, found, &wanted))
		found = behind;
	if (!weigh(moved, found, &wanted))
		return MOVED_FILES_NONE;
	moved->before.items[found] = found - 1;
	moved->behind.items[found] = found + 1;
	return moved->candidates.items[found - 1].number;
}

void moved_files_deinit(struct moved_files *moved)
{
	vec_deinit(&moved->candidates);
	vec_deinit(&moved->before);
	vec_deinit(&moved->behind);
}
