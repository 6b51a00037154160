/* SPDX-License-Identifier: MIT */
#include "model/profile.h"

#include "test.h"

struct map {
	uint64_t start, limit, offset;
	const char *file;
	const char *build_id;
};

static struct profile *profile_with(const struct map *maps, size_t n)
{
	struct profile *profile = profile_new();

	for (size_t i = 0; i < n; i++)
		profile_add_mapping(profile,
				    &(struct profile_mapping){
					    .start = maps[i].start,
					    .limit = maps[i].limit,
					    .offset = maps[i].offset,
					    .file = profile_intern(profile, maps[i].file),
					    .build_id = profile_intern(profile, maps[i].build_id),
				    });
	return profile;
}

#define PROFILE_WITH(...)                               \
	profile_with((const struct map[]){__VA_ARGS__}, \
		     sizeof((const struct map[]){__VA_ARGS__}) / sizeof(struct map))

static const char *file_of(const struct profile *profile, uint32_t mapping)
{
	return profile_string(profile, profile->mappings.items[mapping].file);
}

/* Returns the file of the mapping that contains `address`. The mappings must have been settled. */
static const char *file_at(struct profile *profile, uint64_t address)
{
	uint32_t location = profile_location_at(profile, address);

	return file_of(profile, profile->locations.items[location].mapping);
}

static void test_the_program_comes_first(void)
{
	struct profile *profile = PROFILE_WITH(
		{0x7000, 0x8000, 0, "/lib64/ld-linux-x86-64.so.2", ""},
		{0x9000, 0xa000, 0, "[vdso]", ""}, {0x1000, 0x2000, 0, "/usr/bin/app", ""},
		{0x3000, 0x4000, 0, "/usr/bin/other", ""});

	profile_settle_mappings(profile, NULL);
	CHECK_STR_EQ(file_of(profile, 0), "/usr/bin/app");
	profile_free(profile);
}

static void test_the_program_is_believed(void)
{
	struct profile *profile = PROFILE_WITH({0x1000, 0x2000, 0, "/opt/interpreter", ""},
					       {0x3000, 0x4000, 0, "/usr/lib/app.so", ""});

	profile_settle_mappings(profile, "app.so");
	CHECK_STR_EQ(file_of(profile, 0), "/usr/lib/app.so");
	profile_settle_mappings(profile, "/opt/interpreter");
	CHECK_STR_EQ(file_of(profile, 0), "/opt/interpreter");
	profile_free(profile);
}

static void test_what_is_no_program(void)
{
	struct profile *profile = PROFILE_WITH({0x1000, 0x2000, 0, "/dev/zero", ""},
					       {0x2000, 0x3000, 0x77, "/memfd:jit", ""},
					       {0x3000, 0x4000, 0x99, "/usr/lib/libc-2.31.so", ""},
					       {0x5000, 0x6000, 0, "/opt/lib.so_dir/app.sort", ""});

	profile_settle_mappings(profile, "");
	CHECK_STR_EQ(file_of(profile, 0), "/opt/lib.so_dir/app.sort");
	profile_free(profile);
}

static void test_neighbours_join(void)
{
	struct profile *profile = PROFILE_WITH(
		{0x1000, 0x2000, 0x1000, "/app", ""}, {0x2000, 0x3000, 0x2000, "/app", "ab"},
		{0x3000, 0x4000, 0x9000, "/app", ""},     /* at another offset */
		{0x4000, 0x5000, 0xa000, "/lib.so", ""}); /* another file */

	profile_settle_mappings(profile, NULL);
	CHECK_UINT_EQ(profile->mappings.n, 3);
	CHECK_HEX_EQ(profile->mappings.items[0].limit, 0x3000);
	CHECK_STR_EQ(profile_string(profile, profile->mappings.items[0].build_id), "ab");
	profile_free(profile);
}

