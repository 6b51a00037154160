/* SPDX-License-Identifier: MIT */
/* Writes a file of speedscope, <https://www.speedscope.app/file-format-schema.json>: the frames,
 * and for each sample type a profile with stacks and weights. speedscope draws the stacks one after
 * another, so their order makes the first view a flame graph. It refuses negative weights; such
 * stacks, as in a difference, are left out, and the name of the profile says how many. */
#include <inttypes.h>

#include "writers/stack_sums.h"
#include "writers/writers.h"

static void write_frame(const struct frames *frames, uint32_t number, struct output *output)
{
	const struct frame_function *function = &frames->functions.items[number];

	output_text(output, number ? ",\n{\"name\":" : "\n{\"name\":");
	output_json_plain(output, frames_name(frames, number));
	if (function->source) {
		output_text(output, ",\"file\":");
		output_json_plain(output, frames_source(frames, number));
	}
	if (function->line > 0)
		output_printf(output, ",\"line\":%" PRId64, function->line);
	output_text(output, "}");
}

/* Writes a number for each stack that the profile of a sample type shows, or its frames. */
static void write_stacks(const struct stack_sums *sums, size_t type, bool is_weights,
			 struct output *output)
{
	const char *separator = "";

	vec_foreach (stack, &sums->stacks) {
		int64_t value = stack_sums_values(sums, stack)[type];

		if (value <= 0)
			continue;
		output_text(output, separator);
		separator = is_weights ? "," : ",\n";
		if (is_weights) {
			output_printf(output, "%" PRId64, value);
			continue;
		}
		output_text(output, "[");
		for (uint32_t i = 0; i < stack->n; i++)
			output_printf(output, i ? ",%" PRIu32 : "%" PRIu32,
				      stack_sums_functions(sums, stack)[i]);
		output_text(output, "]");
	}
}

/* Returns the unit as speedscope names it. */
static const char *unit_of(const char *unit)
{
	static const char *const known[] = {"bytes", "nanoseconds", "microseconds", "milliseconds",
					    "seconds"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(unit, known[i]) == 0)
			return unit;
	return "none";
}

static void write_name(const struct stack_sums *sums, size_t type, size_t n_negative,
		       struct output *output)
{
	const struct profile *profile = sums->frames.profile;
	const char *name = profile_string(profile, profile->sample_types.items[type].type);
	char *text = NULL;

	if (n_negative &&
	    asprintf(&text, "%s (%zu negative stacks left out)", name, n_negative) < 0)
		text = NULL;
	output_json_plain(output, text ? text : name);
	free(text);
}

static void write_profile(const struct stack_sums *sums, size_t type, struct output *output)
{
	const struct profile *profile = sums->frames.profile;
	const char *unit = profile_string(profile, profile->sample_types.items[type].unit);
	size_t n_negative = 0;
	int64_t sum = 0;

	vec_foreach (stack, &sums->stacks) {
		int64_t value = stack_sums_values(sums, stack)[type];

		n_negative += value < 0;
		if (value > 0 && __builtin_add_overflow(sum, value, &sum))
			sum = INT64_MAX;
	}
	output_text(output, type ? ",\n{\"type\":\"sampled\",\"name\":"
				 : "\n{\"type\":\"sampled\",\"name\":");
	write_name(sums, type, n_negative, output);
	output_printf(output, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64,
		      unit_of(unit), sum);
	output_text(output, ",\n\"samples\":[");
	write_stacks(sums, type, false /* weights */, output);
	output_text(output, "],\n\"weights\":[");
	write_stacks(sums, type, true /* weights */, output);
	output_text(output, "]}");
}

static void write_file(const struct stack_sums *sums, size_t value, struct output *output)
{
	const struct profile *profile = sums->frames.profile;
	const char *program = profile_program(profile);

	output_text(output, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
			    "\"exporter\":\"pprofconv@" PROGRAM_VERSION "\",\"name\":");
	output_json_plain(output, *program ? program : "profile");
	output_printf(output, ",\"activeProfileIndex\":%zu,\n\"shared\":{\"frames\":[", value);
	for (uint32_t i = 0; i < sums->frames.functions.n; i++)
		write_frame(&sums->frames, i, output);
	output_text(output, "]},\n\"profiles\":[");
	for (size_t i = 0; i < profile->sample_types.n; i++)
		write_profile(sums, i, output);
	output_text(output, "]}\n");
}

static int write_speedscope(const struct profile *profile, size_t value, struct output *output)
{
	struct stack_sums sums;
	int r = stack_sums_init(&sums, profile);

	if (!r)
		write_file(&sums, value, output);
	stack_sums_deinit(&sums);
	return r;
}

const struct writer writer_speedscope = {
	.name = "speedscope",
	.summary = "a file for speedscope, with all sample types",
	.suffix = ".speedscope.json",
	.write = write_speedscope,
};
