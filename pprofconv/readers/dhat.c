/* SPDX-License-Identifier: MIT */
/* Reads the JSON of valgrind's DHAT. Each program point has what was allocated (tb bytes in tbk
 * blocks), what of it was in use at the peak of the heap (gb, gbk) and at the end (eb, ebk), and
 * the frames of its stack, the leaf first, as numbers in a table. In the mode "copy" the blocks are
 * copies, in "ad-hoc" they are events of the program, in units that the file names. */
#include "readers/heap_types.h"
#include "readers/json_text.h"
#include "readers/reader.h"
#include "readers/readers.h"
#include "readers/valgrind_frame.h"

#define BEGINNING "{\"dhatFileVersion\""
#define VALUES    6

struct dhat {
	struct profile *profile;
	struct diag *diag;
	struct named_stack stack;
	const json_t *frames; /* the table */
	size_t n_values;      /* of a sample: 6 in a heap, else 2 */
};

static int corrupt(struct dhat *dhat, size_t point, const char *what)
{
	return diag_error(dhat->diag, READER_E_CORRUPT, "program point %zu: %s", point + 1, what);
}

/* --- modes --------------------------------------------------------------------------------- */

static void set_events(struct dhat *dhat, const json_t *root)
{
	const char *unit = json_string_value(json_object_get(root, "bsu"));
	const char *events = json_string_value(json_object_get(root, "bksu"));

	profile_add_sample_type(dhat->profile, events ? events : "events", "count");
	profile_add_sample_type(dhat->profile, unit ? unit : "units", "count");
	dhat->profile->default_sample_type = profile_intern(dhat->profile, unit ? unit : "units");
}

static int set_types(struct dhat *dhat, const json_t *root)
{
	const char *mode = json_string_value(json_object_get(root, "mode"));

	dhat->n_values = 2;
	if (mode && strcmp(mode, "heap") == 0) {
		heap_types_add(dhat->profile, "alloc");
		heap_types_add(dhat->profile, "peak");
		heap_types_add(dhat->profile, "inuse");
		heap_types_set_exact(dhat->profile);
		dhat->n_values = VALUES;
	} else if (mode && strcmp(mode, "copy") == 0) {
		heap_types_add(dhat->profile, "copied");
	} else if (mode && strcmp(mode, "ad-hoc") == 0) {
		set_events(dhat, root);
	} else {
		return diag_error(dhat->diag, READER_E_UNSUPPORTED,
				  "an unknown mode of DHAT; heap, copy and ad-hoc are supported");
	}
	return 0;
}

/* --- program points ------------------------------------------------------------------------ */

static int read_values(struct dhat *dhat, const json_t *point, size_t number, int64_t *values)
{
	static const char *const keys[VALUES] = {"tbk", "tb", "gbk", "gb", "ebk", "eb"};

	for (size_t i = 0; i < dhat->n_values; i++) {
		const json_t *value = json_object_get(point, keys[i]);

		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return corrupt(dhat, number, "expected tb, tbk and so on as numbers");
		values[i] = json_integer_value(value);
		if (values[i] > values[i % 2])
			return corrupt(dhat, number,
				       "more is in use than was allocated, or more at the peak");
	}
	return 0;
}

static bool push_frame(struct dhat *dhat, const json_t *index)
{
	const char *text = json_is_integer(index) && json_integer_value(index) >= 0
				   ? json_string_value(json_array_get(
					     dhat->frames, (size_t)json_integer_value(index)))
				   : NULL;

	if (!text)
		return false;
	return strcmp(text, "[root]") == 0 ||
	       valgrind_frame_push(&dhat->stack, cursor_make(text, strlen(text)));
}

static int read_point(struct dhat *dhat, const json_t *point, size_t number)
{
	const json_t *indexes = json_object_get(point, "fs"), *index;
	int64_t values[VALUES] = {0};
	struct profile_sample key = {0};
	size_t i;
	int r = read_values(dhat, point, number, values);

	if (r)
		return r;
	if (!json_is_array(indexes))
		return corrupt(dhat, number, "its stack, fs, is missing");
	json_array_foreach(indexes, i, index) if (!push_frame(dhat, index)) return corrupt(
		dhat, number, "a frame that the table ftbl does not have");
	key.stack = named_stack_take(&dhat->stack);
	profile_add_sample(dhat->profile, key, values);
	return 0;
}

static int read_points(struct dhat *dhat, const json_t *root)
{
	const json_t *points = json_object_get(root, "pps"), *point;
	size_t i;
	int r = 0;

	dhat->frames = json_object_get(root, "ftbl");
	if (!json_is_array(points) || !json_is_array(dhat->frames))
		return diag_error(dhat->diag, READER_E_CORRUPT,
				  "the list of program points, pps, or the table of frames, ftbl, "
				  "is missing");
	json_array_foreach(points, i, point)
	{
		r = read_point(dhat, point, i);
		if (r)
			return r;
	}
	return 0;
}

static int read_root(struct dhat *dhat, const json_t *root)
{
	json_int_t version = json_integer_value(json_object_get(root, "dhatFileVersion"));
	int r;

	if (version != 2)
		return diag_error(dhat->diag, READER_E_UNSUPPORTED,
				  "version %jd of DHAT's format is not supported; 2 is",
				  (intmax_t)version);
	r = set_types(dhat, root);
	return r ? r : read_points(dhat, root);
}

/* --- the file ------------------------------------------------------------------------------ */

static int read_dhat(struct profile *profile, struct input *input, struct diag *diag)
{
	struct dhat dhat = {.profile = profile, .diag = diag};
	json_t *root = NULL;
	int r = json_text_read(input, &root, diag);

	if (r)
		return r;
	named_stack_init(&dhat.stack, profile);
	profile->tool = "valgrind's DHAT";
	r = read_root(&dhat, root);
	named_stack_deinit(&dhat.stack);
	json_decref(root);
	return r;
}

static enum probe probe_dhat(struct cursor head)
{
	return cursor_starts_with(&head, BEGINNING) ? PROBE_YES : PROBE_NO;
}

const struct reader reader_dhat = {
	.name = "dhat",
	.summary = "the JSON of valgrind's DHAT, with the heap at its peak as peak_space",
	.group = READER_PROFILERS,
	.made_by = "valgrind --tool=dhat --dhat-out-file=FILE PROGRAM",
	.probe = probe_dhat,
	.read = read_dhat,
};
