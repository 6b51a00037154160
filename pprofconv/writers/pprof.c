/* SPDX-License-Identifier: MIT */
/* Writes pprof's protobuf, gzipped. A protobuf reader merges concatenated messages of one type, so
 * the profile is written in batches, and memory use does not grow with the profile. An ID is our
 * number plus 1, because 0 means none. */
#include <errno.h>

#include "base/gzip.h"
#include "base/utf8.h"
#include "model/unknown_fields.h"
#include "profile.pb-c.h"
#include "writers/pprof_strings.h"
#include "writers/writers.h"

#define BATCH 256

/* Fast levels pack a profile nearly as well as the default one. */
#define GZIP_LEVEL 1

typedef Perftools__Profiles__Profile profile_message;
typedef Perftools__Profiles__Sample sample_message;
typedef Perftools__Profiles__Label label_message;
typedef Perftools__Profiles__Mapping mapping_message;
typedef Perftools__Profiles__Location location_message;
typedef Perftools__Profiles__Line line_message;
typedef Perftools__Profiles__Function function_message;
typedef Perftools__Profiles__ValueType value_type_message;

struct encoder {
	const struct profile *profile;
	const struct pprof_strings *strings;
	struct gzip *gzip;
	VEC(uint8_t) packed; /* the current batch */
	VEC(uint64_t) location_ids;
	VEC(label_message) labels;
	VEC(label_message *) label_pointers;
	VEC(line_message) lines;
	VEC(line_message *) line_pointers;
	unknown_field_vec unknown;
};

static void encoder_deinit(struct encoder *encoder)
{
	vec_deinit(&encoder->packed);
	vec_deinit(&encoder->location_ids);
	vec_deinit(&encoder->labels);
	vec_deinit(&encoder->label_pointers);
	vec_deinit(&encoder->lines);
	vec_deinit(&encoder->line_pointers);
	vec_deinit(&encoder->unknown);
}

/* Makes room for the `n` unknown fields of the messages in the next batch. */
static int reserve_unknown(struct encoder *encoder, size_t n)
{
	encoder->unknown.n = 0;
	return vec_reserve(&encoder->unknown, n);
}

/* Returns the number of a string in the file. */
static uint32_t string_of(const struct encoder *encoder, uint32_t string)
{
	return pprof_strings_number(encoder->strings, string);
}

static size_t count_unknown(const struct encoder *encoder, uint32_t string)
{
	return string ? unknown_fields_count(encoder->profile, string) : 0;
}

static void give_unknown(struct encoder *encoder, uint32_t string, ProtobufCMessage *message)
{
	if (string)
		unknown_fields_give(encoder->profile, string, &encoder->unknown, message);
}

static int emit(struct encoder *encoder, const profile_message *message)
{
	size_t size = perftools__profiles__profile__get_packed_size(message);

	encoder->packed.n = 0;
	if (vec_reserve(&encoder->packed, size) < 0)
		return -ENOMEM;
	perftools__profiles__profile__pack(message, encoder->packed.items);
	gzip_write(encoder->gzip, encoder->packed.items, size);
	return 0;
}

/* --- samples ------------------------------------------------------------------------------- */

static void fill_label(struct encoder *encoder, label_message *message,
		       const struct profile_label *label)
{
	perftools__profiles__label__init(message);
	message->key = string_of(encoder, label->key);
	message->str = string_of(encoder, label->text);
	message->num = label->number;
	message->num_unit = string_of(encoder, label->unit);
	give_unknown(encoder, label->unknown, &message->base);
}

/* Fills a sample. The encoder's arrays must already have room for it: messages point into them
 * until the batch is written, so they must not be moved to grow. */
