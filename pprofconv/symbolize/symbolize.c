/* SPDX-License-Identifier: MIT */
#include "symbolize/symbolize.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "symbolize/naming.h"

struct place { /* a location without a name */
	uint64_t address;
	uint32_t mapping;
	uint32_t location;
	uint64_t linked_address;
	uint32_t first_frame;
	uint32_t n_frames;
};

struct symbolizer {
	struct profile *profile;
	const struct symbolize_options *options;
	struct symbolize_summary *summary;
	struct naming naming;
	VEC(struct place) places; /* by mapping, then by address */
	struct binaries *binaries;
	frame_list frames; /* of one mapping's places */
	VEC(struct profile_line) lines;
	uint64_t n_done; /* locations looked up so far */
};

static bool has_names(const struct profile_mapping *mapping)
{
	return mapping->has_functions || mapping->has_filenames || mapping->has_line_numbers ||
	       mapping->has_inline_frames;
}

static int compare_unnamed(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->mapping != b->mapping)
		return a->mapping < b->mapping ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->location < b->location ? -1 : a->location > b->location;
}

static int add_place(struct symbolizer *s, uint32_t number)
{
	const struct profile_location *location = &s->profile->locations.items[number];
	struct symbolize_result *result;

	s->summary->n_locations++;
	s->summary->n_named += location->n_lines != 0;
	if (location->mapping >= s->profile->mappings.n)
		return 0;
	result = &s->summary->mappings.items[location->mapping];
	result->n_locations++;
	if (location->n_lines || has_names(&s->profile->mappings.items[location->mapping])) {
		result->outcome = SYMBOLIZE_ALREADY;
		result->n_named += location->n_lines != 0;
		return 0;
	}
	return vec_push(&s->places, (struct place){.address = location->address,
						   .mapping = location->mapping,
						   .location = number});
}

static int collect_places(struct symbolizer *s)
{
	size_t n_mappings = s->profile->mappings.n;
	int r = 0;

	if (vec_reserve(&s->summary->mappings, n_mappings))
		return -ENOMEM;
	for (size_t i = 0; i < n_mappings; i++)
		s->summary->mappings.items[i] = (struct symbolize_result){0};
	s->summary->mappings.n = n_mappings;
	for (size_t i = 0; !r && i < s->profile->locations.n; i++)
		r = add_place(s, (uint32_t)i);
	if (!r && s->places.n)
		qsort(s->places.items, s->places.n, sizeof(*s->places.items), compare_unnamed);
	return r;
}

/* Gets the file that a mapping was made from. */
static int get_binary(struct symbolizer *s, uint32_t number, struct find_binary_result *out_located,
		      struct binary **out_binary)
{
	const struct profile_mapping *mapping = &s->profile->mappings.items[number];
	const struct find_binary_wanted wanted = {
		.file = profile_string(s->profile, mapping->file),
		.build_id = profile_string(s->profile, mapping->build_id),
		.is_program = number == 0,
		.was_deleted = mapping->was_deleted,
		.process = s->options->locate.process,
		.start = mapping->start,
		.limit = mapping->limit,
	};

	return binaries_get(s->binaries, &wanted, &s->options->locate, out_located, out_binary);
}

/* Returns whether nothing is known about the mapping. A profile without a memory map has such a
 * mapping. */
static bool is_without_map(const struct profile_mapping *mapping)
{
	return !mapping->file && !mapping->build_id && !mapping->start && !mapping->offset &&
	       (mapping->limit == 0 || mapping->limit == UINT64_MAX);
}

/* Sets the place's linked address and returns true if it is known; otherwise sets linked_address to
 * the place's offset in the file and returns false. Without a memory map the linked address is
 * known only in the code of a program that runs where it was linked: it is the address itself. */
static bool find_linked(const struct profile_mapping *mapping, const struct object *object,
			struct place *place)
{
	uint64_t distance = place->address - mapping->start;

	place->linked_address = mapping->offset + distance;
	if (is_without_map(mapping))
		return object->is_fixed && object_is_code(object, place->address);
	return object_address_of(object, mapping->offset, distance, &place->linked_address);
}

static int find_variable(const struct profile_mapping *mapping, struct binary *binary,
			 struct place *place, frame_list *frames)
{
	uint64_t distance = place->address - mapping->start;

