/* SPDX-License-Identifier: MIT */
/* Reads pprof's own format, from any writer. Messages refer to strings and to each other, in any
 * order, so the bytes are walked four times: for strings and single fields, for mappings and
 * functions, for locations, and for samples. Only one message at a time is unpacked.
 *
 * Strings keep their numbers (unless the file's table has a string twice), so that unknown fields,
 * which the profile keeps, may refer to strings. */
#include <errno.h>

#include "base/number_map.h"
#include "base/wire.h"
#include "model/metadata_line.h"
#include "model/unknown_fields.h"
#include "profile.pb-c.h"
#include "readers/readers.h"

enum { /* fields of Profile */
	FIELD_SAMPLE_TYPE = 1,
	FIELD_SAMPLE = 2,
	FIELD_MAPPING = 3,
	FIELD_LOCATION = 4,
	FIELD_FUNCTION = 5,
	FIELD_STRING = 6,
	FIELD_TIME = 9,
	FIELD_LAST = 15,
};

struct decoder {
	struct profile *profile;
	struct diag *diag;
	struct cursor bytes; /* the whole input */
	size_t place;        /* byte offset of the current field */
	VEC(uint32_t) strings;
	VEC(uint8_t) head; /* the fields except FIELD_SAMPLE to FIELD_STRING, one after the other */
	bool has_time;
	struct number_map mappings, locations, functions; /* from ids in the file, never 0 */
	VEC(uint32_t) frames;
	VEC(struct profile_line) lines;
	VEC(struct profile_label) labels;
};

static int corrupt_field(struct decoder *decoder, const char *what)
{
	return diag_error_byte(decoder->diag, READER_E_CORRUPT, decoder->place, "%s", what);
}

static int report_no_memory(struct decoder *decoder)
{
	profile_fail(decoder->profile, -ENOMEM);
	return diag_errno(decoder->diag, -ENOMEM);
}

/* --- ids ----------------------------------------------------------------------------------- */

static int add_id(struct decoder *decoder, struct number_map *map, uint64_t id, uint32_t number)
{
	if (id == 0)
		return corrupt_field(decoder, "the id 0, which is reserved");
	if (number_map_find(map, id) != NUMBER_MAP_NONE)
		return corrupt_field(decoder, "a duplicate id");
	return number_map_insert(map, id, number) < 0 ? report_no_memory(decoder) : 0;
}

/* --- strings ------------------------------------------------------------------------------- */

/* Returns the string at index `place` of the file's string table. If there is none, sets *wrong to
 * true and returns 0. */
static uint32_t string_at(const struct decoder *decoder, int64_t place, bool *wrong)
{
	if (place < 0 || (uint64_t)place >= decoder->strings.n) {
		*wrong = true;
		return 0;
	}
	return decoder->strings.items[place];
}

static int check_strings(struct decoder *decoder, bool wrong)
{
	return wrong ? corrupt_field(decoder, "an index beyond the end of the string table") : 0;
}

static int add_string(struct decoder *decoder, struct cursor text)
{
	uint32_t string = profile_intern_bytes(decoder->profile, text.at, cursor_left(&text));

	if (!decoder->strings.n && !cursor_at_end(&text))
		return corrupt_field(decoder, "the first string is not empty");
	return vec_push(&decoder->strings, string) < 0 ? report_no_memory(decoder) : 0;
}

/* --- memory for one message ---------------------------------------------------------------- */

/* Allocates memory for protobuf-c, and sets *failed if memory is out: protobuf-c reports that and a
 * damaged message in the same way. */
static void *message_alloc(void *failed, size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		*(bool *)failed = true;
	return memory;
}

static void message_free(void *failed, void *memory)
{
	free(memory);
}

/* Unpacks one message, calls `add` with it, and frees it. Returns what `add` returns, or an
 * error. */
