/* SPDX-License-Identifier: MIT */
#include "profile.pb-c.h"
#include "readers/reader.h"
#include "sample_profile.h"
#include "test.h"

typedef Perftools__Profiles__Profile profile_message;

static struct profile *read_bytes(const void *data, size_t size, int expected, char *out_error)
{
	struct profile *profile = NULL;
	struct input *input = NULL;
	struct diag diag = {0};
	int r = input_open_memory(&input, "x", data, size, 0, &diag);

	if (!r)
		r = reader_read(&profile, reader_find("pprof"), input, &diag);
	if (out_error)
		snprintf(out_error, DIAG_TEXT_MAX, "%s", diag.error);
	CHECK_INT_EQ(r, expected);
	CHECK((r == 0) == (profile != NULL));
	CHECK((r == 0) != diag_has_error(&diag));
	input_free(input);
	diag_deinit(&diag);
	return profile;
}

/* --- round trips --------------------------------------------------------------------------- */

static void check_same_bytes(const struct written *a, const struct written *b)
{
	CHECK_UINT_EQ(cursor_left(&a->bytes), cursor_left(&b->bytes));
	CHECK(cursor_left(&a->bytes) == cursor_left(&b->bytes) &&
	      memcmp(a->bytes.at, b->bytes.at, cursor_left(&a->bytes)) == 0);
}

static void test_what_was_written_is_read_again(void)
{
	struct profile *profile = make_profile(), *again;
	struct written first = write_profile(profile), second;

	again = read_bytes(first.bytes.at, cursor_left(&first.bytes), 0, NULL);
	second = write_profile(again);
	check_same_bytes(&first, &second);
	input_free(first.input);
	input_free(second.input);
	profile_free(profile);
	profile_free(again);
}

static void test_every_cut_is_seen(void)
{
	struct profile *profile = make_profile();
	struct written written = write_profile(profile);

	for (size_t size = 0; size < cursor_left(&written.bytes); size++) {
		char *cut = malloc(size + 1);

		memcpy(cut, written.bytes.at, size);
		profile_free(
			read_bytes(cut, size, size ? READER_E_CORRUPT : READER_E_UNKNOWN, NULL));
		free(cut);
	}
	input_free(written.input);
	profile_free(profile);
}

