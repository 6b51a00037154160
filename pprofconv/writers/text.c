/* SPDX-License-Identifier: MIT */
/* Writes a listing for people: every stack with its values, the largest first. */
#include <errno.h>
#include <inttypes.h>

#include "transform/frames.h"
#include "writers/writers.h"

struct ordered {
	uint64_t size; /* the sample's value without its sign */
	uint32_t sample;
};

typedef VEC(struct ordered) ordered_vec;

static int compare_ordered(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->sample < b->sample ? -1 : a->sample > b->sample;
}

static int order_samples(const struct profile *profile, size_t value, ordered_vec *order)
{
	if (vec_reserve(order, profile->samples.n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->samples.n; i++) {
		int64_t held = profile_values(profile, i)[value];

		order->items[order->n++] = (struct ordered){
			.size = held < 0 ? -(uint64_t)held : (uint64_t)held,
			.sample = i,
		};
	}
	if (order->n)
		qsort(order->items, order->n, sizeof(*order->items), compare_ordered);
	return 0;
}

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
	ordered_vec order = {0};
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
		r = order_samples(profile, value, &order);
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
