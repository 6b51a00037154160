/* SPDX-License-Identifier: MIT */
/* What the child sends:
 *
 * answer   = summary mapping* used* functions locations
 * summary  = n-locations n-named
 * mapping  = outcome located error other-id n-locations n-named n-lost-units has-debuginfo flags
 * functions = number-of-first n-functions { name system-name filename start-line }
 * locations = n { location n-lines { function-or-none line column } }
 *
 * Texts have their size before them; all other items are numbers of 8 bytes. The child may have
 * been taken over by what it has parsed, so each number is checked. */
#include "commands/names_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

#define ANSWER_BYTES_MAX ((size_t)1 << 30)

enum {
	HAS_FUNCTIONS = 1,
	HAS_FILENAMES = 2,
	HAS_LINE_NUMBERS = 4,
	HAS_INLINE_FRAMES = 8,
};

struct names_work {
	struct profile *profile;
	const struct symbolize_options *options;
	const struct hp_apart_user *user;
};

void names_apart_user(const struct profile *profile, struct hp_apart_user *out)
{
	*out = (struct hp_apart_user){0};
	if (profile->process)
		hp_apart_user_of_process(profile->process, out);
	else if (profile->is_of_core && profile->core_uid != 0)
		hp_apart_user_of_file(profile->core_uid, profile->core_gid, out);
}

/* --- the child ----------------------------------------------------------------------------- */

typedef VEC(char) bytes_vec;

static int put(bytes_vec *bytes, uint64_t number)
{
	return vec_append(bytes, (const char *)&number, sizeof(number));
}

static int put_text(bytes_vec *bytes, const char *text)
{
	int r = put(bytes, strlen(text));

	return r ? r : vec_append(bytes, text, strlen(text));
}

static uint64_t flags_of(const struct profile_mapping *mapping)
{
	return (mapping->has_functions ? HAS_FUNCTIONS : 0) |
	       (mapping->has_filenames ? HAS_FILENAMES : 0) |
	       (mapping->has_line_numbers ? HAS_LINE_NUMBERS : 0) |
	       (mapping->has_inline_frames ? HAS_INLINE_FRAMES : 0);
}

static int put_mapping(bytes_vec *bytes, const struct symbolize_result *result,
		       const struct profile_mapping *mapping)
{
	int r = put(bytes, result->outcome);

	r = r ? r : put(bytes, result->located.outcome);
	r = r ? r : put(bytes, (uint64_t)result->located.error);
	r = r ? r : put_text(bytes, result->located.other_id);
	r = r ? r : put(bytes, result->n_locations);
	r = r ? r : put(bytes, result->n_named);
	r = r ? r : put(bytes, result->n_lost_units);
	r = r ? r : put(bytes, result->has_debuginfo);
	return r ? r : put(bytes, flags_of(mapping));
}

static int put_summary(bytes_vec *bytes, const struct names_work *work,
		       const struct symbolize_summary *summary)
{
	const struct find_binary_options *locate = &work->options->locate;
	int r = put(bytes, summary->n_locations);

	r = r ? r : put(bytes, summary->n_named);
	for (size_t i = 0; !r && i < summary->mappings.n; i++)
		r = put_mapping(bytes, &summary->mappings.items[i],
				&work->profile->mappings.items[i]);
	for (size_t i = 0; !r && i < locate->n_binaries; i++)
		r = put(bytes, locate->was_used[i]);
	return r;
}

static int put_functions(bytes_vec *bytes, const struct profile *profile, size_t first)
{
	int r = put(bytes, first);

	r = r ? r : put(bytes, profile->functions.n - first);
	for (size_t i = first; !r && i < profile->functions.n; i++) {
		const struct profile_function *f = &profile->functions.items[i];

		r = put_text(bytes, profile_string(profile, f->name));
		r = r ? r : put_text(bytes, profile_string(profile, f->system_name));
		r = r ? r : put_text(bytes, profile_string(profile, f->filename));
		r = r ? r : put(bytes, (uint64_t)f->start_line);
	}
	return r;
}

static int put_location(bytes_vec *bytes, const struct profile *profile, size_t number)
{
	const struct profile_location *location = &profile->locations.items[number];
	const struct profile_line *lines = profile_lines(profile, location);
	int r = put(bytes, number);

	r = r ? r : put(bytes, location->n_lines);
	for (size_t i = 0; !r && i < location->n_lines; i++) {
		r = put(bytes, lines[i].function);
		r = r ? r : put(bytes, (uint64_t)lines[i].line);
		r = r ? r : put(bytes, (uint64_t)lines[i].column);
	}
	return r;
}