static int with_message(struct decoder *decoder, const ProtobufCMessageDescriptor *descriptor,
			struct cursor bytes,
			int (*add)(struct decoder *decoder, const ProtobufCMessage *message))
{
	bool failed = false;
	ProtobufCAllocator allocator = {message_alloc, message_free, &failed};
	ProtobufCMessage *message = protobuf_c_message_unpack(
		descriptor, &allocator, cursor_left(&bytes), (const uint8_t *)bytes.at);
	int r;

	if (!message)
		return failed ? report_no_memory(decoder)
			      : corrupt_field(decoder, "a damaged message");
	r = add(decoder, message);
	protobuf_c_message_free_unpacked(message, &allocator);
	return r;
}

/* --- messages ------------------------------------------------------------------------------ */

static int decode_mapping(struct decoder *decoder, const ProtobufCMessage *message)
{
	const Perftools__Profiles__Mapping *from = (const Perftools__Profiles__Mapping *)message;
	bool wrong = false;
	struct profile_mapping mapping = {
		.start = from->memory_start,
		.limit = from->memory_limit,
		.offset = from->file_offset,
		.file = string_at(decoder, from->filename, &wrong),
		.build_id = string_at(decoder, from->build_id, &wrong),
		.unknown = unknown_fields_take(decoder->profile, message),
		.has_functions = from->has_functions,
		.has_filenames = from->has_filenames,
		.has_line_numbers = from->has_line_numbers,
		.has_inline_frames = from->has_inline_frames,
	};
	uint32_t number = profile_add_mapping(decoder->profile, &mapping);
	int r = check_strings(decoder, wrong);

	return r ? r : add_id(decoder, &decoder->mappings, from->id, number);
}

static int decode_function(struct decoder *decoder, const ProtobufCMessage *message)
{
	const Perftools__Profiles__Function *from = (const Perftools__Profiles__Function *)message;
	bool wrong = false;
	struct profile_function function = {
		.name = string_at(decoder, from->name, &wrong),
		.system_name = string_at(decoder, from->system_name, &wrong),
		.filename = string_at(decoder, from->filename, &wrong),
		.unknown = unknown_fields_take(decoder->profile, message),
		.start_line = from->start_line,
	};
	uint32_t number = profile_add_function(decoder->profile, &function);
	int r = check_strings(decoder, wrong);

	return r ? r : add_id(decoder, &decoder->functions, from->id, number);
}

static int add_line(struct decoder *decoder, const Perftools__Profiles__Line *from)
{
	struct profile_line line = {
		.function = number_map_find(&decoder->functions, from->function_id),
		.unknown = unknown_fields_take(decoder->profile, &from->base),
		.line = from->line,
		.column = from->column,
	};

	if (line.function == PROFILE_NONE)
		return corrupt_field(decoder, "a line of an unknown function");
	return vec_push(&decoder->lines, line) < 0 ? report_no_memory(decoder) : 0;
}

static int decode_location(struct decoder *decoder, const ProtobufCMessage *message)
{
	const Perftools__Profiles__Location *from = (const Perftools__Profiles__Location *)message;
	struct profile_location location = {
		.address = from->address,
		.mapping = number_map_find(&decoder->mappings, from->mapping_id),
		.is_folded = from->is_folded,
		.unknown = unknown_fields_take(decoder->profile, message),
	};
	uint32_t number;
	int r = 0;

	if (location.mapping == PROFILE_NONE && from->mapping_id)
		return corrupt_field(decoder, "a location in an unknown mapping");
	if (from->n_line > LOCATION_LINES_MAX)
		return corrupt_field(decoder,
				     "a location with more lines than any compiler inlines");
	decoder->lines.n = 0;
	for (size_t i = 0; !r && i < from->n_line; i++)
		r = add_line(decoder, from->line[i]);
	if (r)
		return r;
	number = profile_add_location(decoder->profile, &location, decoder->lines.items,
				      decoder->lines.n);
	return add_id(decoder, &decoder->locations, from->id, number);
}

static int add_label(struct decoder *decoder, const Perftools__Profiles__Label *from)
{
	bool wrong = false;
	struct profile_label label = {
		.key = string_at(decoder, from->key, &wrong),
		.text = string_at(decoder, from->str, &wrong),
		.unit = string_at(decoder, from->num_unit, &wrong),
		.unknown = unknown_fields_take(decoder->profile, &from->base),
		.number = from->num,
	};
	int r = check_strings(decoder, wrong);

	return r ? r : vec_push(&decoder->labels, label) < 0 ? report_no_memory(decoder) : 0;
}

