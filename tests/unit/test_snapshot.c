/* SPDX-License-Identifier: MIT */
#include "self_target.h"
#include "tables/stacks_table.h"
#include "test.h"

static void fill_once(void)
{
	static bool is_filled;

	if (!is_filled)
		self_fill_tables(40);
	is_filled = true;
}

static char message[512];

/* Reads this process with the patches, and removes them. Returns the text, which the caller frees,
 * or NULL on failure. */
static char *dump(void)
{
	char *text = NULL;
	int r;

	fill_once();
	r = self_dump(&text, message, sizeof(message));
	self_n_patches = 0;
	CHECK(r == 0 ? text != NULL : message[0] != '\0');
	return r == 0 ? text : NULL;
}

/* Patches these bytes of the target. */
static void say(const void *address, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		self_patches[self_n_patches++] = (struct self_patch){
			(uintptr_t)address + i,
			((const uint8_t *)address)[i] ^ ((const uint8_t *)bytes)[i]};
}

static void say_number(const void *address, uint64_t number, size_t size)
{
	say(address, &number, size);
}

static struct record *some_record(uint32_t *out_handle)
{
	for (int i = 0; i < N_SHARDS; i++)
		if (hp_stacks_table.shards[i].newest) {
			*out_handle = hp_stacks_table.shards[i].newest;
			return record_at(*out_handle);
		}
	abort();
}

static void check_refused(const char *why)
{
	char *text = dump();

	CHECK(!text);
	CHECK(strstr(message, why));
	if (!strstr(message, why))
		printf("# %s\n", message);
	free(text);
}

static void test_reads_what_is_there(void)
{
	char *text = dump();

	CHECK(text && strncmp(text, "heap profile: 40: 640 [80: 1280] @", 34) == 0);
	CHECK(text && strstr(text, "\n1: 16 [2: 32] @ 0x400007 0x500000 0x600000\n"));
	CHECK(text && strstr(text, "\n# reason: outside\n"));
	CHECK(text && strcmp(text + strlen(text) - 6, "# end\n") == 0);
	free(text);
}

static void test_no_session(void)
{
	fill_once();
	say_number(&hp_session.number, 0, 4);
	check_refused("does not record");
	/* A process may be left out although its HEAPPROFILE is set. */
	CHECK(strstr(message, "a HEAP_PROFILE_PROGRAM, if any, that matches its name"));
}

static void test_a_view_of_another_version(void)
{
	fill_once();
	say_number(&heapprof_view.version, 9, 4);
	check_refused("version 9");
}

static void test_a_view_without_a_name(void)
{
	const struct hp_view_row *row = &heapprof_view.parts[0].rows[0];

	fill_once();
	say(row->name, "other.name", 11);
	check_refused("says nothing of its");
}

static void test_a_list_that_is_a_ring(void)
{
	uint32_t handle;

	fill_once();
	struct record *r = some_record(&handle);

	say_number(&r->older, handle, 4);
	check_refused("a list without end");
}

static void test_handles_that_lead_nowhere(void)
{
	uint32_t handle;

	fill_once();
	struct record *r = some_record(&handle);

	say_number(&r->older, 0xfffffff0, 4);
	check_refused("no record 0xfffffff0");
	say_number(&r->stack, 0xfffffff0, 4);
	check_refused("no stack 0xfffffff0");
	say_number(&stack_at(r->stack)->n_frames, 60000, 2);
	check_refused("too many frames");
}

static void test_impossible_counts(void)
{
	uint32_t handle;

	fill_once();
	struct record *r = some_record(&handle);

	say_number(&r->counts.free_objects, 100, 8);
	check_refused("impossible counts");
	say_number(&r->counts.alloc_bytes, UINT64_MAX - 5, 8);
	check_refused("impossible counts");
	say_number(&r->counts.free_objects, 2, 8); /* all objects are freed, but bytes are in use */
	check_refused("impossible counts");
}

static void test_a_record_in_the_middle_of_a_change(void)
{
	uint32_t handle;

	fill_once();
	struct record *r = some_record(&handle);

	say_number(&r->begun, r->begun + 1, 4);
	say_number(&r->counts.free_objects, 2, 8);
	char *text = dump();

	CHECK(text && strstr(text, "# note: 1 records are shown as they were"));
	CHECK(text && strstr(text, "\n0: 0 [2: 32] @"));
	free(text);
}

/* --- a process that runs --------------------------------------------------------------------- */

static struct record *changing;
static int n_copies;

