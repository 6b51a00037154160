/* SPDX-License-Identifier: MIT */
#include "regions.h"
#include "stacks.h"
#include <string.h>

enum {
	FIRST_CAPACITY = 170 /* a page */
};

struct region {
	uintptr_t start, end;
	hp_handle record;
};

/* Sorted, without overlaps. */
static struct region *regions;
static size_t n_regions, capacity;
static struct hp_lock lock;

bool hp_regions_is_empty(void)
{
	return __atomic_load_n(&n_regions, __ATOMIC_RELAXED) == 0;
}

/* The first region that ends after `address`. */
static size_t find(uintptr_t address)
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
	struct region *moved;

	if (n_regions < capacity)
		return true;
	moved = hp_memory_map(bigger * sizeof(*moved));
	if (!moved)
		return false;
	if (n_regions > 0)
		memcpy(moved, regions, n_regions * sizeof(*moved));
	hp_memory_unmap(regions, capacity * sizeof(*regions));
	regions = moved;
	capacity = bigger;
	return true;
}

static bool insert_at(size_t i, struct region r)
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

static void keep_rest(size_t at, uintptr_t start, uintptr_t end, hp_handle record)
{
	if (start < end && insert_at(at, (struct region){start, end, record}))
		hp_stacks_count_again(record, end - start);
}

/* The part of a region that lies in the range; the rest stays. Rests are counted before the whole
 * is freed: a record with nothing in use may be folded. */
static struct hp_region_part cut(size_t i, uintptr_t start, uintptr_t end)
{
	struct region r = regions[i];
	struct hp_region_part part = {
		.start = r.start > start ? r.start : start,
		.end = r.end < end ? r.end : end,
		.whole = r.end - r.start,
		.record = r.record,
	};

	delete_at(i);
	keep_rest(i, part.end, r.end, r.record);
	keep_rest(i, r.start, part.start, r.record);
	return part;
}

static uint64_t take_range(uintptr_t start, uintptr_t end, struct hp_regions_taken *out)
{
	uint64_t covered = 0;
	size_t i;

	while (i = find(start), i < n_regions && regions[i].start < end) {
		struct hp_region_part part = cut(i, start, end);

		covered += part.end - part.start;
		if (out && out->n < HP_REGIONS_TAKEN_MAX)
			out->parts[out->n++] = part;
		else
			hp_stacks_count_free(part.record, part.whole);
	}
	return covered;
}

static uint64_t remove_range(uintptr_t start, uintptr_t end)
{
	return take_range(start, end, NULL);
}

bool hp_regions_add(uintptr_t start, size_t size, hp_handle record)
{
	bool is_added;

	if (!hp_lock_acquire(&lock))
		return false;
	remove_range(start, start + size); /* an unmapping that was not seen */
	is_added = insert_at(find(start), (struct region){start, start + size, record});
	hp_lock_release(&lock);
	return is_added;
}

uint64_t hp_regions_remove(uintptr_t start, size_t size)
{
	uint64_t covered;

	if (!hp_lock_acquire(&lock))
		return 0;
	covered = remove_range(start, start + size);
	hp_lock_release(&lock);
	return covered;
}

uint64_t hp_regions_take(uintptr_t start, size_t size, struct hp_regions_taken *out)
{
	uint64_t covered;

	out->n = 0;
	if (!hp_lock_acquire(&lock))
		return 0;
	covered = take_range(start, start + size, out);
	hp_lock_release(&lock);
	return covered;
}

static void put_back(const struct hp_region_part *part)
{
	size_t size = part->end - part->start;

	remove_range(part->start, part->end); /* an unmapping that was not seen */
	if (!insert_at(find(part->start), (struct region){part->start, part->end, part->record}))
		hp_stacks_count_free(part->record, part->whole);
	else if (size < part->whole) {
		hp_stacks_count_again(part->record, size);
		hp_stacks_count_free(part->record, part->whole);
	}
}

void hp_regions_settle(const struct hp_regions_taken *taken, bool has_gone)
{
	bool is_locked = !has_gone && hp_lock_acquire(&lock);

	for (size_t i = 0; i < taken->n; i++)
		if (is_locked)
			put_back(&taken->parts[i]);
		else
			hp_stacks_count_free(taken->parts[i].record, taken->parts[i].whole);
	if (is_locked)
		hp_lock_release(&lock);
}

void hp_regions_reset(void)
{
	hp_memory_unmap(regions, capacity * sizeof(*regions));
	regions = NULL;
	n_regions = capacity = 0;
}

void hp_regions_after_fork(void)
{
	hp_lock_reset(&lock);
}
