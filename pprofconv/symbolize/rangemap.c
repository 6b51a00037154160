/* SPDX-License-Identifier: MIT */
/* rangemap_build() cuts the ranges into pieces that don't overlap, each with the id of the
 * innermost range that covers it. It goes once through the sorted ranges and keeps a stack of the
 * open ranges. A look-up is then one binary search, no matter how deep ranges nest. If ranges
 * cross, which happens only in broken input, the later range is treated as the inner one. */
#include "symbolize/rangemap.h"

struct open_range {
	uint64_t high;
	uint32_t id;
};

struct sweep {
	struct rangemap *map;
	VEC(struct open_range) open; /* the innermost last */
};

int rangemap_add(struct rangemap *map, uint64_t low, uint64_t high, uint32_t depth, uint32_t id)
{
	struct rangemap_range range = {.low = low, .high = high, .depth = depth, .id = id};

	if (low >= high)
		return 0;
	return vec_push(&map->ranges, range);
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

/* Sorts by start. If ranges start at the same address, the outer range comes first. */
static int compare_ranges(const void *left, const void *right)
{
	const struct rangemap_range *a = left, *b = right;

	if (a->low != b->low)
		return COMPARE(a->low, b->low);
	if (a->high != b->high)
		return COMPARE(b->high, a->high);
	if (a->depth != b->depth)
		return COMPARE(a->depth, b->depth);
	return COMPARE(a->id, b->id);
}

static int start_piece(struct rangemap *map, uint64_t start, uint32_t id)
{
	if (map->pieces.n) {
		struct rangemap_piece *last = &map->pieces.items[map->pieces.n - 1];

		if (last->start == start)
			last->id = id;
		if (last->id == id)
			return 0;
	}
	return vec_push(&map->pieces, (struct rangemap_piece){.start = start, .id = id});
}

/* Closes the open ranges that end at or before `address`. */
static int close_until(struct sweep *sweep, uint64_t address)
{
	while (sweep->open.n && sweep->open.items[sweep->open.n - 1].high <= address) {
		uint64_t end = sweep->open.items[sweep->open.n - 1].high;
		uint32_t outer = RANGEMAP_NONE;
		int r;

		while (sweep->open.n && sweep->open.items[sweep->open.n - 1].high <= end)
			sweep->open.n--;
		if (sweep->open.n)
			outer = sweep->open.items[sweep->open.n - 1].id;
		r = start_piece(sweep->map, end, outer);
		if (r)
			return r;
	}
	return 0;
}

static int open_range(struct sweep *sweep, const struct rangemap_range *range)
{
	struct open_range open = {.high = range->high, .id = range->id};
	int r;

	r = close_until(sweep, range->low);
	if (!r)
		r = start_piece(sweep->map, range->low, range->id);
	if (!r)
		r = vec_push(&sweep->open, open);
	return r;
}

int rangemap_build(struct rangemap *map)
{
	struct sweep sweep = {.map = map};
	int r = 0;

	if (map->ranges.n)
		qsort(map->ranges.items, map->ranges.n, sizeof(*map->ranges.items), compare_ranges);
	for (size_t i = 0; !r && i < map->ranges.n; i++)
		r = open_range(&sweep, &map->ranges.items[i]);
	if (!r)
		r = close_until(&sweep, UINT64_MAX);
	vec_deinit(&sweep.open);
	vec_deinit(&map->ranges);
	return r;
}

uint32_t rangemap_find(const struct rangemap *map, uint64_t address)
{
	size_t low = 0, high = map->pieces.n; /* the result is the piece at low - 1 */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->pieces.items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? map->pieces.items[low - 1].id : RANGEMAP_NONE;
}

void rangemap_deinit(struct rangemap *map)
{
	vec_deinit(&map->ranges);
	vec_deinit(&map->pieces);
}
