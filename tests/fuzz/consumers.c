/* SPDX-License-Identifier: MIT */
#include "consumers.h"

#include <assert.h>

#include <stdlib.h>

#include "analysis/top.h"
#include "base/gzip.h"
#include "base/input.h"
#include "readers/reader.h"
#include "transform/merge.h"
#include "transform/reproducible.h"
#include "writers/writer.h"

/* A replacement for gzip, which would take most of the time and never looks into what it packs. */
struct gzip {
	struct output *output;
};

struct gzip *__wrap_gzip_new(struct output *output, int level, size_t n_threads);
void __wrap_gzip_free(struct gzip *gzip);
void __wrap_gzip_write(struct gzip *gzip, const void *data, size_t size);
void __wrap_gzip_finish(struct gzip *gzip);

struct gzip *__wrap_gzip_new(struct output *output, int level, size_t n_threads)
{
	struct gzip *gzip = malloc(sizeof(*gzip));

	if (gzip)
		gzip->output = output;
	return gzip;
}

void __wrap_gzip_free(struct gzip *gzip)
{
	free(gzip);
}

void __wrap_gzip_write(struct gzip *gzip, const void *data, size_t size)
{
	output_write(gzip->output, data, size);
}

void __wrap_gzip_finish(struct gzip *gzip)
{
}

struct profile *consume_bytes(const char *reader, const uint8_t *data, size_t size)
{
	struct profile *profile = NULL;
	struct input *input = NULL;
	struct diag diag = {0};
	int r = input_open_memory(&input, "fuzz", data, size, INPUT_BYTES_MAX, &diag);

	assert(!reader || reader_find(reader));
	if (!r)
		r = reader_read(&profile, reader ? reader_find(reader) : NULL, input, &diag);
	if ((r != 0) != diag_has_error(&diag) || (r != 0) != (profile == NULL))
		abort(); /* a failure without an error message, or the reverse */
	input_free(input);
	diag_deinit(&diag);
	return profile;
}

static void write_all(const struct profile *profile)
{
	struct diag diag = {0};

	for (size_t i = 0; profile->sample_types.n && writers[i]; i++) {
		struct output *output = NULL;

		if (writers[i]->check && writers[i]->check(profile, &diag)) {
			diag_deinit(&diag);
			diag = (struct diag){0};
			continue;
		}
		if (output_open(&output, "/dev/null", &diag))
			abort();
		writers[i]->write(profile, profile->sample_types.n - 1, output);
		output_commit(output, &diag);
		output_free(output);
	}
	diag_deinit(&diag);
}

static void merge_with_itself(const struct profile *profile)
{
	struct merge *merge = merge_new();
	struct diag diag = {0};

	if (!merge_add(merge, profile, &diag) && !merge_add(merge, profile, &diag))
		profile_free(merge_finish(merge));
	merge_free(merge);
	diag_deinit(&diag);
}

/* Counts by functions, files, lines, mappings or pools, depending on the input. */
static void count_functions(const struct profile *profile)
{
	const struct frames_view view = {.by = (enum frames_by)(profile->locations.n % 6)};
	struct frames frames;
	struct top top = {0};

	if (!frames_init_view(&frames, profile, &view) && profile->sample_types.n) {
		top_init(&top, &frames, NULL, 0, true);
		top_deinit(&top);
	}
	frames_deinit(&frames);
}

void consume_profile(struct profile *profile)
{
	write_all(profile);
	merge_with_itself(profile);
	count_functions(profile);
	profile_free(reproducible_copy(profile));
}