static void test_locations_find_their_mapping(void)
{
	struct profile *profile =
		PROFILE_WITH({0x5000, 0x6000, 0, "/app", ""}, {0x9000, 0xa000, 0x1000, "/b.so", ""},
			     {0x1000, 0x2000, 0, "/a.so", ""});

	for (uint64_t address = 0xfff; address < 0xb000; address += 0x800)
		profile_location_at(profile, address);
	profile_location_at(profile, 0x5000);
	profile_location_at(profile, 0x5fff);
	profile_location_at(profile, 0x6000);
	profile_settle_mappings(profile, NULL);
	CHECK_STR_EQ(file_at(profile, 0x5000), "/app");
	CHECK_STR_EQ(file_at(profile, 0x5fff), "/app");
	CHECK_STR_EQ(file_at(profile, 0x17ff), "/a.so");
	CHECK_STR_EQ(file_at(profile, 0x97ff), "/b.so");
	/* The first part of b.so is not in the map. */
	CHECK_STR_EQ(file_at(profile, 0x87ff), "/b.so");
	CHECK_STR_EQ(file_at(profile, 0x6000), "");
	CHECK_STR_EQ(file_at(profile, 0xa7ff), "");
	CHECK_UINT_EQ(profile->mappings.n, 4); /* with the mapping that spans all addresses */
	CHECK_HEX_EQ(profile->mappings.items[3].limit, UINT64_MAX);
	profile_free(profile);
}

static void test_a_fixed_program_starts_with_its_file(void)
{
	struct profile *profile = PROFILE_WITH({0x401000, 0x402000, 0x1000, "/app", ""});

	profile_settle_mappings(profile, NULL);
	CHECK_HEX_EQ(profile->mappings.items[0].start, 0x400000);
	CHECK_HEX_EQ(profile->mappings.items[0].offset, 0);
	profile_free(profile);
}

static void test_huge_pages(void)
{
	struct profile *profile = PROFILE_WITH({0x200000, 0x400000, 0, "/anon_hugepage", ""},
					       {0x400000, 0x600000, 0x200000, "/lib/x.so", ""});

	profile_settle_mappings(profile, NULL);
	CHECK_UINT_EQ(profile->mappings.n, 1);
	CHECK_STR_EQ(file_of(profile, 0), "/lib/x.so");
	profile_free(profile);
}

/* The beginning of the program is on huge pages, and is not the first mapping. */
static void test_program_on_huge_pages(void)
{
	struct profile *profile = PROFILE_WITH(
		{0x100000, 0x101000, 0, "/lib/x.so", ""},
		{0x200000, 0x400000, 0, "/anon_hugepage (deleted)", ""},
		{0x400000, 0x600000, 0x200000, "/bin/app", ""},
		{0x800000, 0xa00000, 0, "/anon_hugepage (deleted)", ""}, /* not the program's */
		{0xb00000, 0xb01000, 0, "/lib/y.so", ""});

	profile_location_at(profile, 0x234567);
	profile_location_at(profile, 0x456789);
	profile_location_at(profile, 0x900000);
	profile_settle_mappings(profile, NULL);
	CHECK_STR_EQ(file_of(profile, 0), "/bin/app");
	CHECK_UINT_EQ(profile->mappings.n, 4);
	CHECK_STR_EQ(file_at(profile, 0x234567), "/bin/app");
	CHECK_STR_EQ(file_at(profile, 0x456789), "/bin/app");
	CHECK_STR_EQ(file_at(profile, 0x900000), "/anon_hugepage (deleted)");
	profile_free(profile);
}

/* As the first mapping, the program has moved next to a mapping that it does not continue. */
static void test_huge_pages_of_another_file(void)
{
	struct profile *profile = PROFILE_WITH({0x100000, 0x200000, 0, "/anon_hugepage", ""},
					       {0x400000, 0x500000, 0, "/bin/app", ""});

	profile_settle_mappings(profile, NULL);
	CHECK_UINT_EQ(profile->mappings.n, 2);
	CHECK_STR_EQ(file_of(profile, 0), "/bin/app");
	profile_free(profile);
}

static void test_no_mappings_at_all(void)
{
	struct profile *profile = profile_new();

	profile_settle_mappings(profile, "app");
	CHECK_UINT_EQ(profile->mappings.n, 0);
	profile_location_at(profile, 0x10);
	profile_settle_mappings(profile, "app");
	CHECK_UINT_EQ(profile->mappings.n, 1);
	CHECK_INT_EQ(profile_status(profile), 0);
	profile_free(profile);
}

TEST_MAIN(TEST(test_the_program_comes_first), TEST(test_the_program_is_believed),
	  TEST(test_what_is_no_program), TEST(test_neighbours_join),
	  TEST(test_locations_find_their_mapping), TEST(test_a_fixed_program_starts_with_its_file),
	  TEST(test_huge_pages), TEST(test_program_on_huge_pages),
	  TEST(test_huge_pages_of_another_file), TEST(test_no_mappings_at_all))
