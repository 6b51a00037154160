/* SPDX-License-Identifier: MIT */
#include "commands/empty.h"
#include "commands/inputs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "model/merged_metadata.h"
#include "reports/format.h"

#define NO_SAMPLE "no sample"

enum {
	ALL_BYTES_MAX = 16 << 20, /* if no more was allocated, the advice is to record all of it */
	SAMPLES_WANTED = 256, /* if more was allocated: samples at the interval that is advised */
};

/* Facts from the profile's metadata. In a merged profile, `allocated` and `n_dropped` are
 * the largest numbers of any input. */
struct known {
	int64_t interval; /* in bytes; 1: every allocation was recorded; 0: not known */
	bool is_own;      /* from a dump of libheapprof */
	bool has_allocated;
	bool is_of_several;
	uint64_t allocated;
	uint64_t n_dropped;
};

/* --- what is known ------------------------------------------------------------------------- */

static size_t count_values(const struct profile *profile, const char *key)
{
	size_t n = 0;

	vec_foreach (comment, &profile->comments)
		n += profile_comment_value(profile, *comment, key) != NULL;
	return n;
}

/* Sets *out to the largest number under `key` and returns true. If there is no number, sets *out to
 * 0 and returns false. */
static bool find_largest(const struct profile *profile, const char *key, uint64_t *out)
{
	bool is_found = false;

	*out = 0;
	vec_foreach (comment, &profile->comments) {
		const char *text = profile_comment_value(profile, *comment, key);
		uint64_t number;

		if (!text || *text < '0' || *text > '9')
			continue;
		number = strtoull(text, NULL, 10);
		*out = number > *out ? number : *out;
		is_found = true;
	}
	return is_found;
}

static struct known find_known(const struct profile *profile)
{
	int64_t period = profile_bytes_period(profile);
	struct known known = {
		.interval = profile->kept_interval ? profile->kept_interval : period,
		.is_own = profile_metadata(profile, "program") != NULL,
	};

	known.has_allocated = find_largest(profile, "allocated_bytes", &known.allocated);
	known.is_of_several =
		count_values(profile, "allocated_bytes") > 1 || merged_metadata_runs(profile) > 1;
	find_largest(profile, "samples_dropped", &known.n_dropped);
	return known;
}

/* --- the text of the line ------------------------------------------------------------------ */

static struct formatted format_bytes(uint64_t bytes)
{
	return format_value((double)bytes, true /* bytes */);
}

/* Describes what was allocated: "the program had allocated 10.8 KiB". */
static struct formatted describe_allocated(const struct known *known)
{
	struct formatted formatted;

	if (!known->allocated)
		return (struct formatted){"the program had allocated nothing"};
	snprintf(formatted.text, FORMAT_SIZE,
		 known->is_of_several ? "the programs had allocated %.100s or more"
				      : "the program had allocated %.100s",
		 format_bytes(known->allocated).text);
	return formatted;
}

/* Returns the interval, a power of two, that gives a few hundred samples. */
static uint64_t smaller_interval(uint64_t allocated)
{
	uint64_t interval = 1;

	while (interval <= allocated / SAMPLES_WANTED / 2)
		interval *= 2;
	return interval;
}

static struct formatted advise(const struct known *known)
{
	uint64_t interval = smaller_interval(known->allocated);
	struct formatted formatted;

	if (known->has_allocated && !known->allocated)
		return (struct formatted){"take a dump later, or of another process"};
	if (!known->is_own)
		return (struct formatted){"record with a smaller sample interval"};
	if (known->allocated <= ALL_BYTES_MAX || interval >= (uint64_t)known->interval)
		return (struct formatted){
			"set HEAP_PROFILE_SAMPLE_INTERVAL=1 to record every allocation"};
	snprintf(formatted.text, FORMAT_SIZE, "set HEAP_PROFILE_SAMPLE_INTERVAL=%" PRIu64,
		 interval);
	return formatted;
}

/* Describes, as a part of the line, below which size growth may be missed: growth of that size has
 * at least one sample with the given confidence. Returns "" if `confidence` is 0. */
static struct formatted describe_unseen(int64_t interval, double confidence)
{
	struct formatted formatted = {""};

	if (confidence > 0)
		snprintf(formatted.text, FORMAT_SIZE, ", so growth below %.100s may not be seen",
			 format_value(-log1p(-confidence) * (double)interval, true).text);
	return formatted;
}

static struct empty_text describe_exact(const struct known *known)
{
	struct empty_text out = {NO_SAMPLE ": every allocation is recorded, and there was none; "
					   "take a dump later, or of another process"};

	if (known->allocated)
		snprintf(out.text, EMPTY_TEXT_MAX,
			 NO_SAMPLE ", though every allocation is recorded and %.100s",
			 describe_allocated(known).text);
	return out;
}

static struct empty_text describe_sampled(const struct known *known, double confidence)
{
	struct empty_text out;

	snprintf(out.text, EMPTY_TEXT_MAX,
		 NO_SAMPLE ": %.100s%sone sample is taken per %.50s on average%.100s; %.100s",
		 known->has_allocated ? describe_allocated(known).text : "",
		 known->has_allocated ? ", and " : "", format_bytes((uint64_t)known->interval).text,
		 describe_unseen(known->interval, confidence).text, advise(known).text);
	return out;
}

struct empty_text empty_describe(const struct profile *profile, double confidence)
{
	struct known known = find_known(profile);
	struct empty_text out = {NO_SAMPLE};

	if (known.n_dropped)
		snprintf(out.text, EMPTY_TEXT_MAX,
			 NO_SAMPLE
			 ": %" PRIu64
			 " were dropped; a higher HEAP_PROFILE_MEMORY_LIMIT may keep them",
			 known.n_dropped);
	else if (known.interval == 1)
		out = describe_exact(&known);
	else if (known.interval > 1)
		out = describe_sampled(&known, confidence);
	return out;
}

size_t empty_count(const struct inputs *inputs, double confidence, struct empty_text *out)
{
	size_t n = 0;

	vec_foreach (profile, &inputs->profiles)
		if (!(*profile)->samples.n) {
			*out = empty_describe(*profile, confidence);
			n++;
		}
	return n;
}

void empty_warn(const struct settings *settings, const struct profile *profile, const char *name)
{
	if (!profile->samples.n && !settings->quiet)
		command_error("%s: %s", name, empty_describe(profile, 0 /* no bound */).text);
}

/* --- the comment --------------------------------------------------------------------------- */

static bool is_note(const struct profile *profile, uint32_t comment)
{
	const char *value = profile_comment_value(profile, comment, "note");

	return value && strncmp(value, NO_SAMPLE, strlen(NO_SAMPLE)) == 0;
}

static void remove_notes(struct profile *profile)
{
	size_t n = 0;

	vec_foreach (comment, &profile->comments)
		if (!is_note(profile, *comment))
			profile->comments.items[n++] = *comment;
	profile->comments.n = n;
}

int empty_set_note(struct profile *profile)
{
	char comment[EMPTY_TEXT_MAX + sizeof("note: ")];
	int size;

	remove_notes(profile);
	if (profile->samples.n)
		return EXIT_DONE;
	size = snprintf(comment, sizeof(comment), "note: %s",
			empty_describe(profile, 0 /* no bound */).text);
	profile_add_comment(profile, comment, (size_t)size);
	return profile_status(profile) ? command_error("%s", strerror(-profile_status(profile)))
				       : EXIT_DONE;
}