	place->linked_address = mapping->offset + distance;
	if (!object_data_address_of(binary->object, mapping->offset, distance,
				    &place->linked_address))
		return 0;
	return binary_find_variable(binary, place->linked_address, frames);
}

static int find_frames(struct symbolizer *s, struct binary *binary, struct place *place)
{
	const struct profile_mapping *mapping = &s->profile->mappings.items[place->mapping];
	int r;

	place->first_frame = (uint32_t)s->frames.n;
	if (s->profile->is_of_data)
		r = find_variable(mapping, binary, place, &s->frames);
	else if (find_linked(mapping, binary->object, place))
		r = binary_find(binary, place->linked_address, &s->frames);
	else
		return 0;
	if (s->frames.n > UINT32_MAX)
		r = -EOVERFLOW;
	place->n_frames = (uint32_t)(s->frames.n - place->first_frame);
	return r;
}

/* Prints the place in its file, as FILE+0xADDRESS. */
static void print_place(const struct symbolizer *s, const struct place *place, char *out_text,
			size_t size)
{
	const struct profile_mapping *mapping = &s->profile->mappings.items[place->mapping];

	snprintf(out_text, size, "%.200s%s0x%" PRIx64,
		 path_last_part(profile_string(s->profile, mapping->file)),
		 mapping->file ? "+" : "", place->linked_address);
}

/* Sets the lines of a location. If nothing is known about it, it gets one line, whose function is
 * named FILE+0xADDRESS. */
static int name_location(struct symbolizer *s, const struct place *place)
{
	static const struct frame unknown;
	uint32_t n = place->n_frames ? place->n_frames : 1;
	char fallback[256] = "";
	int r = 0;

	s->lines.n = 0;
	if (vec_reserve(&s->lines, n))
		return -ENOMEM;
	for (uint32_t i = 0; !r && i < n; i++) {
		const struct frame *frame =
			place->n_frames ? &s->frames.items[place->first_frame + i] : &unknown;

		if (!frame->linkage_name && !frame->name)
			print_place(s, place, fallback, sizeof(fallback));
		r = naming_line(&s->naming, frame, fallback, &s->lines.items[s->lines.n++]);
	}
	if (!r)
		profile_set_lines(s->profile, place->location, s->lines.items, s->lines.n);
	return r ? r : profile_status(s->profile);
}

static int name_locations(struct symbolizer *s, struct place *places, size_t n)
{
	struct profile_mapping *mapping = &s->profile->mappings.items[places->mapping];
	struct symbolize_result *result = &s->summary->mappings.items[places->mapping];
	int r = 0;

	mapping->has_functions = true;
	vec_foreach (frame, &s->frames)
		mapping->has_filenames |= frame->file != NULL;
	mapping->has_line_numbers = mapping->has_inline_frames = mapping->has_filenames;
	result->outcome = SYMBOLIZE_NAMED;
	for (size_t i = 0; !r && i < n; i++) {
		result->n_named += places[i].n_frames != 0;
		r = name_location(s, &places[i]);
	}
	s->summary->n_named += result->n_named;
	return r;
}

static void report_progress(struct symbolizer *s)
{
	if (s->options->on_progress)
		s->options->on_progress(s->options->progress_context, ++s->n_done);
}

/* Names the locations of one mapping, unless some of them have names already. `places` are all its
 * locations without names. */
static int symbolize_mapping(struct symbolizer *s, struct place *places, size_t n)
{
	struct symbolize_result *result = &s->summary->mappings.items[places->mapping];
	struct binary *binary;
	int r;

	if (result->outcome == SYMBOLIZE_ALREADY)
		return 0;
	r = get_binary(s, places->mapping, &result->located, &binary);
	if (r)
		return r;
	result->outcome = binary ? SYMBOLIZE_NO_SYMBOLS : SYMBOLIZE_NOT_LOCATED;
	s->frames.n = 0;
	for (size_t i = 0; binary && !r && i < n; i++) {
		r = find_frames(s, binary, &places[i]);
		report_progress(s);
	}
	if (binary) {
		result->n_lost_units = debuginfo_count_lost_units(binary->info);
		result->has_debuginfo = binary->info != NULL;
	}
	if (!r && s->frames.n)
		r = name_locations(s, places, n);
	return r;
}

