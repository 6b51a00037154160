/* SPDX-License-Identifier: MIT */
/* Writes the whole profile as one JSON object, with pprof's names. Mappings, locations and
 * functions refer to each other by their indices in the arrays, from 0; null means no reference. */
#include <inttypes.h>

#include "writers/writers.h"

struct json {
	const struct profile *profile;
	struct output *output;
};

/* Writes the profile's string with the number `string`, quoted. */
static void write_string(const struct json *json, uint32_t string)
{
	output_json(json->output, profile_string(json->profile, string),
		    strtab_size(&json->profile->strings, string));
}

/* Begins a member of an object or, if `key` is NULL, an element of an array. Writes a comma unless
 * *first is true, and sets *first to false. */
static void begin_member(const struct json *json, bool *first, const char *key)
{
	output_text(json->output, *first ? "" : ",");
	*first = false;
	if (key)
		output_printf(json->output, "\"%s\":", key);
}

static void member_string(const struct json *json, bool *first, const char *key, uint32_t string)
{
	begin_member(json, first, key);
	write_string(json, string);
}

static void member_integer(const struct json *json, bool *first, const char *key, int64_t value)
{
	begin_member(json, first, key);
	output_printf(json->output, "%" PRId64, value);
}

/* Writes an address as text, because JSON readers keep numbers exactly only up to 2^53. */
static void member_address(const struct json *json, bool *first, const char *key, uint64_t value)
{
	begin_member(json, first, key);
	output_printf(json->output, "\"0x%" PRIx64 "\"", value);
}

static void member_bool(const struct json *json, bool *first, const char *key, bool value)
{
	begin_member(json, first, key);
	output_text(json->output, value ? "true" : "false");
}

static void member_reference(const struct json *json, bool *first, const char *key, uint32_t number)
{
	begin_member(json, first, key);
	if (number == PROFILE_NONE)
		output_text(json->output, "null");
	else
		output_printf(json->output, "%" PRIu32, number);
}

static void write_value_type(const struct json *json, const struct profile_value_type *type)
{
	bool first = true;

	output_text(json->output, "{");
	member_string(json, &first, "type", type->type);
	member_string(json, &first, "unit", type->unit);
	output_text(json->output, "}");
}

static void write_mapping(const struct json *json, size_t number)
{
	const struct profile_mapping *mapping = &json->profile->mappings.items[number];
	bool first = true;

	output_text(json->output, "{");
	member_address(json, &first, "memory_start", mapping->start);
	member_address(json, &first, "memory_limit", mapping->limit);
	member_address(json, &first, "file_offset", mapping->offset);
	member_string(json, &first, "filename", mapping->file);
	member_string(json, &first, "build_id", mapping->build_id);
	member_bool(json, &first, "has_functions", mapping->has_functions);
	member_bool(json, &first, "has_filenames", mapping->has_filenames);
	member_bool(json, &first, "has_line_numbers", mapping->has_line_numbers);
	member_bool(json, &first, "has_inline_frames", mapping->has_inline_frames);
	output_text(json->output, "}");
}

static void write_function(const struct json *json, size_t number)
{
	const struct profile_function *function = &json->profile->functions.items[number];
	bool first = true;

	output_text(json->output, "{");
	member_string(json, &first, "name", function->name);
	member_string(json, &first, "system_name", function->system_name);
	member_string(json, &first, "filename", function->filename);
	member_integer(json, &first, "start_line", function->start_line);
	output_text(json->output, "}");
}

static void write_line(const struct json *json, const struct profile_line *line)
{
	bool first = true;

	output_text(json->output, "{");
	member_reference(json, &first, "function", line->function);
	member_integer(json, &first, "line", line->line);
	member_integer(json, &first, "column", line->column);
	output_text(json->output, "}");
}