static int add_frame(struct decoder *decoder, uint64_t id)
{
	uint32_t number = number_map_find(&decoder->locations, id);

	if (number == PROFILE_NONE)
		return corrupt_field(decoder, "a sample with an unknown location");
	return vec_push(&decoder->frames, number) < 0 ? report_no_memory(decoder) : 0;
}

static int decode_sample(struct decoder *decoder, const ProtobufCMessage *message)
{
	const Perftools__Profiles__Sample *from = (const Perftools__Profiles__Sample *)message;
	struct profile *profile = decoder->profile;
	struct profile_sample key;
	int r = 0;

	if (from->n_value != profile->sample_types.n)
		return corrupt_field(decoder,
				     "a sample with more or fewer values than sample types");
	decoder->frames.n = decoder->labels.n = 0;
	for (size_t i = 0; !r && i < from->n_location_id; i++)
		r = add_frame(decoder, from->location_id[i]);
	for (size_t i = 0; !r && i < from->n_label; i++)
		r = add_label(decoder, from->label[i]);
	if (r)
		return r;
	key = (struct profile_sample){
		.stack = profile_add_stack(profile, decoder->frames.items, decoder->frames.n),
		.labels = profile_add_labels(profile, decoder->labels.items, decoder->labels.n),
		.unknown = unknown_fields_take(profile, message),
	};
	profile_add_sample(profile, key, from->value);
	return 0;
}

static int add_sample_type(struct decoder *decoder, const Perftools__Profiles__ValueType *from)
{
	bool wrong = false;
	uint32_t type = string_at(decoder, from->type, &wrong);
	uint32_t unit = string_at(decoder, from->unit, &wrong);

	if (decoder->profile->sample_types.n == SAMPLE_TYPES_MAX)
		return corrupt_field(decoder, "more sample types than any profile has");
	if (!wrong)
		profile_add_sample_type(decoder->profile, profile_string(decoder->profile, type),
					profile_string(decoder->profile, unit));
	return check_strings(decoder, wrong);
}

/* Adds the fields that a profile has only once, and the sample types and comments. */
static int add_head(struct decoder *decoder, const ProtobufCMessage *message)
{
	const Perftools__Profiles__Profile *from = (const Perftools__Profiles__Profile *)message;
	struct profile *profile = decoder->profile;
	bool wrong = false;
	int r = 0;

	for (size_t i = 0; !r && i < from->n_sample_type; i++)
		r = add_sample_type(decoder, from->sample_type[i]);
	for (size_t i = 0; i < from->n_comment; i++) {
		uint32_t text = string_at(decoder, from->comment[i], &wrong);

		profile_add_comment(profile, profile_string(profile, text),
				    strtab_size(&profile->strings, text));
	}
	metadata_line_unpack(profile);
	if (from->period_type) {
		profile->period_type.type = string_at(decoder, from->period_type->type, &wrong);
		profile->period_type.unit = string_at(decoder, from->period_type->unit, &wrong);
	}
	profile->period = from->period;
	profile->time_nanos = from->time_nanos;
	profile->duration_nanos = from->duration_nanos;
	profile->drop_frames = string_at(decoder, from->drop_frames, &wrong);
	profile->keep_frames = string_at(decoder, from->keep_frames, &wrong);
	profile->default_sample_type = string_at(decoder, from->default_sample_type, &wrong);
	profile->doc_url = string_at(decoder, from->doc_url, &wrong);
	profile->unknown = unknown_fields_take(profile, message);
	return r ? r : check_strings(decoder, wrong);
}

/* --- walks --------------------------------------------------------------------------------- */

