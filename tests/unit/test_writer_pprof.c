/* SPDX-License-Identifier: MIT */
#include "profile.pb-c.h"
#include "sample_profile.h"
#include "test.h"

static Perftools__Profiles__Profile *unpack(const struct written *written)
{
	return perftools__profiles__profile__unpack(NULL, cursor_left(&written->bytes),
						    (const uint8_t *)written->bytes.at);
}

#define CHECK_TEXT(message, index, expected) CHECK_STR_EQ((message)->string_table[index], expected)

static void check_head(const Perftools__Profiles__Profile *message)
{
	CHECK_UINT_EQ(message->n_sample_type, 2);
	CHECK_TEXT(message, message->sample_type[1]->type, "space");
	CHECK_TEXT(message, message->sample_type[1]->unit, "bytes");
	CHECK_TEXT(message, message->period_type->type, "space");
	CHECK_INT_EQ(message->period, 512);
	CHECK_INT_EQ(message->time_nanos, 99);
	CHECK_INT_EQ(message->duration_nanos, 98);
	CHECK_TEXT(message, message->drop_frames, "malloc");
	CHECK_TEXT(message, message->keep_frames, "mallopt");
	CHECK_TEXT(message, message->default_sample_type, "space");
	CHECK_TEXT(message, message->doc_url, "https://example.org/");
	CHECK_UINT_EQ(message->n_comment, 1);
	CHECK_TEXT(message, message->comment[0], "heapprof: run=1");
	CHECK_STR_EQ(message->string_table[0], "");
}

static void check_sample(const Perftools__Profiles__Profile *message)
{
	const Perftools__Profiles__Sample *sample = message->sample[0];

	CHECK_UINT_EQ(message->n_sample, 1);
	CHECK_UINT_EQ(sample->n_location_id, 1);
	CHECK_UINT_EQ(sample->location_id[0], 1);
	CHECK_UINT_EQ(sample->n_value, 2);
	CHECK_INT_EQ(sample->value[0], -3);
	CHECK_UINT_EQ(sample->n_label, 2);
	CHECK_TEXT(message, sample->label[0]->key, "thread");
	CHECK_TEXT(message, sample->label[0]->str, "t1");
	CHECK_INT_EQ(sample->label[1]->num, -8);
	CHECK_TEXT(message, sample->label[1]->num_unit, "B");
}

static void check_code(const Perftools__Profiles__Profile *message)
{
	const Perftools__Profiles__Mapping *mapping = message->mapping[0];
	const Perftools__Profiles__Location *location = message->location[0];
	const Perftools__Profiles__Function *function = message->function[0];

	CHECK_UINT_EQ(mapping->id, 1);
	CHECK_HEX_EQ(mapping->memory_start, 0x1000);
	CHECK_HEX_EQ(mapping->memory_limit, 0x2000);
	CHECK_HEX_EQ(mapping->file_offset, 0x40);
	CHECK_TEXT(message, mapping->filename, "/bin/\xef\xbf\xbd");
	CHECK_TEXT(message, mapping->build_id, "abcd");
	CHECK(mapping->has_functions && !mapping->has_filenames);
	CHECK(!mapping->has_line_numbers && mapping->has_inline_frames);
	CHECK_UINT_EQ(location->id, 1);
	CHECK_UINT_EQ(location->mapping_id, 1);
	CHECK_HEX_EQ(location->address, 0x1234);
	CHECK(location->is_folded);
	CHECK_UINT_EQ(location->n_line, 2);
	CHECK_UINT_EQ(location->line[0]->function_id, 1);
	CHECK_INT_EQ(location->line[0]->line, 9);
	CHECK_INT_EQ(location->line[0]->column, 3);
	CHECK_INT_EQ(location->line[1]->line, 12);
	CHECK_UINT_EQ(function->id, 1);
	CHECK_TEXT(message, function->name, "ns::f(int)");
	CHECK_TEXT(message, function->system_name, "_ZN2ns1fEi");
	CHECK_TEXT(message, function->filename, "f.cc");
	CHECK_INT_EQ(function->start_line, 7);
}

static void test_everything_is_written(void)
{
	struct profile *profile = make_profile();
	struct written written = write_profile(profile);
	Perftools__Profiles__Profile *message = unpack(&written);

	CHECK(message != NULL);
	if (message) {
		check_head(message);
		check_sample(message);
		check_code(message);
		perftools__profiles__profile__free_unpacked(message, NULL);
	}
	input_free(written.input);
	profile_free(profile);
}

/* The profile has more samples, locations and strings than fit into one batch. */
static void test_batches_are_one_profile(void)
{
	enum {
		N = 3001
	};
	struct profile *profile = profile_new();
	Perftools__Profiles__Profile *message;
	struct written written;
	char name[32];

	profile_add_sample_type(profile, "space", "bytes");
	for (uint32_t i = 0; i < N; i++) {
		uint32_t location = profile_location_at(profile, i * 16);
		struct profile_sample key = {.stack = profile_add_stack(profile, &location, 1)};

		snprintf(name, sizeof(name), "name %u", i);
		profile_add_comment(profile, name, strlen(name));
		profile_add_sample(profile, key, (int64_t[]){i});
	}
	written = write_profile(profile);
	message = unpack(&written);
	CHECK_UINT_EQ(message->n_sample, N);
	CHECK_UINT_EQ(message->n_location, N);
	CHECK_UINT_EQ(message->n_string_table, strtab_count(&profile->strings));
	for (uint32_t i = 0; i < N; i++) {
		CHECK_INT_EQ(message->sample[i]->value[0], i);
		CHECK_UINT_EQ(message->location[i]->id, i + 1);
		CHECK_UINT_EQ(message->sample[i]->location_id[0], i + 1);
	}
	perftools__profiles__profile__free_unpacked(message, NULL);
	input_free(written.input);
	profile_free(profile);
}

static void test_an_empty_profile(void)
{
	struct profile *profile = profile_new();
	struct written written = write_profile(profile);
	Perftools__Profiles__Profile *message = unpack(&written);

	CHECK_UINT_EQ(message->n_string_table, 1);
	CHECK_UINT_EQ(message->n_sample, 0);
	perftools__profiles__profile__free_unpacked(message, NULL);
	input_free(written.input);
	profile_free(profile);
}

TEST_MAIN(TEST(test_everything_is_written), TEST(test_batches_are_one_profile),
	  TEST(test_an_empty_profile))