static int symbolize_all(struct symbolizer *s)
{
	int r = collect_places(s);
	size_t end;

	for (size_t at = 0; !r && at < s->places.n; at = end) {
		struct place *first = &s->places.items[at];

		for (end = at + 1; end < s->places.n; end++)
			if (s->places.items[end].mapping != first->mapping)
				break;
		r = symbolize_mapping(s, first, end - at);
	}
	return r;
}

int symbolize_profile(struct profile *profile, const struct symbolize_options *options,
		      struct symbolize_summary *summary)
{
	struct binaries own = {0};
	struct symbolizer s = {
		.profile = profile,
		.binaries = options->binaries ? options->binaries : &own,
		.options = options,
		.summary = summary,
		.naming = {.profile = profile, .style = options->style},
	};
	int r;

	binaries_shrink(s.binaries);
	r = symbolize_all(&s);
	binaries_deinit(&own);
	vec_deinit(&s.places);
	vec_deinit(&s.frames);
	vec_deinit(&s.lines);
	naming_deinit(&s.naming);
	return r;
}

static void describe_missing(const struct find_binary_result *located, char *out_text, size_t size)
{
	switch (located->outcome) {
	case FIND_BINARY_NO_FILE:
		snprintf(out_text, size, "not a file");
		return;
	case FIND_BINARY_REPLACED:
		snprintf(out_text, size,
			 "deleted while the program ran, and no build ID identifies it");
		return;
	case FIND_BINARY_OTHER_ID:
		if (located->other_id[0])
			snprintf(out_text, size, "the file there now has another build ID, %s",
				 located->other_id);
		else
			snprintf(out_text, size, "the file there now has no build ID");
		return;
	case FIND_BINARY_NOT_ELF:
		snprintf(out_text, size, "not an ELF file");
		return;
	case FIND_BINARY_UNREADABLE:
		snprintf(out_text, size, "%s", strerror(located->error));
		return;
	default:
		snprintf(out_text, size, "file not found");
	}
}

bool symbolize_describe(const struct profile *profile, const struct symbolize_summary *summary,
			size_t mapping, char *out_text, size_t size)
{
	const struct symbolize_result *result = &summary->mappings.items[mapping];
	const struct profile_mapping *described = &profile->mappings.items[mapping];
	const char *file = described->file ? profile_string(profile, described->file) : "(no file)";
	char reason[2 * BUILD_ID_MAX + 64] = "no symbols in it", lost[96] = "";
	const char *rest = "";

	switch (result->outcome) {
	case SYMBOLIZE_UNUSED:
		return false;
	case SYMBOLIZE_ALREADY:
		snprintf(out_text, size, "%s: has names already", file);
		return true;
	case SYMBOLIZE_NAMED:
		if (result->n_lost_units)
			snprintf(lost, sizeof(lost),
				 ", without inlined frames from %" PRIu32 " missing .dwo file%s",
				 result->n_lost_units, result->n_lost_units == 1 ? "" : "s");
		if (result->n_named < result->n_locations)
			rest = result->has_debuginfo
				       ? "; the rest is not in its debug information and symbols"
				       : "; no debug information, and no symbols for the rest";
		snprintf(out_text, size, "%s: %" PRIu32 " of %" PRIu32 " locations named%s%s%s",
			 file, result->n_named, result->n_locations,
			 described->build_id ? "" : ", with no build ID to check the file by", lost,
			 rest);
		return true;
	case SYMBOLIZE_NOT_LOCATED:
		describe_missing(&result->located, reason, sizeof(reason));
		break;
	case SYMBOLIZE_NO_SYMBOLS:
		if (is_without_map(described))
			snprintf(reason, sizeof(reason),
				 "there is no memory map, and no address is in the code of a "
				 "program that is not position-independent");
		break;
	}
	snprintf(out_text, size, "%s: %" PRIu32 " location%s without names: %s", file,
		 result->n_locations, result->n_locations == 1 ? "" : "s", reason);
	return true;
}

void symbolize_summary_deinit(struct symbolize_summary *summary)
{
	vec_deinit(&summary->mappings);
}
