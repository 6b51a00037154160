/* SPDX-License-Identifier: MIT */
#include "inject/patch_record.h"
#include "inject/entry_patch.h"
#include <stddef.h>
#include <string.h>

enum {
	PAGE_BYTES = 4096,
	PAGES_MAX = 1 << 16, /* in which the magic is looked for */
};

static const char magic[HP_PATCH_RECORD_MAGIC] = "heapprof patch 1";

static uint32_t checksum(const struct hp_patch_record *record)
{
	const uint8_t *bytes = (const uint8_t *)&record->page;
	size_t size = sizeof(*record) - offsetof(struct hp_patch_record, page);
	uint32_t sum = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 16777619;
	return sum;
}

void hp_patch_record_seal(struct hp_patch_record *record)
{
	memcpy(record->magic, magic, sizeof(magic));
	record->version = HP_PATCH_RECORD_VERSION;
	record->checksum = checksum(record);
}

static bool has_magic(struct hp_target *t, uint64_t page)
{
	char found[sizeof(magic)];

	return hp_target_read(t, page, found, sizeof(found)) &&
	       memcmp(found, magic, sizeof(magic)) == 0;
}

/* The kernel may have merged the page with other memory, so each page of a mapping is looked at. */
bool hp_patch_record_next(struct hp_target *t, uint64_t *from, uint64_t *out_page,
			  struct hp_patch_record *out)
{
	int n_pages = 0;

	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];
		uint64_t page = m->start > *from ? m->start : *from;

		for (; page < m->end && hp_near_page_is_possible(m, page); page += PAGE_BYTES) {
			if (++n_pages > PAGES_MAX)
				return false;
			if (!has_magic(t, page) || !hp_target_read(t, page, out, sizeof(*out)))
				continue;
			*out_page = page;
			*from = page + HP_NEAR_PAGE_SIZE;
			return true;
		}
	}
	return false;
}

static bool is_entry_possible(const struct hp_patch_record_entry *e)
{
	return e->jump_size > 0 && e->jump_size <= HP_ENTRY_JUMP_MAX && e->at >= e->entry &&
	       e->at - e->entry < 16;
}

int hp_patch_record_check(struct hp_target *t, uint64_t page, const struct hp_patch_record *record)
{
	if (record->version != HP_PATCH_RECORD_VERSION)
		return hp_target_error(t, "another version of heapprof has patched it; use that");
	if (record->n == 0 || record->n > HP_PATCHES_MAX || record->page != page ||
	    record->state > HP_PATCHES_UNDONE || record->checksum != checksum(record))
		return hp_target_error(t, "it has a record of patches that is damaged; nothing "
					  "was changed");
	for (size_t i = 0; i < record->n; i++)
		if (!is_entry_possible(&record->entries[i]))
			return hp_target_error(t, "it has a record of patches that is damaged; "
						  "nothing was changed");
	return 0;
}
