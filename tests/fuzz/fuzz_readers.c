/* SPDX-License-Identifier: MIT */
/* libFuzzer's way into every reader: what is read without an error is also written in every format and
 * merged with itself. Built by clang only; see meson.build beside this file. */
#include <stdint.h>
#include <stdlib.h>

#include "analysis/merge.h"
#include "base/input.h"
#include "readers/reader.h"
#include "writers/writer.h"

#define MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(const struct profile *profile, struct diag *diag)
{
	for (size_t i = 0; writers[i]; i++) {
		struct output *output = NULL;

		if (output_open(&output, "/dev/null", diag))
			abort();
		writers[i]->write(profile, 0, output);
		output_commit(output, diag);
		output_free(output);
	}
}

static void merge_with_itself(const struct profile *profile, struct diag *diag)
{
	struct merge *merge = merge_new();

	if (!merge_add(merge, profile, diag) && !merge_add(merge, profile, diag))
		profile_free(merge_finish(merge));
	merge_free(merge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *profile = NULL;
	struct input *input = NULL;
	struct diag diag = {0};

	if (input_open_memory(&input, "fuzz", data, size, MAX_BYTES, &diag) == 0 &&
	    reader_read(&profile, NULL, input, &diag) == 0 && profile->sample_types.n) {
		write_all(profile, &diag);
		merge_with_itself(profile, &diag);
	}
	profile_free(profile);
	input_free(input);
	diag_deinit(&diag);
	return 0;
}