/* `unnamed` are the locations that had no lines before. */
static int put_locations(bytes_vec *bytes, const struct profile *profile, const size_t *unnamed,
			 size_t n)
{
	int r = put(bytes, n);

	for (size_t i = 0; !r && i < n; i++)
		r = put_location(bytes, profile, unnamed[i]);
	return r;
}

/* The root of the process is opened while we may. */
static int enter(const struct names_work *work, struct symbolize_options *options, char *root,
		 size_t root_size)
{
	*options = *work->options;
	options->binaries = NULL; /* their descriptors are closed */
	options->on_progress = NULL;
	options->locate.paths.debuginfod = false; /* it would write files, and start threads */
	if (work->profile->process && options->locate.paths.sysroot) {
		int fd = open(options->locate.paths.sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		snprintf(root, root_size, "/proc/self/fd/%d", fd);
		options->locate.paths.sysroot = root;
	}
	return hp_apart_become(work->user);
}

static int name_in_child(int out, void *context)
{
	const struct names_work *work = context;
	struct profile *profile = work->profile;
	size_t first = profile->functions.n, n_unnamed = 0;
	size_t *unnamed = calloc(profile->locations.n + 1, sizeof(*unnamed));
	struct symbolize_summary summary = {0};
	struct symbolize_options options;
	bytes_vec bytes = {0};
	char root[32];
	int r = unnamed ? enter(work, &options, root, sizeof(root)) : -ENOMEM;

	for (size_t i = 0; !r && i < profile->locations.n; i++)
		if (!profile->locations.items[i].n_lines)
			unnamed[n_unnamed++] = i;
	r = r ? r : symbolize_profile(profile, &options, &summary);
	r = r ? r : put_summary(&bytes, work, &summary);
	r = r ? r : put_functions(&bytes, profile, first);
	r = r ? r : put_locations(&bytes, profile, unnamed, n_unnamed);
	return r || !hp_apart_write(out, bytes.items, bytes.n);
}

/* --- the parent ---------------------------------------------------------------------------- */

static uint64_t take(struct cursor *answer)
{
	uint64_t number = 0;

	if (cursor_left(answer) < sizeof(number)) {
		answer->failed = true;
		answer->at = answer->end;
		return 0;
	}
	memcpy(&number, answer->at, sizeof(number));
	answer->at += sizeof(number);
	return number;
}

/* Takes a number that is at most `max`. */
static uint64_t take_small(struct cursor *answer, uint64_t max)
{
	uint64_t number = take(answer);

	if (number <= max)
		return number;
	answer->failed = true;
	return 0;
}

static struct cursor take_text(struct cursor *answer)
{
	size_t size = take_small(answer, cursor_left(answer));
	struct cursor text;

	if (size > cursor_left(answer)) {
		answer->failed = true;
		size = 0;
	}
	text = cursor_make(answer->at, size);
	answer->at += size;
	return text;
}

static void take_id(struct cursor *answer, char *out, size_t out_size)
{
	struct cursor text = take_text(answer);

	if (cursor_left(&text) >= out_size)
		answer->failed = true;
	else
		snprintf(out, out_size, "%.*s", (int)cursor_left(&text), text.at);
}

static void take_mapping(struct cursor *answer, struct symbolize_result *result,
			 struct profile_mapping *mapping)
{
	uint64_t flags;

	result->outcome = (enum symbolize_outcome)take_small(answer, SYMBOLIZE_NO_SYMBOLS);
	result->located.outcome =
		(enum find_binary_outcome)take_small(answer, FIND_BINARY_UNREADABLE);
	result->located.error = (int)take_small(answer, INT32_MAX);
	take_id(answer, result->located.other_id, sizeof(result->located.other_id));
	result->n_locations = (uint32_t)take_small(answer, UINT32_MAX);
	result->n_named = (uint32_t)take_small(answer, UINT32_MAX);
	result->n_lost_units = (uint32_t)take_small(answer, UINT32_MAX);
	result->has_debuginfo = take(answer) != 0;
	flags = take(answer);
	mapping->has_functions = flags & HAS_FUNCTIONS;
	mapping->has_filenames = flags & HAS_FILENAMES;
	mapping->has_line_numbers = flags & HAS_LINE_NUMBERS;
	mapping->has_inline_frames = flags & HAS_INLINE_FRAMES;
}

static int take_summary(struct cursor *answer, const struct names_work *work,
			struct symbolize_summary *summary)
{
	const struct find_binary_options *locate = &work->options->locate;
	size_t n = work->profile->mappings.n;

	summary->n_locations = (uint32_t)take_small(answer, UINT32_MAX);
	summary->n_named = (uint32_t)take_small(answer, UINT32_MAX);
	if (vec_reserve(&summary->mappings, n))
		return -ENOMEM;
	for (; summary->mappings.n < n; summary->mappings.n++) {
		struct symbolize_result *result = &summary->mappings.items[summary->mappings.n];

		*result = (struct symbolize_result){0};
		take_mapping(answer, result, &work->profile->mappings.items[summary->mappings.n]);
	}
	for (size_t i = 0; i < locate->n_binaries; i++)
		locate->was_used[i] |= take(answer) != 0;
	return 0;
}

static uint32_t intern(struct profile *profile, struct cursor text)
{
	return profile_intern_bytes(profile, text.at, cursor_left(&text));
}

typedef VEC(uint32_t) number_vec;

/* Adds to `functions` the number that each of the child's functions has in the profile. */
static int take_functions(struct cursor *answer, struct profile *profile, number_vec *functions)
{
	uint64_t first = take_small(answer, profile->functions.n), n = take(answer);
	int r = 0;

	for (uint32_t i = 0; !r && i < first; i++)
		r = vec_push(functions, i);
	for (uint64_t i = 0; !r && !answer->failed && i < n; i++) {
		struct profile_function f = {0};

		f.name = intern(profile, take_text(answer));
		f.system_name = intern(profile, take_text(answer));
		f.filename = intern(profile, take_text(answer));
		f.start_line = (int64_t)take(answer);
		r = vec_push(functions, profile_add_function(profile, &f));
		r = r ? r : profile_status(profile);
	}
	return r;
}

static void take_location(struct cursor *answer, struct profile *profile,
			  const number_vec *functions)
{
	static struct profile_line lines[LOCATION_LINES_MAX];
	uint64_t location = take(answer), n = take_small(answer, LOCATION_LINES_MAX);

	if (location >= profile->locations.n || profile->locations.items[location].n_lines)
		answer->failed = true;
	for (uint64_t i = 0; !answer->failed && i < n; i++) {
		uint64_t function = take(answer);

		if (function >= functions->n && function != PROFILE_NONE)
			answer->failed = true;
		else
			lines[i] = (struct profile_line){
				.function = function == PROFILE_NONE ? PROFILE_NONE
								     : functions->items[function],
				.line = (int64_t)take(answer),
				.column = (int64_t)take(answer),
			};
	}
	if (!answer->failed && n > 0)
		profile_set_lines(profile, (uint32_t)location, lines, n);
}

static int take_answer(struct cursor *answer, const struct names_work *work,
		       struct symbolize_summary *summary)
{
	number_vec functions = {0};
	int r = take_summary(answer, work, summary);

	r = r ? r : take_functions(answer, work->profile, &functions);
	for (uint64_t n = take(answer); !r && !answer->failed && n > 0; n--)
		take_location(answer, work->profile, &functions);
	vec_deinit(&functions);
	return r ? r : profile_status(work->profile);
}

int names_apart(struct profile *profile, const struct symbolize_options *options,
		const struct hp_apart_user *user, struct symbolize_summary *summary, char *why,
		size_t why_size)
{
	struct names_work work = {profile, options, user};
	struct hp_apart apart = {
		.work = name_in_child,
		.context = &work,
		.kept = -1,
		.waits_max = HP_APART_WAITS_MAX,
		.max_bytes = ANSWER_BYTES_MAX,
	};
	struct cursor answer;
	size_t size = 0;
	char *bytes = NULL;
	int r;

	if (!hp_apart_run(&apart, &bytes, &size)) {
		snprintf(why, why_size, "%s", apart.why);
		return 1;
	}
	answer = cursor_make(bytes, size);
	r = take_answer(&answer, &work, summary);
	free(bytes);
	if (!r && answer.failed) {
		snprintf(why, why_size, "its answer is damaged");
		return 1;
	}
	return r;
}