static void fill_sample(struct encoder *encoder, sample_message *message, uint32_t sample)
{
	const struct profile *profile = encoder->profile;
	const struct profile_sample *from = &profile->samples.items[sample];
	size_t n_frames, n_labels;
	const uint32_t *frames = profile_stack(profile, from->stack, &n_frames);
	const struct profile_label *labels = profile_label_set(profile, from->labels, &n_labels);

	perftools__profiles__sample__init(message);
	message->n_value = profile->sample_types.n;
	message->value = profile_values(profile, sample);
	message->n_location_id = n_frames;
	message->location_id = vec_from(&encoder->location_ids, encoder->location_ids.n);
	for (size_t i = 0; i < n_frames; i++)
		message->location_id[i] = (uint64_t)frames[i] + 1;
	encoder->location_ids.n += n_frames;
	message->n_label = n_labels;
	message->label = vec_from(&encoder->label_pointers, encoder->label_pointers.n);
	for (size_t i = 0; i < n_labels; i++) {
		label_message *label = &encoder->labels.items[encoder->labels.n++];

		fill_label(encoder, label, &labels[i]);
		message->label[i] = label;
	}
	encoder->label_pointers.n += n_labels;
	give_unknown(encoder, from->unknown, &message->base);
}

/* Makes room for the locations, labels and unknown fields of the samples [first, first + n). */
static int reserve_samples(struct encoder *encoder, size_t first, size_t n)
{
	const struct profile *profile = encoder->profile;
	size_t n_frames = 0, n_labels = 0, n_unknown = 0;

	for (size_t i = first; i < first + n; i++) {
		const struct profile_sample *sample = &profile->samples.items[i];
		size_t n_own;
		const struct profile_label *labels =
			profile_label_set(profile, sample->labels, &n_own);

		n_frames += profile->stacks.items[sample->stack].n_frames;
		n_labels += n_own;
		n_unknown += count_unknown(encoder, sample->unknown);
		for (size_t j = 0; j < n_own; j++)
			n_unknown += count_unknown(encoder, labels[j].unknown);
	}
	encoder->location_ids.n = encoder->labels.n = encoder->label_pointers.n = 0;
	if (vec_reserve(&encoder->location_ids, n_frames) < 0 ||
	    vec_reserve(&encoder->labels, n_labels) < 0 ||
	    vec_reserve(&encoder->label_pointers, n_labels) < 0)
		return -ENOMEM;
	return reserve_unknown(encoder, n_unknown);
}