/* Calls `visit` for every field of the profile. */
static int walk_fields(struct decoder *decoder,
		       int (*visit)(struct decoder *decoder, const struct wire_field *field))
{
	struct cursor bytes = decoder->bytes;
	struct wire_field field;
	int r = 0;

	while (!r && wire_next_field(&bytes, &field)) {
		decoder->place = (size_t)(field.whole.at - decoder->bytes.at);
		r = visit(decoder, &field);
	}
	decoder->place = (size_t)(bytes.at - decoder->bytes.at);
	if (!r && bytes.failed)
		r = corrupt_field(decoder, "truncated or damaged: no field begins here");
	return r;
}

static int visit_strings_and_head(struct decoder *decoder, const struct wire_field *field)
{
	bool is_repeated = field->number >= FIELD_SAMPLE && field->number <= FIELD_STRING;

	if (is_repeated && field->wire_type != WIRE_BYTES)
		return corrupt_field(decoder, "expected a message, not a number");
	if (field->number == FIELD_STRING)
		return add_string(decoder, field->content);
	if (is_repeated)
		return 0;
	if (field->number == FIELD_TIME && decoder->has_time)
		return corrupt_field(decoder, "a second profile begins here");
	decoder->has_time |= field->number == FIELD_TIME;
	return vec_append(&decoder->head, (const uint8_t *)field->whole.at,
			  cursor_left(&field->whole)) < 0
		       ? report_no_memory(decoder)
		       : 0;
}

static int visit_mappings_and_functions(struct decoder *decoder, const struct wire_field *field)
{
	if (field->number == FIELD_MAPPING)
		return with_message(decoder, &perftools__profiles__mapping__descriptor,
				    field->content, decode_mapping);
	if (field->number == FIELD_FUNCTION)
		return with_message(decoder, &perftools__profiles__function__descriptor,
				    field->content, decode_function);
	return 0;
}

static int visit_locations(struct decoder *decoder, const struct wire_field *field)
{
	if (field->number != FIELD_LOCATION)
		return 0;
	return with_message(decoder, &perftools__profiles__location__descriptor, field->content,
			    decode_location);
}

static int visit_samples(struct decoder *decoder, const struct wire_field *field)
{
	if (field->number != FIELD_SAMPLE)
		return 0;
	return with_message(decoder, &perftools__profiles__sample__descriptor, field->content,
			    decode_sample);
}

static int decode_all(struct decoder *decoder)
{
	int r = walk_fields(decoder, visit_strings_and_head);

	if (!r && !decoder->strings.n)
		r = corrupt_field(decoder, "truncated: no string table");
	if (!r)
		r = with_message(decoder, &perftools__profiles__profile__descriptor,
				 cursor_make(decoder->head.items, decoder->head.n), add_head);
	if (!r)
		r = walk_fields(decoder, visit_mappings_and_functions);
	if (!r)
		r = walk_fields(decoder, visit_locations);
	if (!r)
		r = walk_fields(decoder, visit_samples);
	return r;
}

/* Returns the name of the tool that wrote the profile, or NULL if it is not known. The format has
 * no field for it: our profiles are recognized by their comments, Go's by functions of its
 * runtime. */
static const char *find_tool(const struct profile *profile)
{
	if (profile_metadata(profile, "run"))
		return "pprofconv, from a dump of libheapprof";
	vec_foreach (function, &profile->functions) {
		const char *name = profile_string(profile, function->name);
		const char *file = profile_string(profile, function->filename);
		size_t size = strlen(file);

		if (strncmp(name, "runtime.", 8) == 0 && size > 3 &&
		    strcmp(file + size - 3, ".go") == 0)
			return READER_TOOL_GO;
	}
	return NULL;
}

static int read_pprof(struct profile *profile, struct input *input, struct diag *diag)
{
	struct decoder decoder = {.profile = profile, .diag = diag};
	int r = input_take_rest(input, &decoder.bytes);

	if (!r)
		r = decode_all(&decoder);
	if (!r && profile->samples.n && !profile->sample_types.n)
		r = diag_error(diag, READER_E_CORRUPT, "there are samples, but no sample types");
	if (!r && !profile_status(profile))
		profile->tool = find_tool(profile);
	vec_deinit(&decoder.strings);
	vec_deinit(&decoder.head);
	number_map_deinit(&decoder.mappings);
	number_map_deinit(&decoder.locations);
	number_map_deinit(&decoder.functions);
	vec_deinit(&decoder.frames);
	vec_deinit(&decoder.lines);
	vec_deinit(&decoder.labels);
	return r;
}

