/* SPDX-License-Identifier: MIT */
#include "tables/stacks_copy.h"
#include <string.h>

static bool is_same_record(const struct hp_stacks_copy_entry *a,
			   const struct hp_stacks_copy_entry *b)
{
	return a->hash == b->hash && a->key == b->key && a->n_frames == b->n_frames && a->frames &&
	       b->frames && memcmp(a->frames, b->frames, a->n_frames * sizeof(a->frames[0])) == 0;
}

static void add_counts(struct hp_counts *to, const struct hp_counts *from)
{
	to->alloc_objects += from->alloc_objects;
	to->alloc_bytes += from->alloc_bytes;
	to->free_objects += from->free_objects;
	to->free_bytes += from->free_bytes;
}

size_t hp_stacks_merge(struct hp_stacks_copy_entry *entries, size_t n, uint32_t *places,
		       size_t n_places)
{
	size_t n_merged = 0;

	for (size_t i = 0; i < n; i++) {
		struct hp_stacks_copy_entry e = entries[i];
		size_t place = (e.hash ^ e.key * 0x9e3779b1u) % n_places;

		while (places[place] && !is_same_record(&entries[places[place] - 1], &e))
			place = place + 1 == n_places ? 0 : place + 1;
		if (places[place]) {
			add_counts(&entries[places[place] - 1].counts, &e.counts);
			continue;
		}
		entries[n_merged++] = e;
		places[place] = n_merged;
	}
	return n_merged;
}