static int emit_samples(struct encoder *encoder, size_t first, size_t n)
{
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	sample_message samples[BATCH], *pointers[BATCH];

	if (reserve_samples(encoder, first, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fill_sample(encoder, &samples[i], (uint32_t)(first + i));
		pointers[i] = &samples[i];
	}
	message.n_sample = n;
	message.sample = pointers;
	return emit(encoder, &message);
}

/* --- mappings, locations, functions -------------------------------------------------------- */

static void fill_mapping(struct encoder *encoder, mapping_message *message, size_t number)
{
	const struct profile_mapping *from = &encoder->profile->mappings.items[number];

	perftools__profiles__mapping__init(message);
	message->id = number + 1;
	message->memory_start = from->start;
	message->memory_limit = from->limit;
	message->file_offset = from->offset;
	message->filename = string_of(encoder, from->file);
	message->build_id = string_of(encoder, from->build_id);
	message->has_functions = from->has_functions;
	message->has_filenames = from->has_filenames;
	message->has_line_numbers = from->has_line_numbers;
	message->has_inline_frames = from->has_inline_frames;
	give_unknown(encoder, from->unknown, &message->base);
}

static int emit_mappings(struct encoder *encoder, size_t first, size_t n)
{
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	mapping_message mappings[BATCH], *pointers[BATCH];
	size_t n_unknown = 0;

	for (size_t i = first; i < first + n; i++)
		n_unknown += count_unknown(encoder, encoder->profile->mappings.items[i].unknown);
	if (reserve_unknown(encoder, n_unknown) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fill_mapping(encoder, &mappings[i], first + i);
		pointers[i] = &mappings[i];
	}
	message.n_mapping = n;
	message.mapping = pointers;
	return emit(encoder, &message);
}

/* Returns the ID for one of our numbers: the number plus 1, or 0 for PROFILE_NONE. */
static uint64_t id_of(uint32_t number)
{
	return number == PROFILE_NONE ? 0 : (uint64_t)number + 1;
}

static void fill_location(struct encoder *encoder, location_message *message, size_t number)
{
	const struct profile_location *from = &encoder->profile->locations.items[number];
	const struct profile_line *lines = profile_lines(encoder->profile, from);

	perftools__profiles__location__init(message);
	message->id = number + 1;
	message->mapping_id = id_of(from->mapping);
	message->address = from->address;
	message->is_folded = from->is_folded;
	message->n_line = from->n_lines;
	message->line = vec_from(&encoder->line_pointers, encoder->line_pointers.n);
	for (size_t i = 0; i < from->n_lines; i++) {
		line_message *line = &encoder->lines.items[encoder->lines.n++];

		perftools__profiles__line__init(line);
		line->function_id = id_of(lines[i].function);
		line->line = lines[i].line;
		line->column = lines[i].column;
		give_unknown(encoder, lines[i].unknown, &line->base);
		message->line[i] = line;
	}
	encoder->line_pointers.n += from->n_lines;
	give_unknown(encoder, from->unknown, &message->base);
}

/* Makes room for the lines and unknown fields of the locations [first, first + n). */
static int reserve_locations(struct encoder *encoder, size_t first, size_t n)
{
	size_t n_lines = 0, n_unknown = 0;

	for (size_t i = first; i < first + n; i++) {
		const struct profile_location *from = &encoder->profile->locations.items[i];
		const struct profile_line *lines = profile_lines(encoder->profile, from);

		n_lines += from->n_lines;
		n_unknown += count_unknown(encoder, from->unknown);
		for (size_t j = 0; j < from->n_lines; j++)
			n_unknown += count_unknown(encoder, lines[j].unknown);
	}
	encoder->lines.n = encoder->line_pointers.n = 0;
	if (vec_reserve(&encoder->lines, n_lines) < 0 ||
	    vec_reserve(&encoder->line_pointers, n_lines) < 0)
		return -ENOMEM;
	return reserve_unknown(encoder, n_unknown);
}

static int emit_locations(struct encoder *encoder, size_t first, size_t n)
{
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	location_message locations[BATCH], *pointers[BATCH];

	if (reserve_locations(encoder, first, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fill_location(encoder, &locations[i], first + i);
		pointers[i] = &locations[i];
	}
	message.n_location = n;
	message.location = pointers;
	return emit(encoder, &message);
}

static void fill_function(struct encoder *encoder, function_message *message, size_t number)
{
	const struct profile_function *from = &encoder->profile->functions.items[number];

	perftools__profiles__function__init(message);
	message->id = number + 1;
	message->name = encoder->strings->function_names.items[number];
	message->system_name = encoder->strings->function_system_names.items[number];
	message->filename = string_of(encoder, from->filename);
	message->start_line = from->start_line;
	give_unknown(encoder, from->unknown, &message->base);
}

static int emit_functions(struct encoder *encoder, size_t first, size_t n)
{
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	function_message functions[BATCH], *pointers[BATCH];
	size_t n_unknown = 0;

	for (size_t i = first; i < first + n; i++)
		n_unknown += count_unknown(encoder, encoder->profile->functions.items[i].unknown);
	if (reserve_unknown(encoder, n_unknown) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fill_function(encoder, &functions[i], first + i);
		pointers[i] = &functions[i];
	}
	message.n_function = n;
	message.function = pointers;
	return emit(encoder, &message);
}

/* --- strings and the rest ------------------------------------------------------------------ */

static int emit_strings(struct encoder *encoder, size_t first, size_t n)
{
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	char *pointers[BATCH], *repaired[BATCH] = {NULL};
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		const char *text = encoder->strings->items.items[first + i].text;
		size_t size = encoder->strings->items.items[first + i].size;

		if (!utf8_is_valid(text, size)) {
			repaired[i] = utf8_repair(text, size);
			r = repaired[i] ? r : -ENOMEM;
		}
		pointers[i] = repaired[i] ? repaired[i] : (char *)text;
	}
	message.n_string_table = n;
	message.string_table = pointers;
	r = r ? r : emit(encoder, &message);
	for (size_t i = 0; i < n; i++)
		free(repaired[i]);
	return r;
}

static void fill_value_type(const struct encoder *encoder, value_type_message *message,
			    const struct profile_value_type *from)
{
	perftools__profiles__value_type__init(message);
	message->type = string_of(encoder, from->type);
	message->unit = string_of(encoder, from->unit);
}

/* Emits the fields that a profile has once, the sample types and the comments. */
static int emit_head(struct encoder *encoder)
{
	const struct profile *profile = encoder->profile;
	profile_message message = PERFTOOLS__PROFILES__PROFILE__INIT;
	value_type_message types[SAMPLE_TYPES_MAX], *pointers[SAMPLE_TYPES_MAX], period_type;
	int r = reserve_unknown(encoder, count_unknown(encoder, profile->unknown));

	if (!r)
		give_unknown(encoder, profile->unknown, &message.base);
	for (size_t i = 0; i < profile->sample_types.n; i++) {
		fill_value_type(encoder, &types[i], &profile->sample_types.items[i]);
		pointers[i] = &types[i];
	}
	message.n_sample_type = profile->sample_types.n;
	message.sample_type = pointers;
	fill_value_type(encoder, &period_type, &profile->period_type);
	if (period_type.type || period_type.unit)
		message.period_type = &period_type;
	message.period = profile->period;
	message.time_nanos = profile->time_nanos;
	message.duration_nanos = profile->duration_nanos;
	message.drop_frames = string_of(encoder, profile->drop_frames);
	message.keep_frames = string_of(encoder, profile->keep_frames);
	message.default_sample_type = string_of(encoder, profile->default_sample_type);
	message.doc_url = string_of(encoder, profile->doc_url);
	message.n_comment = encoder->strings->comments.n;
	message.comment = encoder->strings->comments.items;
	return r ? r : emit(encoder, &message);
}

static int emit_batches(struct encoder *encoder, size_t n,
			int (*emit_batch)(struct encoder *encoder, size_t first, size_t n))
{
	int r = 0;

	for (size_t first = 0; !r && first < n; first += BATCH)
		r = emit_batch(encoder, first, n - first < BATCH ? n - first : BATCH);
	return r;
}

static int emit_all(struct encoder *encoder)
{
	const struct profile *profile = encoder->profile;
	int r = emit_head(encoder);

	if (!r)
		r = emit_batches(encoder, profile->samples.n, emit_samples);
	if (!r)
		r = emit_batches(encoder, profile->mappings.n, emit_mappings);
	if (!r)
		r = emit_batches(encoder, profile->locations.n, emit_locations);
	if (!r)
		r = emit_batches(encoder, profile->functions.n, emit_functions);
	if (!r)
		r = emit_batches(encoder, encoder->strings->items.n, emit_strings);
	return r;
}

static int write_pprof(const struct profile *profile, size_t value, struct output *output)
{
	_cleanup_(gzip_freep) struct gzip *gzip = gzip_new(output, GZIP_LEVEL, gzip_best_threads());
	struct pprof_strings strings;
	struct encoder encoder = {.profile = profile, .strings = &strings, .gzip = gzip};
	int r;

	if (!gzip)
		return -ENOMEM;
	r = pprof_strings_init(&strings, profile);
	if (!r)
		r = emit_all(&encoder);
	if (!r)
		gzip_finish(gzip);
	encoder_deinit(&encoder);
	pprof_strings_deinit(&strings);
	return r;
}

const struct writer writer_pprof = {
	.name = "pprof",
	.summary = "pprof's protobuf, gzipped, for go tool pprof and similar tools",
	.suffix = ".pb.gz",
	.is_binary = true,
	.write = write_pprof,
};
