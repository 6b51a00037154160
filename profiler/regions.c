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

/* Rests are counted before the whole is freed: a record with nothing in use may be folded. */
static uint64_t cut(size_t i, uintptr_t start, uintptr_t end)
{
	struct region r = regions[i];
	uintptr_t from = r.start > start ? r.start : start;
	uintptr_t to = r.end < end ? r.end : end;

	delete_at(i);
	keep_rest(i, to, r.end, r.record);
	keep_rest(i, r.start, from, r.record);
	hp_stacks_count_free(r.record, r.end - r.start);
	return to - from;
}

static uint64_t remove_range(uintptr_t start, uintptr_t end)
{
	uint64_t covered = 0;
	size_t i;

	while (i = find(start), i < n_regions && regions[i].start < end)
		covered += cut(i, start, end);
	return covered;
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
