/* SPDX-License-Identifier: MIT */
/* Writes folded stacks. Each line is one stack: the names of its functions from the root to the
 * leaf, joined by ';', and one of its values. The leaf has the name of its pool: "f [Cache]".
 * flamegraph.pl, speedscope and similar tools read this format. */
#include <inttypes.h>

#include "model/pool_labels.h"
#include "transform/frames.h"
#include "writers/writers.h"

/* Writes the name of a function. Characters that have a meaning in this format are replaced. */
static void write_name(struct output *output, const char *name)
{
	for (; *name; name++) {
		char c = *name;

		if (c == ';')
			c = ':';
		else if ((unsigned char)c < ' ')
			c = ' ';
		output_write(output, &c, 1);
	}
}

static void write_stack(struct output *output, const struct frames *frames, const frame_vec *stack,
			int64_t value)
{
	for (size_t i = stack->n; i > 0; i--) {
		write_name(output, frames_name(frames, stack->items[i - 1]));
		output_text(output, i > 1 ? ";" : " ");
	}
	if (!stack->n)
		output_text(output, PROFILE_NO_STACK " ");
	output_printf(output, "%" PRId64 "\n", value);
}

static int write_samples(const struct frames *frames, size_t value, struct output *output)
{
	const struct profile *profile = frames->profile;
	struct pool_slack slack;
	frame_vec stack = {0};
	int r = 0;

	pool_slack_init(&slack, profile);

	for (size_t i = 0; !r && i < profile->samples.n; i++) {
		int64_t held = profile_values(profile, i)[value];

		if (!held || (held < 0 && pool_slack_is(&slack, profile, i)))
			continue; /* flame graphs have no negative frames; a note says so */
		r = frames_of_sample(frames, (uint32_t)i, &stack);
		if (!r)
			write_stack(output, frames, &stack, held);
	}
	vec_deinit(&stack);
	return r;
}

static int write_folded(const struct profile *profile, size_t value, struct output *output)
{
	struct frames frames;
	int r = frames_init_view(&frames, profile,
				 &(struct frames_view){.by = FRAMES_BY_POOL_FUNCTION});

	if (!r)
		r = write_samples(&frames, value, output);
	frames_deinit(&frames);
	return r;
}

const struct writer writer_folded = {
	.name = "folded",
	.summary = "folded stacks of one sample type, for flame graphs",
	.suffix = ".folded",
	.write = write_folded,
};
