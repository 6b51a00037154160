/* SPDX-License-Identifier: MIT */
/* Tries rules that users write. The parts of an input are a gate, a list of suppressions, a
 * function's name, drop_frames and keep_frames. The suppressions are matched with the name as text,
 * and with a profile that contains the function. */
#include <stdlib.h>

#include "analysis/gate.h"
#include "base/input.h"
#include "parts.h"
#include "target.h"
#include "transform/filter.h"
#include "transform/frames.h"

#define TEXT_MAX 512

static void parse_gate(const char *text)
{
	struct diag diag = {0};
	struct gate gate;
	int r = gate_parse(&gate, text, true /* per function */, &diag);

	if ((r != 0) != diag_has_error(&diag))
		abort();
	if (!r && !(gate.limit >= 0 || gate.limit < 0))
		abort(); /* not a number */
	diag_deinit(&diag);
}

static void read_suppressions(struct suppressions *suppressions, struct part text)
{
	struct input *input = NULL;
	struct diag diag = {0};
	int r = input_open_memory(&input, "rules", text.data, text.size, INPUT_BYTES_MAX, &diag);

	if (!r)
		r = suppressions_read(suppressions, input, &diag);
	if ((r != 0) != diag_has_error(&diag))
		abort();
	input_free(input);
	diag_deinit(&diag);
}

static uint32_t add_sample(struct profile *profile, const char *name)
{
	struct profile_function function = {.name = profile_intern(profile, name)};
	struct profile_line line = {.function = profile_add_function(profile, &function)};
	struct profile_location location = {.address = 1, .mapping = PROFILE_NONE};
	uint32_t locations[2];
	int64_t value = 1;

	profile_add_sample_type(profile, "inuse_space", "bytes");
	locations[0] = profile_add_location(profile, &location, &line, 1);
	locations[1] = profile_add_location(profile, &location, NULL, 0);
	return profile_add_sample(
		profile, (struct profile_sample){.stack = profile_add_stack(profile, locations, 2)},
		&value);
}

static void filter_profile(const struct filter_rules *rules, const char *name, const char *dropped,
			   const char *kept)
{
	struct profile *profile = profile_new();
	uint32_t sample = add_sample(profile, name);
	struct filter filter = {0};
	struct frames frames;
	frame_vec functions = {0};

	profile->drop_frames = profile_intern(profile, dropped);
	profile->keep_frames = profile_intern(profile, kept);
	if (!filter_init(&filter, rules, profile))
		filter_judge(&filter, sample);
	filter_deinit(&filter);
	if (!frames_init(&frames, profile))
		frames_of_stack(&frames, profile->samples.items[sample].stack, &functions);
	vec_deinit(&functions);
	frames_deinit(&frames);
	profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {data, size};
	struct suppressions suppressions = {0};
	struct filter_rules rules = {.suppressions = &suppressions};
	char gate[TEXT_MAX], name[TEXT_MAX], dropped[TEXT_MAX], kept[TEXT_MAX];

	part_text(&rest, gate, sizeof(gate));
	parse_gate(gate);
	read_suppressions(&suppressions, part_take(&rest));
	part_text(&rest, name, sizeof(name));
	part_text(&rest, dropped, sizeof(dropped));
	part_text(&rest, kept, sizeof(kept));
	suppressions_match(&suppressions, name);
	filter_profile(&rules, name, dropped, kept);
	suppressions_deinit(&suppressions);
	return 0;
}