static void change(void)
{
	changing->begun++;
	changing->counts.alloc_objects++;
	changing->counts.alloc_bytes += 16;
	changing->ended = changing->begun;
}

/* Copies a record in an order of its own: one of its counts first, then, after a change, the rest.
 * In one such copy `begun` and `ended` are equal, and the counts are not of one moment. Only the
 * first copies are disturbed. */
static bool read_out_of_order(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)changing - pieces[i].address;
		bool has_record = at <= pieces[i].size &&
				  sizeof(*changing) <= pieces[i].size - at && n_copies < 5;
		struct record old = *changing;

		if (has_record) {
			n_copies++;
			change();
		}
		if (!self_read(t, &pieces[i], 1))
			return false;
		if (has_record)
			memcpy((char *)pieces[i].to + at +
				       offsetof(struct record, counts.alloc_bytes),
			       &old.counts.alloc_bytes, sizeof(old.counts.alloc_bytes));
	}
	return true;
}

static void test_a_record_that_changes_during_a_copy(void)
{
	static const struct hp_target_ops ops = {
		.read = read_out_of_order, .check = self_check, .explain = self_explain};
	struct hp_snapshot_counts counts;
	struct hp_target *t = self_target();
	size_t size = 0;
	char *text = NULL, wanted[80];
	uint32_t handle;

	fill_once();
	changing = some_record(&handle);
	struct record before = *changing;

	n_copies = 0;
	t->ops = &ops;
	t->is_frozen = false;
	CHECK_INT_EQ(hp_snapshot_dump(t, &text, &size, &counts), 0);
	snprintf(wanted, sizeof(wanted), "\n%ju: %ju [%ju: %ju] @",
		 (uintmax_t)(changing->counts.alloc_objects - changing->counts.free_objects),
		 (uintmax_t)(changing->counts.alloc_bytes - changing->counts.free_bytes),
		 (uintmax_t)changing->counts.alloc_objects,
		 (uintmax_t)changing->counts.alloc_bytes);
	CHECK_INT_EQ(n_copies, 5);
	CHECK_UINT_EQ(counts.n_read_again, 1);
	CHECK_UINT_EQ(counts.n_taken_as_they_were, 0);
	CHECK(text && memmem(text, size, wanted, strlen(wanted)));
	*changing = before;
	free(text);
	hp_target_close(t);
}

static void test_a_shard_in_the_middle_of_folding(void)
{
	fill_once();
	for (int i = 0; i < N_SHARDS; i++) {
		if (!hp_stacks_table.shards[i].newest)
			continue;
		say_number(&hp_stacks_table.shards[i].fold_version, 1, 4);
		break;
	}
	char *text = dump();

	CHECK(text && strstr(text, "# note: incomplete"));
	free(text);
}

static void test_texts_without_an_end(void)
{
	fill_once();
	say_number(&hp_modules_get_permanent(0)->path, 0x10, 8);
	check_refused("no memory can be read at 0x10");
}

/* Changes each byte that is read, one at a time. The target is refused or read, but there is never
 * a crash, a hang or a dump without an end. */
static void test_any_byte_may_be_wrong(void)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	static struct hp_target_piece pieces[SELF_PIECES_MAX];
	size_t n, n_runs = 0, n_refused = 0;

	free(dump());
	n = self_n_pieces;
	memcpy(pieces, self_pieces, n * sizeof(*pieces));
	for (size_t i = 0; i < n; i++) {
		size_t step = pieces[i].size > 512 ? pieces[i].size / 512 | 1 : 1;

		for (size_t at = 0; at < pieces[i].size; at += step) {
			self_patches[self_n_patches++] =
				(struct self_patch){pieces[i].address + at, masks[(i + at) % 3]};
			char *text = dump();

			n_runs++;
			n_refused += text == NULL;
			CHECK(!text || strcmp(text + strlen(text) - 6, "# end\n") == 0);
			free(text);
		}
	}
	CHECK(n_runs > 2000);
	CHECK(n_refused > 100);
}

TEST_MAIN(TEST(test_reads_what_is_there), TEST(test_no_session),
	  TEST(test_a_view_of_another_version), TEST(test_a_view_without_a_name),
	  TEST(test_a_list_that_is_a_ring), TEST(test_handles_that_lead_nowhere),
	  TEST(test_impossible_counts), TEST(test_a_record_in_the_middle_of_a_change),
	  TEST(test_a_record_that_changes_during_a_copy),
	  TEST(test_a_shard_in_the_middle_of_folding), TEST(test_texts_without_an_end),
	  TEST(test_any_byte_may_be_wrong))
