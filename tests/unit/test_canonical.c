/* SPDX-License-Identifier: MIT */
#include "transform/canonical.h"

#include "sample_profile.h"
#include "test.h"

static uint32_t add_mapping(struct profile *profile, uint64_t start, const char *file)
{
	struct profile_mapping mapping = {
		.start = start,
		.limit = start + 0x1000,
		.file = profile_intern(profile, file),
	};

	return profile_add_mapping(profile, &mapping);
}

static uint32_t add_location(struct profile *profile, uint32_t mapping, uint64_t address,
			     const char *function_name)
{
	struct profile_function function = {.name = profile_intern(profile, function_name)};
	struct profile_line line = {.function = profile_add_function(profile, &function)};
	struct profile_location location = {.mapping = mapping, .address = address};

	return profile_add_location(profile, &location, &line, 1);
}

static void add_sample(struct profile *profile, const uint32_t *stack, size_t n_frames,
		       int64_t number, int64_t value)
{
	struct profile_label label = {
		.key = profile_intern(profile, "bytes"),
		.number = number,
	};
	struct profile_sample key = {
		.stack = profile_add_stack(profile, stack, n_frames),
		.labels = profile_add_labels(profile, &label, number != 0),
	};

	profile_add_sample(profile, key, &value);
}

enum {
	N = 4 /* parts of each kind in make() */
};

/* Returns a profile whose parts are the same for all orders. `order` has the numbers 0 to N - 1, in
 * the order in which the parts are added. */
static struct profile *make(const uint32_t *order)
{
	static const char *const files[N] = {"/lib/b", "/lib/a", "", "/lib/c"};
	static const char *const names[N] = {"g", "f", "h", "f"};
	static const char *const comments[N] = {"pid: 2", "pid: 10", "z", ""};
	struct profile *profile = profile_new();
	uint32_t locations[N];

	profile_add_sample_type(profile, "space", "bytes");
	for (size_t k = 0; k < N; k++) {
		uint32_t i = order[k];
		uint32_t mapping = add_mapping(profile, 0x1000 * (i / 2), files[i]);

		locations[i] = add_location(profile, mapping, 0x10 * (i % 2), names[i]);
		profile_add_comment(profile, comments[i], strlen(comments[i]));
	}
	for (size_t k = 0; k < N; k++) {
		uint32_t i = order[k];

		add_sample(profile, locations, i, k % 2 ? 8 : 16, i);
		add_sample(profile, locations, i, k % 2 ? 16 : 8, i);
		add_sample(profile, locations + i, N - i, 0, 1000 + i);
	}
	CHECK_INT_EQ(profile_status(profile), 0);
	return profile;
}

/* Returns the canonical copy of a profile that make() made. */
static struct profile *sorted(const uint32_t *order)
{
	struct profile *profile = make(order);
	struct profile *copy = canonical_copy(profile, PROFILE_NONE);

	CHECK(copy != NULL);
	profile_free(profile);
	return copy;
}

