/* SPDX-License-Identifier: MIT */
#include "inject/gap.h"
#include "inject/entry_patch.h"
#include <string.h>

enum {
	PAGE_BYTES = 4096,
	LOWEST = 1 << 20,
	ROOM = 64 << 10, /* that stays free next to mappings that grow */
};

static bool has_path(const struct hp_target_mapping *m, const char *name)
{
	return m && m->path && m->path_size == strlen(name) &&
	       memcmp(m->path, name, m->path_size) == 0;
}

struct reach { /* addresses at which the mapping may begin */
	uint64_t first, last;
	size_t size;
};

static struct reach reach_of(const uint64_t *addresses, size_t n, size_t size)
{
	struct reach reach = {LOWEST, INT64_MAX, size};

	for (size_t i = 0; i < n; i++) {
		uint64_t a = addresses[i];
		uint64_t first = a > HP_ENTRY_NEAR ? a - HP_ENTRY_NEAR : 0;
		uint64_t last = a + HP_ENTRY_NEAR - size;

		reach.first = first > reach.first ? first : reach.first;
		reach.last = last < reach.last ? last : reach.last;
	}
	return reach;
}

/* Returns the place in a gap, as high as possible, or 0. */
static uint64_t place_in(struct reach reach, uint64_t start, uint64_t end)
{
	uint64_t first = reach.first > start ? reach.first : start, last;

	if (end < start || end - start < reach.size + PAGE_BYTES)
		return 0;
	last = end - PAGE_BYTES - reach.size;
	last = (reach.last < last ? reach.last : last) & ~(uint64_t)(PAGE_BYTES - 1);
	return last >= first ? last : 0;
}

static uint64_t nearer(uint64_t a, uint64_t b, uint64_t to)
{
	uint64_t far_a = a > to ? a - to : to - a, far_b = b > to ? b - to : to - b;

	return !a || (b && far_b < far_a) ? b : a;
}

/* The heap grows up, and the first stack grows down: the place is not next to them. */
uint64_t hp_gap_find(const struct hp_target *t, const uint64_t *addresses, size_t n, size_t size)
{
	struct reach reach = reach_of(addresses, n, size);
	uint64_t end = 0, found = 0, near_to = n ? addresses[0] : INT64_MAX;

	for (size_t i = 0; i <= t->n_mappings; i++) {
		const struct hp_target_mapping *m = i < t->n_mappings ? &t->mappings[i] : NULL;
		uint64_t next = m ? m->start : end + 2 * (uint64_t)HP_ENTRY_NEAR;

		if (i > 0 && has_path(&t->mappings[i - 1], "[heap]"))
			end += HP_ENTRY_NEAR / 2;
		if (m && has_path(m, "[stack]"))
			next -= HP_ENTRY_NEAR / 2; /* of a stack below that, the gap is skipped */
		if (next < (uint64_t)1 << 47)
			found = nearer(found, place_in(reach, end + ROOM, next), near_to);
		end = m ? m->end : end;
	}
	return found;
}
