/* SPDX-License-Identifier: MIT */
/* What a copy holds. test_stacks.c has the tests of copies while other threads count. */
#include "base/memory.h"
#include "tables/stacks_copy.h"
#include "test.h"
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t two_frames[] = {11, 12}, three_frames[] = {11, 12, 13};

static hp_handle count(const uint64_t *frames, size_t n_frames, uint32_t size_class, uint64_t size)
{
	return hp_stacks_count_alloc(frames, n_frames, size_class, size, 0);
}

/* Returns the entry of a stack that has only one, or NULL if it has none. */
static const struct hp_stacks_copy_entry *find(const struct hp_stacks_copy *copy, size_t n_frames)
{
	for (size_t i = 0; i < copy->n_entries; i++)
		if (copy->entries[i].n_frames == n_frames)
			return &copy->entries[i];
	return NULL;
}

static void test_nothing_was_counted(void)
{
	struct hp_stacks_copy copy;
	size_t before;

	hp_stacks_reset();
	before = hp_memory_mapped();
	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.n_entries, 0);
	CHECK_UINT_EQ(copy.n_stacks, 0);
	CHECK_UINT_EQ(copy.n_missing, 0);
	CHECK(hp_memory_mapped() > before);
	hp_stacks_release(&copy);
	CHECK_PTR_EQ(copy.entries, NULL);
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

/* A stack has one entry for each of its size classes, but is counted once. */
static void test_entries_and_stacks(void)
{
	struct hp_stacks_copy copy;
	uint64_t bytes = 0;

	hp_stacks_reset();
	count(two_frames, 2, 1, 100);
	count(two_frames, 2, 2, 200);
	count(two_frames, 2, 2, 200);
	CHECK(hp_stacks_copy(&copy));
	CHECK_UINT_EQ(copy.n_entries, 2);
	CHECK_UINT_EQ(copy.n_stacks, 1);
	for (size_t i = 0; i < copy.n_entries; i++) {
		CHECK_UINT_EQ(copy.entries[i].n_frames, 2);
		CHECK(memcmp(copy.entries[i].frames, two_frames, sizeof(two_frames)) == 0);
		CHECK_UINT_EQ(copy.entries[i].hash, copy.entries[0].hash);
		bytes += copy.entries[i].counts.alloc_bytes;
	}
	CHECK_UINT_EQ(bytes, 500);
	hp_stacks_release(&copy);
	hp_stacks_reset();
}

static void test_copy_does_not_change(void)
{
	struct hp_stacks_copy copy;
	const struct hp_stacks_copy_entry *entry;
	hp_handle record;

	hp_stacks_reset();
	record = count(two_frames, 2, 0, 100);
	count(two_frames, 2, 0, 50);
	hp_stacks_count_free(record, 100);
	CHECK(hp_stacks_copy(&copy));
	count(two_frames, 2, 0, 7);
	count(three_frames, 3, 0, 7);
	hp_stacks_count_free(record, 50);
	CHECK_UINT_EQ(copy.n_entries, 1);
	entry = find(&copy, 2);
	CHECK(entry != NULL);
	if (entry) {
		CHECK_UINT_EQ(entry->counts.alloc_objects, 2);
		CHECK_UINT_EQ(entry->counts.alloc_bytes, 150);
		CHECK_UINT_EQ(entry->counts.free_objects, 1);
		CHECK_UINT_EQ(entry->counts.free_bytes, 100);
	}
	hp_stacks_release(&copy);
	hp_stacks_reset();
}

static void test_two_copies_at_once(void)
{
	struct hp_stacks_copy first, second;

	hp_stacks_reset();
	count(two_frames, 2, 0, 1);
	CHECK(hp_stacks_copy(&first));
	count(three_frames, 3, 0, 1);
	CHECK(hp_stacks_copy(&second));
	CHECK_UINT_EQ(first.n_entries, 1);
	CHECK_UINT_EQ(second.n_entries, 2);
	CHECK(find(&first, 2) && find(&second, 2) &&
	      find(&first, 2)->frames == find(&second, 2)->frames);
	hp_stacks_release(&first);
	CHECK(find(&second, 3) && find(&second, 3)->frames[2] == 13);
	hp_stacks_release(&second);
	hp_stacks_reset();
}

/* Counts and frees more stacks than there is room for. Returns false if one was not counted. */
static bool count_many(void)
{
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t frames[20] = {i};
		hp_handle record = count(frames, 20, 0, 10);

		if (!record)
			return false;
		hp_stacks_count_free(record, 10);
	}
	return true;
}

/* A copy that fails leaves nothing: stacks are folded afterwards as if it had not been tried.
 * While a copy exists they are not. */
static void test_no_memory(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct rlimit none = {0}, old;
		struct hp_stacks_copy copy;
		bool has_copy;

		hp_stacks_reset();
		hp_memory_set_limit(hp_memory_mapped() + (4 << 20));
		count(two_frames, 2, 0, 1);
		getrlimit(RLIMIT_AS, &old);
		none.rlim_max = old.rlim_max;
		setrlimit(RLIMIT_AS, &none);
		has_copy = hp_stacks_copy(&copy);
		setrlimit(RLIMIT_AS, &old);
		_exit(has_copy ? 1 : count_many() ? 0 : 2);
	}
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK_HEX_EQ(status, 0);
}

TEST_MAIN(TEST(test_nothing_was_counted), TEST(test_entries_and_stacks),
	  TEST(test_copy_does_not_change), TEST(test_two_copies_at_once), TEST(test_no_memory))