/* --- probing ------------------------------------------------------------------------------- */

static bool is_message(uint32_t number)
{
	return number <= FIELD_STRING || number == 11 /* period_type */;
}

/* Returns whether the field has a wire type that this field of a profile may have. Fields with
 * unknown numbers may have any wire type. */
static bool is_plausible(const struct wire_field *field)
{
	if (field->number > FIELD_LAST)
		return true;
	if (is_message(field->number))
		return field->wire_type == WIRE_BYTES;
	return field->wire_type == WIRE_VARINT ||
	       (field->number == 13 && field->wire_type == WIRE_BYTES); /* packed comments */
}

/* Returns whether `head`, the rest that has no complete field, may be a field that goes on after
 * the end of the head. If it can't be, the input is something else, such as folded stacks, many of
 * which begin like a field. */
static bool is_cut(const struct cursor *head)
{
	unsigned tag = (unsigned char)*head->at;
	struct wire_field field = {.number = tag >> 3, .wire_type = tag & 7};

	if (tag >= 0x80) /* a tag of several bytes */
		return true;
	if (!field.number || !is_plausible(&field))
		return false;
	switch (field.wire_type) {
	case WIRE_VARINT:
		return cursor_left(head) <= 10;
	case WIRE_64:
	case WIRE_32:
	case WIRE_BYTES:
		return true;
	default:
		return false;
	}
}

/* Returns whether the head begins with a message that is longer than the head, and the message
 * begins with a field that it may have. The size of such a message takes several bytes, and all
 * except the last are not ASCII, so text does not begin like this. */
static bool is_cut_message(struct cursor head)
{
	static const unsigned n_fields[] = {
		[FIELD_SAMPLE] = 3,
		[FIELD_MAPPING] = 10,
		[FIELD_LOCATION] = 5,
		[FIELD_FUNCTION] = 5,
	};
	unsigned tag = (unsigned char)*head.at++, number = tag >> 3;
	uint64_t size = 0;
	int byte = 0x80;

	if ((tag & 7) != WIRE_BYTES || number < FIELD_SAMPLE || number > FIELD_FUNCTION)
		return false;
	for (unsigned shift = 0; byte >= 0x80 && shift < 63; shift += 7) {
		byte = cursor_peek(&head);
		if (byte < 0)
			return false;
		size |= (uint64_t)(byte & 0x7f) << shift;
		head.at++;
	}
	if (byte >= 0x80 || size <= cursor_left(&head) || cursor_at_end(&head))
		return false;
	tag = (unsigned char)*head.at;
	return ((tag & 7) == WIRE_VARINT || (tag & 7) == WIRE_BYTES) && tag >> 3 > 0 &&
	       tag >> 3 <= n_fields[number];
}

/* Accepts a head if its first field is a known field and all following fields look right, up to a
 * field that the end of the head cuts off. After four such fields, a field that is damaged does not
 * count: the reader will report it. */
static enum probe probe_pprof(struct cursor head)
{
	bool is_whole = cursor_left(&head) < INPUT_HEAD_SIZE;
	struct wire_field field;
	bool is_right;
	int n = 0;

	/* Text may look like fields, but every profile has control bytes. */
	if (cursor_is_text(head))
		return PROBE_NO;
	for (; wire_next_field(&head, &field); n++)
		if (!is_plausible(&field) || (n == 0 && field.number > FIELD_LAST))
			return PROBE_NO;
	if (n == 0)
		is_right = !is_whole && is_cut_message(head);
	else
		is_right = !head.failed || n > 3 || (!is_whole && is_cut(&head));
	return is_right ? PROBE_YES : PROBE_NO;
}

const struct reader reader_pprof = {
	.name = "pprof",
	.summary = "pprof's protobuf, from any language",
	.group = READER_GENERAL,
	.made_by = "curl http://HOST/debug/pprof/heap",
	.probe = probe_pprof,
	.read = read_pprof,
};
