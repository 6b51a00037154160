/* SPDX-License-Identifier: MIT */
/* Candidates are sorted by their paths, read from the end. In this order, the path that has the
 * longest end in common with a given path is next to it. Candidates that were found already are
 * skipped by chains, which are shortened whenever they are followed, as in a union-find structure.
 * So thousands of functions with the same name are not all compared with each other. */
#include "transform/moved_files.h"

#include <stdlib.h>
#include <string.h>

/* Returns the i-th character of the path, counted from its end. A slash is assumed before the first
 * character, so that "a.c" and "x/a.c" have the same last part. */
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

/* Returns the number of candidates that sort before `wanted`. */
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

/* Returns how many characters, from the end, the path of the candidate at `place` has in common
 * with the path of `wanted`. Returns 0 if their names or the last parts of their paths differ. */
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