static void test_damage_does_no_harm(void)
{
	struct profile *profile = make_profile();
	struct written written = write_profile(profile);
	size_t size = cursor_left(&written.bytes);
	char *damaged = malloc(size);

	memcpy(damaged, written.bytes.at, size);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		struct input *input = NULL;
		struct profile *again = NULL;
		struct diag diag = {0};
		int r;

		damaged[bit / 8] ^= (char)(1 << bit % 8);
		input_open_memory(&input, "x", damaged, size, 0, &diag);
		r = reader_read(&again, reader_find("pprof"), input, &diag);
		CHECK((r == 0) != diag_has_error(&diag));
		profile_free(again);
		input_free(input);
		diag_deinit(&diag);
		damaged[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(damaged);
	input_free(written.input);
	profile_free(profile);
}

static void test_the_format_is_found_by_content(void)
{
	struct profile *profile = make_profile();
	struct written written = write_profile(profile);
	const struct reader *reader = reader_find("pprof");

	CHECK_INT_EQ(reader->probe(written.bytes), PROBE_YES);
	CHECK_INT_EQ(reader->probe(cursor_make("\nheap profile: 1: 1 [ 1: 1] @\n", 30)), PROBE_NO);
	CHECK_INT_EQ(reader->probe(cursor_make("\n\n\n\n\n\n", 6)), PROBE_NO);
	CHECK_INT_EQ(reader->probe(cursor_make("", 0)), PROBE_NO);
	CHECK_INT_EQ(reader->probe(cursor_make("\x7f"
					       "ELF",
					       4)),
		     PROBE_NO);
	input_free(written.input);
	profile_free(profile);
}

/* --- other writers' files ------------------------------------------------------------------ */

/* A small profile as another writer might write it. Tests change it before they pack it. */
struct foreign {
	profile_message profile;
	Perftools__Profiles__ValueType type, *types[1];
	Perftools__Profiles__Sample sample, *samples[2];
	Perftools__Profiles__Location location, *locations[2];
	Perftools__Profiles__Line line, *lines[1];
	Perftools__Profiles__Function function, *functions[2];
	Perftools__Profiles__Mapping mapping, *mappings[2];
	Perftools__Profiles__Label label, *labels[1];
	uint64_t location_ids[1];
	int64_t values[2];
	char *strings[4];
};

static void make_foreign(struct foreign *f)
{
	*f = (struct foreign){
		.profile = PERFTOOLS__PROFILES__PROFILE__INIT,
		.type = PERFTOOLS__PROFILES__VALUE_TYPE__INIT,
		.sample = PERFTOOLS__PROFILES__SAMPLE__INIT,
		.location = PERFTOOLS__PROFILES__LOCATION__INIT,
		.line = PERFTOOLS__PROFILES__LINE__INIT,
		.function = PERFTOOLS__PROFILES__FUNCTION__INIT,
		.mapping = PERFTOOLS__PROFILES__MAPPING__INIT,
		.label = PERFTOOLS__PROFILES__LABEL__INIT,
		.types = {&f->type},
		.samples = {&f->sample, &f->sample},
		.locations = {&f->location, &f->location},
		.lines = {&f->line},
		.functions = {&f->function, &f->function},
		.mappings = {&f->mapping, &f->mapping},
		.labels = {&f->label},
		.location_ids = {777},
		.values = {5, 6},
		.strings = {"", "cpu", "nanoseconds", "main"},
	};
	f->type.type = 1;
	f->type.unit = 2;
	f->mapping.id = UINT64_MAX;
	f->function.id = 1;
	f->function.name = 3;
	f->line.function_id = 1;
	f->location.id = 777;
	f->location.mapping_id = UINT64_MAX;
	f->location.line = f->lines;
	f->location.n_line = 1;
	f->label.key = 3;
	f->sample.location_id = f->location_ids;
	f->sample.n_location_id = 1;
	f->sample.value = f->values;
	f->sample.n_value = 1;
	f->sample.label = f->labels;
	f->sample.n_label = 1;
	f->profile.sample_type = f->types;
	f->profile.n_sample_type = 1;
	f->profile.sample = f->samples;
	f->profile.n_sample = 1;
	f->profile.location = f->locations;
	f->profile.n_location = 1;
	f->profile.function = f->functions;
	f->profile.n_function = 1;
	f->profile.mapping = f->mappings;
	f->profile.n_mapping = 1;
	f->profile.string_table = f->strings;
	f->profile.n_string_table = 4;
}

static struct profile *read_foreign(const struct foreign *f, int expected, char *out_error)
{
	size_t size = perftools__profiles__profile__get_packed_size(&f->profile);
	uint8_t *bytes = malloc(size + 1);
	struct profile *profile;

	perftools__profiles__profile__pack(&f->profile, bytes);
	profile = read_bytes(bytes, size, expected, out_error);
	free(bytes);
	return profile;
}

static void test_ids_may_be_any_numbers(void)
{
	struct foreign foreign;
	struct profile *profile;

	make_foreign(&foreign);
	profile = read_foreign(&foreign, 0, NULL);
	if (!profile)
		return;
	CHECK_UINT_EQ(profile->samples.n, 1);
	CHECK_INT_EQ(profile_values(profile, 0)[0], 5);
	CHECK_UINT_EQ(profile->locations.items[0].mapping, 0);
	CHECK_STR_EQ(profile_string(profile, profile->functions.items[0].name), "main");
	profile_free(profile);
}

static void test_equal_samples_add_up(void)
{
	struct foreign foreign;
	struct profile *profile;

	make_foreign(&foreign);
	foreign.profile.n_sample = 2;
	profile = read_foreign(&foreign, 0, NULL);
	CHECK_UINT_EQ(profile->samples.n, 1);
	CHECK_INT_EQ(profile_values(profile, 0)[0], 10);
	profile_free(profile);
}

static void check_refused(const struct foreign *foreign, const char *what)
{
	char error[DIAG_TEXT_MAX];

	read_foreign(foreign, READER_E_CORRUPT, error);
	CHECK(strncmp(error, "x: byte ", 8) == 0);
	if (!strstr(error, what))
		TEST_FAIL("\"%s\" does not say \"%s\"", error, what);
}

#define CHECK_REFUSED(change, what)      \
	do {                             \
		struct foreign f;        \
		make_foreign(&f);        \
		change;                  \
		check_refused(&f, what); \
	} while (0)

static void test_references_that_lead_nowhere(void)
{
	CHECK_REFUSED(f.location_ids[0] = 778, "an unknown location");
	CHECK_REFUSED(f.location_ids[0] = 0, "an unknown location");
	CHECK_REFUSED(f.location.mapping_id = 5, "an unknown mapping");
	CHECK_REFUSED(f.line.function_id = 2, "an unknown function");
	CHECK_REFUSED(f.line.function_id = 0, "an unknown function");
	CHECK_REFUSED(f.function.name = 4, "beyond the end of the string table");
	CHECK_REFUSED(f.function.filename = -1, "beyond the end of the string table");
	CHECK_REFUSED(f.mapping.build_id = INT64_MAX, "beyond the end of the string table");
	CHECK_REFUSED(f.label.num_unit = INT64_MIN, "beyond the end of the string table");
	CHECK_REFUSED(f.type.unit = 99, "beyond the end of the string table");
	CHECK_REFUSED(f.profile.drop_frames = 99, "beyond the end of the string table");
}

static void test_ids_that_are_taken(void)
{
	CHECK_REFUSED(f.mapping.id = 0, "the id 0");
	CHECK_REFUSED(f.profile.n_mapping = 2, "a duplicate id");
	CHECK_REFUSED(f.profile.n_location = 2, "a duplicate id");
	CHECK_REFUSED(f.profile.n_function = 2, "a duplicate id");
}

static void repeat_line(struct foreign *f)
{
	static Perftools__Profiles__Line *lines[LOCATION_LINES_MAX + 1];

	for (size_t i = 0; i <= LOCATION_LINES_MAX; i++)
		lines[i] = &f->line;
	f->location.line = lines;
	f->location.n_line = LOCATION_LINES_MAX + 1;
}

static void test_what_makes_no_profile(void)
{
	CHECK_REFUSED(f.sample.n_value = 2, "more or fewer values");
	CHECK_REFUSED(f.sample.n_value = 0, "more or fewer values");
	CHECK_REFUSED(f.strings[0] = "x", "the first string is not empty");
	CHECK_REFUSED(f.profile.n_string_table = 0, "no string table");
	CHECK_REFUSED(repeat_line(&f), "more lines than any compiler inlines");
}

/* Each message contains fields that a later version of the format may add. */
static void test_unknown_fields_are_kept(void)
{
	static uint8_t number[] = {0x2a}, text[] = {3, 'a', 'b', 'c'};
	ProtobufCMessageUnknownField fields[] = {
		{.tag = 100, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT, .len = 1, .data = number},
		{.tag = 2000,
		 .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		 .len = 4,
		 .data = text},
	};
	struct foreign foreign;
	ProtobufCMessage *messages[] = {
		&foreign.profile.base, &foreign.sample.base,   &foreign.location.base,
		&foreign.line.base,    &foreign.function.base, &foreign.mapping.base,
		&foreign.label.base,
	};
	struct profile *profile;
	struct written written;
	profile_message *again;

	make_foreign(&foreign);
	for (size_t i = 0; i < 7; i++) {
		messages[i]->unknown_fields = fields;
		messages[i]->n_unknown_fields = 2;
	}
	profile = read_foreign(&foreign, 0, NULL);
	written = write_profile(profile);
	again = perftools__profiles__profile__unpack(NULL, cursor_left(&written.bytes),
						     (const uint8_t *)written.bytes.at);
	{
		const ProtobufCMessage *kept[] = {
			&again->base,
			&again->sample[0]->base,
			&again->location[0]->base,
			&again->location[0]->line[0]->base,
			&again->function[0]->base,
			&again->mapping[0]->base,
			&again->sample[0]->label[0]->base,
		};
		for (size_t i = 0; i < 7; i++) {
			CHECK_UINT_EQ(kept[i]->n_unknown_fields, 2);
			if (kept[i]->n_unknown_fields != 2)
				continue;
			CHECK_UINT_EQ(kept[i]->unknown_fields[0].tag, 100);
			CHECK_UINT_EQ(kept[i]->unknown_fields[0].data[0], 0x2a);
			CHECK_UINT_EQ(kept[i]->unknown_fields[1].tag, 2000);
			CHECK_UINT_EQ(kept[i]->unknown_fields[1].len, 4);
			CHECK_INT_EQ(memcmp(kept[i]->unknown_fields[1].data, text, 4), 0);
		}
	}
	CHECK_UINT_EQ(again->n_string_table, 4);
	perftools__profiles__profile__free_unpacked(again, NULL);
	input_free(written.input);
	profile_free(profile);
}

/* Two profiles in one file, one after the other, are not read as one profile. */
static void test_a_second_profile(void)
{
	struct foreign foreign;
	uint8_t bytes[1024];
	char error[DIAG_TEXT_MAX];
	size_t size;

	make_foreign(&foreign);
	foreign.profile.time_nanos = 1;
	size = perftools__profiles__profile__pack(&foreign.profile, bytes);
	memcpy(bytes + size, bytes, size);
	read_bytes(bytes, 2 * size, READER_E_CORRUPT, error);
	CHECK(strstr(error, "a second profile begins here") != NULL);
}

TEST_MAIN(TEST(test_what_was_written_is_read_again), TEST(test_every_cut_is_seen),
	  TEST(test_damage_does_no_harm), TEST(test_the_format_is_found_by_content),
	  TEST(test_ids_may_be_any_numbers), TEST(test_equal_samples_add_up),
	  TEST(test_references_that_lead_nowhere), TEST(test_ids_that_are_taken),
	  TEST(test_what_makes_no_profile), TEST(test_unknown_fields_are_kept),
	  TEST(test_a_second_profile))