static void write_location(const struct json *json, size_t number)
{
	const struct profile_location *location = &json->profile->locations.items[number];
	const struct profile_line *lines = profile_lines(json->profile, location);
	bool first = true, first_line = true;

	output_text(json->output, "{");
	member_address(json, &first, "address", location->address);
	member_reference(json, &first, "mapping", location->mapping);
	member_bool(json, &first, "is_folded", location->is_folded);
	begin_member(json, &first, "line");
	output_text(json->output, "[");
	for (size_t i = 0; i < location->n_lines; i++) {
		begin_member(json, &first_line, NULL);
		write_line(json, &lines[i]);
	}
	output_text(json->output, "]}");
}

static void write_labels(const struct json *json, uint32_t set)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(json->profile, set, &n);
	bool first_label = true;

	for (size_t i = 0; i < n; i++) {
		bool first = true;

		begin_member(json, &first_label, NULL);
		output_text(json->output, "{");
		member_string(json, &first, "key", labels[i].key);
		if (labels[i].text)
			member_string(json, &first, "str", labels[i].text);
		else
			member_integer(json, &first, "num", labels[i].number);
		if (labels[i].unit)
			member_string(json, &first, "num_unit", labels[i].unit);
		output_text(json->output, "}");
	}
}

static void write_sample(const struct json *json, size_t number)
{
	const struct profile *profile = json->profile;
	const struct profile_sample *sample = &profile->samples.items[number];
	size_t n_frames;
	const uint32_t *frames = profile_stack(profile, sample->stack, &n_frames);

	output_text(json->output, "{\"location\":[");
	for (size_t i = 0; i < n_frames; i++)
		output_printf(json->output, "%s%" PRIu32, i ? "," : "", frames[i]);
	output_text(json->output, "],\"value\":[");
	for (size_t i = 0; i < profile->sample_types.n; i++)
		output_printf(json->output, "%s%" PRId64, i ? "," : "",
			      profile_values(profile, number)[i]);
	output_text(json->output, "],\"label\":[");
	write_labels(json, sample->labels);
	output_text(json->output, "]}");
}

static void write_sample_type(const struct json *json, size_t number)
{
	write_value_type(json, &json->profile->sample_types.items[number]);
}

static void write_comment(const struct json *json, size_t number)
{
	write_string(json, json->profile->comments.items[number]);
}

static void member_array(const struct json *json, bool *first, const char *key, size_t n,
			 void (*write_item)(const struct json *json, size_t number))
{
	bool first_item = true;

	begin_member(json, first, key);
	output_text(json->output, "[");
	for (size_t i = 0; i < n; i++) {
		begin_member(json, &first_item, NULL);
		output_text(json->output, "\n");
		write_item(json, i);
	}
	output_text(json->output, "]\n");
}

static int write_json(const struct profile *profile, size_t value, struct output *output)
{
	struct json json = {profile, output};
	bool first = true;

	output_text(output, "{");
	member_array(&json, &first, "sample_type", profile->sample_types.n, write_sample_type);
	member_string(&json, &first, "default_sample_type", profile->default_sample_type);
	begin_member(&json, &first, "period_type");
	write_value_type(&json, &profile->period_type);
	member_integer(&json, &first, "period", profile->period);
	member_integer(&json, &first, "time_nanos", profile->time_nanos);
	member_integer(&json, &first, "duration_nanos", profile->duration_nanos);
	member_string(&json, &first, "drop_frames", profile->drop_frames);
	member_string(&json, &first, "keep_frames", profile->keep_frames);
	member_string(&json, &first, "doc_url", profile->doc_url);
	member_array(&json, &first, "comment", profile->comments.n, write_comment);
	member_array(&json, &first, "mapping", profile->mappings.n, write_mapping);
	member_array(&json, &first, "function", profile->functions.n, write_function);
	member_array(&json, &first, "location", profile->locations.n, write_location);
	member_array(&json, &first, "sample", profile->samples.n, write_sample);
	output_text(output, "}\n");
	return 0;
}

const struct writer writer_json = {
	.name = "json",
	.summary = "the whole profile as a JSON object, with pprof's names",
	.suffix = ".json",
	.write = write_json,
};
