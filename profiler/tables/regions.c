/* SPDX-License-Identifier: MIT */
#include "tables/regions.h"
#include "base/memory.h"
#include "tables/sampler.h"
#include "tables/stacks.h"
#include <string.h>

enum {
	FIRST_CAPACITY = 128, /* a page */
	ADDRESS_BITS = 47
};

/* While a mapping moves, its regions are kept at addresses above those that a program can have.
 * Each move uses different ones. */
#define ASIDE (UINT64_C(1) << 63)

/* The regions are sorted by address and don't overlap. */
static struct hp_region *regions;
static uint64_t n_put_aside;
static size_t n_regions, capacity;
static struct hp_lock lock;
static struct hp_sampler sampler;
static uint32_t own_session;

void hp_regions_start(uint64_t interval, uint64_t seed, uint32_t session)
{
	hp_sampler_init(&sampler, interval, seed);
	own_session = session;
}

bool hp_regions_is_empty(void)
{
	return __atomic_load_n(&n_regions, __ATOMIC_RELAXED) == 0;
}

/* Returns the index of the first region that ends after `address`. */
static size_t find_region(uintptr_t address)
{
	size_t low = 0, high = n_regions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (regions[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool reserve_one(void)
{
	size_t bigger = capacity ? capacity * 2 : FIRST_CAPACITY;
	struct hp_region *moved;

	if (n_regions < capacity)
		return true;
	moved = hp_memory_map(bigger * sizeof(*moved));
	if (!moved)
		return false;
	if (n_regions > 0)
		memcpy(moved, regions, n_regions * sizeof(*moved));
	struct hp_region *old = regions;
	size_t old_capacity = capacity;

	/* In this order, because a fork may happen here, and the child unmaps what these variables
	 * say. */
	__atomic_store_n(&regions, moved, __ATOMIC_RELEASE);
	__atomic_store_n(&capacity, bigger, __ATOMIC_RELEASE);
	hp_memory_unmap(old, old_capacity * sizeof(*old));
	return true;
}

static bool insert_at(size_t i, struct hp_region r)
{
	if (!reserve_one())
		return false;
	memmove(&regions[i + 1], &regions[i], (n_regions - i) * sizeof(r));
	regions[i] = r;
	__atomic_store_n(&n_regions, n_regions + 1, __ATOMIC_RELAXED);
	return true;
}

static void delete_at(size_t i)
{
	memmove(&regions[i], &regions[i + 1], (n_regions - i - 1) * sizeof(regions[0]));
	__atomic_store_n(&n_regions, n_regions - 1, __ATOMIC_RELAXED);
}

static uint64_t weight_of(const struct hp_region *r)
{
	return hp_sampler_weight_bytes(r->end - r->start, sampler.interval);
}

/* Returns the part of a region from `start` up to `end`, with the first mark in that part. */
static struct hp_region piece_of(const struct hp_region *r, uintptr_t start, uintptr_t end)
{
	struct hp_region piece = {start, end, 0, r->record, r->session};
	uint64_t gap = 1;

	if (start >= end || r->mark >= end)
		return piece;
	if (r->mark < start)
		gap = hp_sampler_next_gap(&sampler);
	if (gap <= end - start)
		piece.mark = r->mark < start ? start + gap - 1 : r->mark;
	return piece;
}

/* Returns true if the region was mapped before the fork that made this process. Such a region
 * counts as allocated only while it is in use. */
static bool is_inherited(const struct hp_region *r)
{
	return r->session < own_session;
}

static void count_freed(const struct hp_region *r, size_t size)
{
	if (is_inherited(r))
		hp_stacks_uncount_alloc(r->record, size);
	else
		hp_stacks_count_free(r->record, size);
}

static void count_trimmed(const struct hp_region *r, size_t size)
{
	if (is_inherited(r)) {
		hp_stacks_count_split(r->record);
		hp_stacks_uncount_alloc(r->record, size);
	} else {
		hp_stacks_count_trimmed(r->record, size);
	}
}

static bool keep_rest(size_t at, const struct hp_region *rest)
{
	return rest->mark && insert_at(at, *rest);
}

/* Removes region `i`, puts its rests outside of the range back, and returns its part within the
 * range. Counts are changed in an order in which the record always has something in use, because a
 * record with nothing in use may be folded. */
static struct hp_region_part cut_region(size_t i, uintptr_t start, uintptr_t end,
					int64_t *out_weight)
{
	struct hp_region whole = regions[i];
	struct hp_region part = piece_of(&whole, whole.start > start ? whole.start : start,
					 whole.end < end ? whole.end : end);
	struct hp_region before = piece_of(&whole, whole.start, part.start);
	struct hp_region after = piece_of(&whole, part.end, whole.end);
	size_t unmarked = part.mark ? 0 : part.end - part.start;
	size_t n_rests = 0;

	*out_weight += weight_of(&whole);
	delete_at(i);
	for (struct hp_region *rest = &after; rest; rest = rest == &after ? &before : NULL) {
		if (keep_rest(i, rest)) {
			n_rests++;
			*out_weight -= weight_of(rest);
		} else {
			unmarked += rest->end - rest->start;
		}
	}
	if (n_rests + (part.mark != 0) == 0)
		count_freed(&whole, unmarked); /* there was no room to keep a marked rest */
	else if (unmarked > 0)
		count_trimmed(&whole, unmarked);
	if (n_rests == 2)
		hp_stacks_count_split(whole.record);
	if (n_rests > 0 && part.mark)
		hp_stacks_count_split(whole.record);
	return (struct hp_region_part){part, n_rests > 0};
}

static void count_gone(const struct hp_region_part *part)
{
	const struct hp_region *r = &part->region;
	size_t size = r->end - r->start;

	if (!r->mark)
		return;
	if (part->is_split && !is_inherited(r))
		hp_stacks_count_joined(r->record, size);
	else
		count_freed(r, size);
}

static uint64_t take_range(uintptr_t start, uintptr_t end, struct hp_regions_taken *out)
{
	uint64_t covered = 0;
	size_t i;

	while (i = find_region(start), start < end && i < n_regions && regions[i].start < end) {
		struct hp_region_part part = cut_region(i, start, end, &out->weight);

		covered += part.region.end - part.region.start;
		if (out->n < HP_REGIONS_TAKEN_MAX)
			out->parts[out->n++] = part;
		else
			count_gone(&part);
	}
	return covered;
}

/* Removes the range's regions, which must have been unmapped by a call that was not seen. */
static void drop_range(uintptr_t start, uintptr_t end)
{
	struct hp_regions_taken taken = {0};

	take_range(start, end, &taken);
	for (size_t i = 0; i < taken.n; i++)
		count_gone(&taken.parts[i]);
}

/* Joins `r` to the region that ends where `r` begins, if recording is exact and both have the same
 * record and session. Returns false if it does not join them. */
static bool join_region(const struct hp_region *r)
{
	size_t i = find_region(r->start);
	struct hp_region *last = i > 0 ? &regions[i - 1] : NULL;

	if (sampler.interval != 1 || !last || last->end != r->start || last->record != r->record ||
	    last->session != r->session)
		return false;
	last->end = r->end;
	hp_stacks_count_joined(r->record, 0 /* no bytes are freed */);
	return true;
}

static bool add_region(uintptr_t start, size_t size, uint64_t gap, hp_handle record, bool may_join)
{
	struct hp_region r = {start, start + size, start + gap - 1, record, own_session};
	bool is_added;

	if (!hp_lock_acquire(&lock))
		return false;
	drop_range(r.start, r.end);
	is_added = (may_join && join_region(&r)) || insert_at(find_region(start), r);
	hp_lock_release(&lock);
	return is_added;
}

bool hp_regions_add(uintptr_t start, size_t size, uint64_t gap, hp_handle record)
{
	return add_region(start, size, gap, record, false);
}

bool hp_regions_add_growth(uintptr_t start, size_t size, uint64_t gap, hp_handle record)
{
	return add_region(start, size, gap, record, true);
}

uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out)
{
	uint64_t covered;

	out->n = 0;
	out->weight = 0;
	if (!hp_lock_acquire(&lock))
		return 0;
	covered = take_range(start, start + size, out);
	hp_lock_release(&lock);
	return covered;
}

static void put_back(const struct hp_region_part *part)
{
	const struct hp_region *r = &part->region;

	if (!r->mark)
		return;
	drop_range(r->start, r->end);
	if (!insert_at(find_region(r->start), *r))
		count_gone(part);
}

void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone)
{
	bool is_locked = !has_gone && hp_lock_acquire(&lock);

	for (size_t i = 0; i < taken->n; i++)
		if (is_locked)
			put_back(&taken->parts[i]);
		else
			count_gone(&taken->parts[i]);
	if (is_locked)
		hp_lock_release(&lock);
}

/* --- mappings that move -------------------------------------------------------------------- */

static void reverse(size_t first, size_t last)
{
	while (first + 1 < last) {
		struct hp_region r = regions[first];

		regions[first++] = regions[--last];
		regions[last] = r;
	}
}

/* Moves the regions from `middle` up to `last` before those from `first` up to `middle`. */
static void rotate(size_t first, size_t middle, size_t last)
{
	if (first == middle || middle == last)
		return;
	reverse(first, middle);
	reverse(middle, last);
	reverse(first, last);
}

static void shift(size_t first, size_t last, uintptr_t distance)
{
	for (size_t i = first; i < last; i++) {
		regions[i].start += distance;
		regions[i].end += distance;
		regions[i].mark += distance;
	}
}

/* Splits region `i` at each end of the range that is within the region. */
static void divide_region(size_t i, uintptr_t start, uintptr_t end, int64_t *out_weight)
{
	if (i >= n_regions || regions[i].start >= end || regions[i].end <= start ||
	    (regions[i].start >= start && regions[i].end <= end))
		return;
	struct hp_region_part part = cut_region(i, start, end, out_weight);

	if (!part.region.mark)
		return;
	if (insert_at(find_region(part.region.start), part.region))
		*out_weight -= weight_of(&part.region);
	else
		count_gone(&part);
}

uintptr_t hp_regions_put_aside(uintptr_t start, size_t size, int64_t *out_weight)
{
	uintptr_t end = start + size, aside;
	size_t first, last, to;

	*out_weight = 0;
	if (!hp_lock_acquire(&lock))
		return 0;
	divide_region(find_region(start), start, end, out_weight);
	divide_region(find_region(end - 1), start, end, out_weight);
	aside = ASIDE | (n_put_aside++ & 0xffff) << ADDRESS_BITS | start;
	first = find_region(start);
	last = find_region(end);
	to = find_region(aside);
	rotate(first, last, to);
	shift(to - (last - first), to, aside - start);
	hp_lock_release(&lock);
	return aside;
}

void hp_regions_bring_back(uintptr_t aside, size_t size, uintptr_t start)
{
	size_t first, last, to;

	if (!hp_lock_acquire(&lock))
		return;
	drop_range(start, start + size);
	first = find_region(aside);
	last = find_region(aside + size);
	to = find_region(start);
	shift(first, last, start - aside);
	rotate(to, first, last);
	hp_lock_release(&lock);
}

/* --- all regions --------------------------------------------------------------------------- */

void hp_regions_reset(void)
{
	struct hp_region *old = regions;
	size_t old_capacity = capacity;

	regions = NULL;
	n_regions = capacity = 0;
	hp_memory_unmap(old, old_capacity * sizeof(*old));
}

void hp_regions_after_fork(uint64_t seed, uint32_t session)
{
	hp_lock_release(&lock);
	hp_sampler_init(&sampler, sampler.interval, seed);
	own_session = session;
}
