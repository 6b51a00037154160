/* SPDX-License-Identifier: MIT */
/* The view of this program itself: its rows are well-formed, and lead to the objects they name. */
#include "base/view.h"
#include "record/session.h"
#include "tables/stacks_table.h"
#include "test.h"
#include <string.h>

static const struct hp_view_row *find(const char *name)
{
	for (uint32_t i = 0; i < heapprof_view.n_parts; i++)
		for (size_t j = 0; j < heapprof_view.parts[i].n_rows; j++)
			if (strcmp(heapprof_view.parts[i].rows[j].name, name) == 0)
				return &heapprof_view.parts[i].rows[j];
	return NULL;
}

static void test_it_says_what_it_is(void)
{
	static const uint8_t masked[] = HP_VIEW_MAGIC_MASKED;

	for (size_t i = 0; i < HP_VIEW_MAGIC_SIZE; i++)
		CHECK_UINT_EQ(heapprof_view.magic[i], masked[i] ^ HP_VIEW_MASK);
	CHECK(heapprof_view.self == &heapprof_view);
	CHECK_UINT_EQ(heapprof_view.version, HP_VIEW_VERSION);
	CHECK_UINT_EQ(heapprof_view.size, sizeof(heapprof_view));
	CHECK_UINT_EQ(heapprof_view.row_size, sizeof(struct hp_view_row));
	CHECK(heapprof_view.n_parts <= HP_VIEW_PARTS_MAX);
	CHECK(memchr(heapprof_view.release, '\0', sizeof(heapprof_view.release)));
}

static void test_names_are_whole_and_unique(void)
{
	for (uint32_t i = 0; i < heapprof_view.n_parts; i++)
		for (size_t j = 0; j < heapprof_view.parts[i].n_rows; j++) {
			const struct hp_view_row *row = &heapprof_view.parts[i].rows[j];

			CHECK(memchr(row->name, '\0', sizeof(row->name)));
			CHECK(row->size > 0);
			CHECK(row->count > 0);
			CHECK(find(row->name) == row);
		}
}

/* Cores contain memory that was written, as by a relocation; they omit constants without one. So
 * each part of the view must contain an address that the loader relocates. */
static void test_every_part_has_a_relocation(void)
{
	for (uint32_t i = 0; i < heapprof_view.n_parts; i++) {
		bool has_any = false;

		for (size_t j = 0; j < heapprof_view.parts[i].n_rows; j++)
			has_any |= heapprof_view.parts[i].rows[j].address != NULL;
		CHECK(has_any);
	}
}

static void test_rows_lead_to_variables(void)
{
	const struct hp_view_row *number = find("session.number");
	const struct hp_view_row *shards = find("stacks.shards");

	CHECK(number && number->address == &hp_session.number);
	CHECK(number && number->size == sizeof(hp_session.number));
	CHECK(shards && shards->address == hp_stacks_table.shards);
	CHECK(shards && shards->count == N_SHARDS && shards->size == sizeof(struct shard));
}

static void test_rows_lead_to_fields(void)
{
	const struct hp_view_row *counts = find("record.counts");
	const struct hp_view_row *record = find("record");

	CHECK(counts && !counts->address);
	CHECK(counts && counts->offset == offsetof(struct record, counts));
	CHECK(counts && counts->size == sizeof(struct hp_counts));
	CHECK(record && record->size == sizeof(struct record));
}

TEST_MAIN(TEST(test_it_says_what_it_is), TEST(test_names_are_whole_and_unique),
	  TEST(test_every_part_has_a_relocation), TEST(test_rows_lead_to_variables),
	  TEST(test_rows_lead_to_fields))
