/* SPDX-License-Identifier: MIT */
/* Writes a listing for people: every stack with its values, the largest first. */
#include <inttypes.h>

#include "transform/frames.h"
#include "writers/sample_order.h"
#include "writers/writers.h"

static void write_values(const struct profile *profile, uint32_t sample, struct output *output)
{
	for (size_t i = 0; i < profile->sample_types.n; i++) {
		output_printf(output, "%s%" PRId64 " ", i ? ", " : "",
			      profile_values(profile, sample)[i]);
		output_plain(output, profile_string(profile, profile->sample_types.items[i].type));
	}
	output_text(output, "\n");
}

static void write_labels(const struct profile *profile, uint32_t set, struct output *output)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);

	for (size_t i = 0; i < n; i++) {
		output_text(output, "    [");
		output_plain(output, profile_string(profile, labels[i].key));
		output_text(output, ": ");
		if (labels[i].text)
			output_plain(output, profile_string(profile, labels[i].text));
		else
			output_printf(output, "%" PRId64, labels[i].number);
		output_text(output, labels[i].unit ? " " : "");
		output_plain(output, profile_string(profile, labels[i].unit));
		output_text(output, "]\n");
	}
}

static int write_sample(const struct frames *frames, uint32_t sample, frame_vec *stack,
			struct output *output)
{
	const struct profile *profile = frames->profile;
	int r = frames_of_stack(frames, profile->samples.items[sample].stack, stack);

	write_values(profile, sample, output);
	write_labels(profile, profile->samples.items[sample].labels, output);
	for (size_t i = 0; !r && i < stack->n; i++) {
		const char *file = frames_file(frames, stack->items[i]);

		output_text(output, "    ");
		output_plain(output, frames_name(frames, stack->items[i]));
		output_text(output, *file ? "  " : "");
		output_plain(output, file);
		output_text(output, "\n");
	}
	if (!stack->n)
		output_text(output, "    " PROFILE_NO_STACK "\n");
	output_text(output, "\n");
	return r;
}

static int write_text(const struct profile *profile, size_t value, struct output *output)
{
	struct frames frames;
	sample_order order = {0};
	frame_vec stack = {0};
	int r = frames_init(&frames, profile);

	vec_foreach (comment, &profile->comments) {
		output_text(output, "# ");
		output_plain(output, profile_string(profile, *comment));
		output_text(output, "\n");
	}
	if (profile->comments.n)
		output_text(output, "\n");
	if (!r)
		r = sample_order_make(profile, value, &order);
	for (size_t i = 0; !r && i < order.n; i++)
		r = write_sample(&frames, order.items[i].sample, &stack, output);
	vec_deinit(&stack);
	vec_deinit(&order);
	frames_deinit(&frames);
	return r;
}

const struct writer writer_text = {
	.name = "text",
	.summary = "every stack with its values, the largest first, for people",
	.suffix = ".txt",
	.write = write_text,
};
