/* SPDX-License-Identifier: MIT */
#include "tables/spaces.h"
#include "base/memory.h"
#include <string.h>

enum {
	FIRST_CAPACITY = 512,
	RANGES_MAX = 1 << 16 /* as many mappings as Linux lets a process have by default */
};

/* The ranges are sorted by address and don't overlap. Adjacent ranges are of different kinds. */
static struct hp_space_range *ranges;
static size_t n_ranges, capacity;
static uint64_t reserved_bytes;
static struct hp_lock lock;

/* Returns the index of the first range that ends after `address`. */
static size_t find_range(uintptr_t address)
{
	size_t low = 0, high = n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool reserve_ranges(size_t n)
{
	size_t bigger = capacity ? capacity * 2 : FIRST_CAPACITY;
	struct hp_space_range *moved;

	if (n <= capacity)
		return true;
	moved = bigger <= RANGES_MAX ? hp_memory_map(bigger * sizeof(*moved)) : NULL;
	if (!moved)
		return false;
	if (n_ranges > 0)
		memcpy(moved, ranges, n_ranges * sizeof(*moved));
	struct hp_space_range *old = ranges;
	size_t old_capacity = capacity;

	/* In this order, because a fork may happen here, and the child unmaps what these variables
	 * say. */
	__atomic_store_n(&ranges, moved, __ATOMIC_RELEASE);
	__atomic_store_n(&capacity, bigger, __ATOMIC_RELEASE);
	hp_memory_unmap(old, old_capacity * sizeof(*old));
	return true;
}

static uint64_t reserved_in(const struct hp_space_range *some, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (some[i].kind == HP_SPACE_RESERVED)
			sum += some[i].end - some[i].start;
	return sum;
}

/* Replaces the ranges from `first` up to `last` by the `n` ranges in `some`. If there is no room
 * for all of them, stores only the first ones and returns false. */
static bool replace_ranges(size_t first, size_t last, const struct hp_space_range *some, size_t n)
{
	uint64_t replaced = last > first ? reserved_in(&ranges[first], last - first) : 0;
	uint64_t reserved = reserved_bytes - replaced;
	bool has_room = reserve_ranges(n_ranges - (last - first) + n);

	if (!has_room)
		n = n < last - first ? n : last - first;
	if (n_ranges > last)
		memmove(&ranges[first + n], &ranges[last], (n_ranges - last) * sizeof(*some));
	for (size_t i = 0; i < n; i++)
		ranges[first + i] = some[i];
	__atomic_store_n(&n_ranges, n_ranges - (last - first) + n, __ATOMIC_RELAXED);
	__atomic_store_n(&reserved_bytes, reserved + reserved_in(some, n), __ATOMIC_RELAXED);
	return has_room;
}

/* Appends `range` to the `*n` ranges in `some`, or joins it to the last of them. */
static void append(struct hp_space_range *some, size_t *n, struct hp_space_range range)
{
	struct hp_space_range *last = *n > 0 ? &some[*n - 1] : NULL;

	if (range.kind == HP_SPACE_UNKNOWN || range.start >= range.end)
		return;
	if (last && last->end == range.start && last->kind == range.kind)
		last->end = range.end;
	else
		some[(*n)++] = range;
}

static bool set_range(uintptr_t start, uintptr_t end, enum hp_space kind)
{
	struct hp_space_range some[3]; /* rest on the left, new range, rest on the right */
	size_t first = find_range(start), last = first, n = 0;

	if (first > 0 && ranges[first - 1].end == start)
		first--;
	while (last < n_ranges && ranges[last].start <= end)
		last++;
	if (first < last && ranges[first].start < start)
		append(some, &n,
		       (struct hp_space_range){ranges[first].start, start, ranges[first].kind});
	append(some, &n, (struct hp_space_range){start, end, kind});
	if (first < last && ranges[last - 1].end > end)
		append(some, &n,
		       (struct hp_space_range){end, ranges[last - 1].end, ranges[last - 1].kind});
	return replace_ranges(first, last, some, n);
}

bool hp_spaces_set(uintptr_t start, size_t size, enum hp_space kind)
{
	bool is_set;

	if (!hp_lock_acquire(&lock))
		return false;
	is_set = set_range(start, start + size, kind);
	hp_lock_release(&lock);
	return is_set;
}

/* Returns the part of `r` from `start` up to `end`. */
static struct hp_space_range overlap(const struct hp_space_range *r, uintptr_t start, uintptr_t end)
{
	return (struct hp_space_range){r->start > start ? r->start : start,
				       r->end < end ? r->end : end, r->kind};
}

static bool find_kind(uintptr_t start, uintptr_t end, enum hp_space kind,
		      struct hp_space_range *out)
{
	for (size_t i = find_range(start); i < n_ranges && ranges[i].start < end; i++)
		if (ranges[i].kind == kind) {
			*out = overlap(&ranges[i], start, end);
			return true;
		}
	return false;
}

bool hp_spaces_turn(uintptr_t start, size_t size, enum hp_space from, enum hp_space to,
		    struct hp_space_range *out)
{
	bool is_found;

	if (from == HP_SPACE_RESERVED && hp_spaces_reserved_bytes() == 0)
		return false;
	if (!hp_lock_acquire(&lock))
		return false;
	is_found = find_kind(start, start + size, from, out);
	if (is_found)
		set_range(out->start, out->end, to);
	hp_lock_release(&lock);
	return is_found;
}

enum hp_space hp_spaces_at(uintptr_t address)
{
	enum hp_space kind = HP_SPACE_UNKNOWN;

	if (!hp_lock_acquire(&lock))
		return kind;
	size_t i = find_range(address);

	if (i < n_ranges && ranges[i].start <= address)
		kind = ranges[i].kind;
	hp_lock_release(&lock);
	return kind;
}

void hp_spaces_take(uintptr_t start, size_t size, struct hp_spaces_taken *out)
{
	uintptr_t end = start + size;

	out->n = 0;
	if (!hp_lock_acquire(&lock))
		return;
	for (size_t i = find_range(start); i < n_ranges && ranges[i].start < end; i++)
		if (out->n < HP_SPACES_TAKEN_MAX)
			out->ranges[out->n++] = overlap(&ranges[i], start, end);
	set_range(start, end, HP_SPACE_UNKNOWN);
	hp_lock_release(&lock);
}

void hp_spaces_put_back(const struct hp_spaces_taken *taken, uintptr_t start, size_t size,
			uintptr_t now)
{
	for (size_t i = 0; i < taken->n; i++) {
		struct hp_space_range r = overlap(&taken->ranges[i], start, start + size);

		if (r.start < r.end)
			hp_spaces_set(r.start - start + now, r.end - r.start, r.kind);
	}
}

bool hp_spaces_is_empty(void)
{
	return __atomic_load_n(&n_ranges, __ATOMIC_RELAXED) == 0;
}

uint64_t hp_spaces_reserved_bytes(void)
{
	return __atomic_load_n(&reserved_bytes, __ATOMIC_RELAXED);
}

void hp_spaces_reset(void)
{
	struct hp_space_range *old = ranges;
	size_t old_capacity = capacity;

	ranges = NULL;
	n_ranges = capacity = 0;
	reserved_bytes = 0;
	hp_memory_unmap(old, old_capacity * sizeof(*old));
}

void hp_spaces_after_fork(void)
{
	hp_lock_release(&lock);
}

const struct hp_view_row hp_spaces_view[] = {
	HP_VIEW_VARIABLE("spaces.reserved_bytes", reserved_bytes),
};
