/* SPDX-License-Identifier: MIT */
/* Texts of smaps, valid and hostile, for a target whose memory is an array. */
#include "inspect/mapped_memory.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START UINT64_C(0x10000000)

static char bytes[64 << 10];

static bool read_bytes(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at = pieces[i].address - START;

		if (at > sizeof(bytes) || pieces[i].size > sizeof(bytes) - at)
			return false;
		memcpy(pieces[i].to, bytes + at, pieces[i].size);
	}
	return true;
}

static bool all_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped)
{
	return true;
}

static int check_nothing(struct hp_target *t)
{
	return 0;
}

static const struct hp_target_ops ops = {
	.read = read_bytes, .next_pages = all_pages, .check = check_nothing};

static int read_text(struct mapped_memory *memory, const char *text, size_t size)
{
	struct hp_target target = {.ops = &ops};

	return mapped_memory_init(memory, &target, text, size, NULL);
}

static int64_t value(const struct mapped_memory *memory, const char *kind, const char *object,
		     enum mapped_value value)
{
	const struct mapped_part *part = mapped_memory_find(memory, kind, object);

	return part ? part->values[value] : -1;
}

static void test_parts_add_up(void)
{
	static const char text[] =
		"10000000-10010000 rw-p 00000000 00:00 0 \n"
		"Rss: 64 kB\nPrivate_Dirty: 16 kB\nShared_Dirty: 4 kB\nSwap: 0 kB\n"
		"10020000-10040000 rw-p 00000000 00:00 0 [heap]\n"
		"Rss: 8 kB\nSwap: 20 kB\nAnonHugePages: 2048 kB\nUnknown: 7 kB\n"
		"10050000-10060000 rw-s 00000000 00:00 0 /anon_hugepage (deleted)\n"
		"Rss: 0 kB\nShared_Hugetlb: 64 kB\n"
		"10070000-10080000 rwxp 00000000 00:00 0 \nRss: 4 kB\n"
		"10090000-100a0000 ---p 00000000 00:00 0 \nRss: 0 kB\n";
	struct mapped_memory memory;

	memset(bytes, 0, sizeof(bytes));
	memset(bytes, 1, sizeof(bytes) / 4);
	CHECK_INT_EQ(read_text(&memory, text, strlen(text)), 0);
	CHECK_INT_EQ(value(&memory, "anonymous", "below [heap]", MAPPED_DIRTY), 20 << 10);
	CHECK_INT_EQ(value(&memory, "anonymous", "below [heap]", MAPPED_READ), 64 << 10);
	CHECK_INT_EQ(value(&memory, "anonymous", "below [heap]", MAPPED_ZERO), 48 << 10);
	CHECK_INT_EQ(value(&memory, "heap", "[heap]", MAPPED_UNTOUCHED), 100 << 10);
	CHECK_INT_EQ(value(&memory, "heap", "[heap]", MAPPED_HUGE), 2 << 20);
	CHECK_INT_EQ(value(&memory, "heap", "[heap]", MAPPED_READ), 0); /* can't be read */
	CHECK_INT_EQ(value(&memory, "huge pages", "anon_hugepage", MAPPED_RESIDENT), 64 << 10);
	CHECK_INT_EQ(value(&memory, "generated code", "below the end", MAPPED_COUNT), 1);
	CHECK_INT_EQ(value(&memory, "reserved", "no access", MAPPED_UNTOUCHED), 0);
	mapped_memory_deinit(&memory);
}

static void test_hostile_texts(void)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"10000000-10010000",
		"10000000-10010000 rw-p",
		"Rss: 5 kB\n",
		"ffffffffffffffffffff-1 rw-p 0 0 0\n",
		"2000-1000 rw-p 0 0 0\nRss: 4 kB\n",
		"0-ffffffffffffffff ---p 0 0 0 x\nRss: 18446744073709551615 kB\nSwap: -5 kB\n",
		("1000-2000 rw-p 0 0 0 /a\nRss: 9223372036854775807 kB\n"
		 "Rss: 9223372036854775807 kB\n"),
	};
	struct mapped_memory memory;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t size = 0; size <= strlen(texts[i]); size++) {
			CHECK_INT_EQ(read_text(&memory, texts[i], size), 0);
			vec_foreach (part, &memory.parts)
				CHECK(part->values[MAPPED_RESIDENT] >= 0);
			mapped_memory_deinit(&memory);
		}
}

/* A process may map as many files as it likes. */
static void test_parts_are_bounded(void)
{
	size_t room = (size_t)100 * (MAPPED_PARTS_MAX + 1000), n = 0;
	char *text = malloc(room);
	struct mapped_memory memory;

	for (int i = 0; text && i < MAPPED_PARTS_MAX + 1000; i++)
		n += (size_t)snprintf(text + n, room - n, "%x000-%x000 r--p 0 0 0 /%d\nRss: 4 kB\n",
				      0x20000 + i, 0x20001 + i, i);
	CHECK_INT_EQ(read_text(&memory, text, n), 0);
	CHECK_UINT_EQ(memory.parts.n, MAPPED_PARTS_MAX + 1);
	CHECK_INT_EQ(value(&memory, "file", "(others)", MAPPED_COUNT), 1000);
	mapped_memory_deinit(&memory);
	free(text);
}

TEST_MAIN(TEST(test_parts_add_up), TEST(test_hostile_texts), TEST(test_parts_are_bounded))