static void test_order_depends_only_on_content(void)
{
	static const uint32_t orders[][N] = {{3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
	struct profile *first = sorted((const uint32_t[]){0, 1, 2, 3});
	struct written expected = write_profile(first);
	size_t size = cursor_left(&expected.bytes);

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct profile *other = sorted(orders[i]);
		struct written written = write_profile(other);

		CHECK_UINT_EQ(cursor_left(&written.bytes), size);
		CHECK(cursor_left(&written.bytes) == size &&
		      memcmp(written.bytes.at, expected.bytes.at, size) == 0);
		input_free(written.input);
		profile_free(other);
	}
	input_free(expected.input);
	profile_free(first);
}

/* Every field of the model is in the copy. */
static void test_copy_has_the_same_content(void)
{
	struct profile *profile = make_profile(), *copy;
	struct written expected = write_profile(profile), written;
	size_t size = cursor_left(&expected.bytes);

	vec_foreach (location, &profile->locations)
		location->address -= profile->mappings.items[location->mapping].start;
	copy = canonical_copy(profile, 0);
	written = write_profile(copy);
	CHECK_STR_EQ(profile_string(copy, copy->functions.items[0].system_name), "_ZN2ns1fEi");
	CHECK_HEX_EQ(copy->locations.items[0].address, 0x1234);
	CHECK_UINT_EQ(copy->locations.items[0].is_folded, 1);
	CHECK_INT_EQ(copy->period, 512);
	CHECK_INT_EQ(copy->time_nanos, 99);
	CHECK_INT_EQ(copy->duration_nanos, 98);
	CHECK_STR_EQ(profile_string(copy, copy->drop_frames), "malloc");
	CHECK_STR_EQ(profile_string(copy, copy->keep_frames), "mallopt");
	CHECK_STR_EQ(profile_string(copy, copy->default_sample_type), "space");
	CHECK_STR_EQ(profile_string(copy, copy->doc_url), "https://example.org/");
	CHECK_INT_EQ(profile_values(copy, 0)[1], 4096);
	CHECK_UINT_EQ(cursor_left(&written.bytes), size); /* only the strings have other numbers */
	input_free(written.input);
	input_free(expected.input);
	profile_free(copy);
	profile_free(profile);
}

/* Unknown fields belong to the table of their own profile. */
static void test_unknown_fields_are_left_out(void)
{
	struct profile *profile = make_profile(), *copy;

	profile->mappings.items[0].unknown = 7;
	profile->locations.items[0].unknown = 8;
	copy = canonical_copy(profile, 0);
	CHECK_UINT_EQ(copy->mappings.items[0].unknown, 0);
	CHECK_UINT_EQ(copy->locations.items[0].unknown, 0);
	profile_free(copy);
	profile_free(profile);
}

static void check_mappings(const struct profile *profile, uint32_t program,
			   const char *const files[3])
{
	struct profile *copy = canonical_copy(profile, program);

	CHECK_UINT_EQ(copy->mappings.n, 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_STR_EQ(profile_string(copy, copy->mappings.items[i].file), files[i]);
	profile_free(copy);
}

static void test_program_is_first(void)
{
	struct profile *profile = profile_new();
	uint32_t program;

	add_mapping(profile, 0x3000, "/lib/a");
	program = add_mapping(profile, 0x2000, "/bin/z");
	add_mapping(profile, 0x1000, "/lib/b");
	check_mappings(profile, program, (const char *const[]){"/bin/z", "/lib/b", "/lib/a"});
	check_mappings(profile, 0, (const char *const[]){"/lib/a", "/lib/b", "/bin/z"});
	check_mappings(profile, PROFILE_NONE, (const char *const[]){"/lib/b", "/bin/z", "/lib/a"});
	profile_free(profile);
}

static void test_addresses_count_from_0(void)
{
	struct profile *profile = profile_new(), *copy;
	uint32_t mapping = add_mapping(profile, 0x7000, "/lib/a");

	add_location(profile, PROFILE_NONE, 0x5, "outside");
	add_location(profile, mapping, 0x20, "inside");
	copy = canonical_copy(profile, PROFILE_NONE);
	CHECK_UINT_EQ(copy->locations.n, 2);
	CHECK_UINT_EQ(copy->locations.items[0].mapping, 0);
	CHECK_HEX_EQ(copy->locations.items[0].address, 0x7020);
	CHECK_UINT_EQ(copy->locations.items[1].mapping, PROFILE_NONE);
	CHECK_HEX_EQ(copy->locations.items[1].address, 0x5);
	profile_free(copy);
	profile_free(profile);
}

static void test_empty_profile(void)
{
	struct profile *profile = profile_new();
	struct profile *copy = canonical_copy(profile, PROFILE_NONE);

	CHECK(copy != NULL);
	CHECK_UINT_EQ(copy->samples.n + copy->mappings.n + copy->comments.n, 0);
	profile_free(copy);
	profile_free(profile);
}

/* In each row of `files` a mapping comes before the mapping in the next row. */
static void test_order_of_files(void)
{
	static const struct {
		const char *file, *build_id;
		uint64_t offset, size;
	} files[] = {
		{"/lib/a", "", 0, 0x1000},
		{"/lib/a", "aa", 0, 0x1000},
		{"/lib/a", "ab", 0, 0x1000},
		{"/lib/a", "ab", 0, 0x1001},
		{"/lib/a", "ab", 0x10, 0x1000},
		{"/lib/b", "", 0, 0x1000},
		{"", "", 0, 0x1000},
		{"", "", 0, 0x2001},
	};
	uint32_t n = sizeof(files) / sizeof(files[0]);
	struct profile *profile = profile_new();

	for (uint32_t i = 0; i < n; i++) {
		struct profile_mapping mapping = {
			.start = 0x10000 * (n - i), /* does not count */
			.limit = 0x10000 * (n - i) + files[i].size,
			.offset = files[i].offset,
			.file = profile_intern(profile, files[i].file),
			.build_id = profile_intern(profile, files[i].build_id),
		};

		profile_add_mapping(profile, &mapping);
	}
	for (uint32_t a = 0; a < n; a++)
		for (uint32_t b = 0; b < n; b++) {
			int order = canonical_compare_files(profile, a, b);

			CHECK_INT_EQ((order > 0) - (order < 0), (a > b) - (a < b));
		}
	profile->mappings.items[3].limit += 0xfff; /* still two pages */
	profile->mappings.items[4] = profile->mappings.items[3];
	profile->mappings.items[4].limit -= 0xffe;
	CHECK_INT_EQ(canonical_compare_files(profile, 3, 4), 0);
	profile_free(profile);
}

static void test_size_in_pages(void)
{
	static const uint64_t sizes[][2] = {
		{0, 0}, {1, 1}, {4095, 1}, {4096, 1}, {4097, 2}, {UINT64_C(1) << 47, 1ULL << 35},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct profile_mapping mapping = {.start = 0x7123, .limit = 0x7123 + sizes[i][0]};

		CHECK_UINT_EQ(canonical_size_in_pages(&mapping), sizes[i][1]);
	}
	CHECK_UINT_EQ(canonical_size_in_pages(&(struct profile_mapping){.limit = UINT64_MAX}),
		      UINT64_C(1) << 52);
}

TEST_MAIN(TEST(test_order_depends_only_on_content), TEST(test_copy_has_the_same_content),
	  TEST(test_unknown_fields_are_left_out), TEST(test_program_is_first),
	  TEST(test_addresses_count_from_0), TEST(test_empty_profile), TEST(test_order_of_files),
	  TEST(test_size_in_pages))
