/* SPDX-License-Identifier: MIT */
#include "commands/notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pool_labels.h"
#include "reports/format.h"

#define CUT_PERCENT_MIN 1.0 /* of the samples; a smaller share is not reported */
#define UNSEEN_BYTES_MIN \
	(INT64_C(64) << 20)  /* less may be stacks, or memory that the allocator keeps */
#define UNSEEN_INTERVALS 16  /* see is_beyond_error() */
#define DEPTH_MAX        512 /* the largest HEAP_PROFILE_STACK_DEPTH */

static bool parse_metadata(const char *text, int64_t *out_number)
{
	char *end;
	long long number;

	if (*text < '0' || *text > '9')
		return false;
	number = strtoll(text, &end, 10);
	*out_number = number;
	return *end == '\0' && number < INT64_MAX;
}

/* Sets *out_number to the number under `key` and returns true. Returns false if there is no such
 * number, or several because the profile was merged. */
static bool find_number(const struct profile *profile, const char *key, int64_t *out_number)
{
	const char *found = NULL;

	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, key);

		if (value && found)
			return false;
		found = value ? value : found;
	}
	return found && parse_metadata(found, out_number);
}

/* --- stacks -------------------------------------------------------------------------------- */

struct cut {
	int64_t n_cut, n_samples;
	double percent;
};

static bool find_cut(const struct profile *profile, struct cut *out)
{
	if (!find_number(profile, "stacks_cut", &out->n_cut) ||
	    !find_number(profile, "samples", &out->n_samples) || out->n_samples == 0)
		return false;
	out->percent = 100 * (double)out->n_cut / (double)out->n_samples;
	return true;
}

/* Returns the smallest power of two that leaves room for stacks twice as deep as the deepest, but
 * at most DEPTH_MAX. Returns 0 if there are stacks of the depth DEPTH_MAX already. */
static uint32_t deeper_than(const struct profile *profile)
{
	uint32_t longest = 1, depth = 1;

	vec_foreach (stack, &profile->stacks)
		longest = stack->n_frames > longest ? stack->n_frames : longest;
	while (depth < DEPTH_MAX && depth < 2 * (uint64_t)longest)
		depth *= 2;
	return longest < DEPTH_MAX ? depth : 0;
}

static void warn_of_cut(const struct profile *profile, struct diag *diag)
{
	static bool is_reported;
	uint32_t depth;
	struct cut cut;

	if (is_reported || !find_cut(profile, &cut) || cut.percent < CUT_PERCENT_MIN)
		return;
	is_reported = true;
	depth = deeper_than(profile);
	if (depth)
		diag_warn(diag,
			  "the stacks of %" PRId64 " of %" PRId64
			  " samples (%.1f %%) were cut: their callers are missing; set "
			  "HEAP_PROFILE_STACK_DEPTH=%" PRIu32 " when you record",
			  cut.n_cut, cut.n_samples, cut.percent, depth);
	else
		diag_warn(diag,
			  "the stacks of %" PRId64 " of %" PRId64
			  " samples (%.1f %%) were cut: their callers are missing; more than "
			  "HEAP_PROFILE_STACK_DEPTH=%d frames are not recorded",
			  cut.n_cut, cut.n_samples, cut.percent, DEPTH_MAX);
}

/* --- memory -------------------------------------------------------------------------------- */

struct memory {
	int64_t in_use, profiler, anonymous;
	bool has_mappings; /* mappings were recorded, not only allocations */
};

/* Sets *out_sum to the sum of the bytes in use and returns true. Returns false if the profile has
 * no such values, or if the sum exceeds 64 bits. */
static bool sum_in_use(const struct profile *profile, int64_t *out_sum)
{
	int value = profile_find_sample_type(profile, "inuse_space");

	*out_sum = 0;
	for (size_t i = 0; value >= 0 && i < profile->samples.n; i++)
		if (__builtin_add_overflow(*out_sum, profile_values(profile, i)[value], out_sum))
			return false;
	return value >= 0;
}

static bool find_memory(const struct profile *profile, struct memory *out)
{
	int64_t reserved;

	out->has_mappings = find_number(profile, "reserved_bytes", &reserved);
	return !profile->kept_interval && sum_in_use(profile, &out->in_use) && out->in_use >= 0 &&
	       find_number(profile, "profiler_bytes", &out->profiler) &&
	       find_number(profile, "anonymous_bytes", &out->anonymous);
}

/* Returns whether more bytes are missing than an error of sampling explains. If g missing bytes
 * were small blocks, their estimate would have a standard deviation of sqrt(g R). If g > 16 R, then
 * g is more than four standard deviations. */
static bool is_beyond_error(double missing, double interval)
{
	return missing > UNSEEN_INTERVALS * interval;
}

static bool is_far_below(const struct memory *memory, int64_t interval, int64_t bytes_min)
{
	double known = (double)memory->in_use + (double)memory->profiler;
	double missing = (double)memory->anonymous - known;

	return known < (double)memory->anonymous / 2 && missing >= (double)bytes_min &&
	       is_beyond_error(missing, (double)interval);
}

int64_t notes_unseen_bytes(const struct profile *profile, int64_t bytes_min)
{
	struct memory memory;

	if (!find_memory(profile, &memory) || memory.has_mappings ||
	    !is_far_below(&memory, profile_bytes_period(profile), bytes_min))
		return 0;
	return memory.anonymous - memory.in_use - memory.profiler;
}

static void warn_of_unseen(const struct profile *profile, struct diag *diag)
{
	static bool is_reported;
	struct memory memory;

	if (is_reported || !find_memory(profile, &memory) ||
	    !is_far_below(&memory, profile_bytes_period(profile), UNSEEN_BYTES_MIN))
		return;
	is_reported = true;
	diag_warn(diag, "%s in use, but the process has %s of anonymous memory: %s",
		  format_value((double)memory.in_use, true /* bytes */).text,
		  format_value((double)memory.anonymous, true /* bytes */).text,
		  memory.has_mappings ? "the rest may be stacks, freed memory that the allocator "
					"keeps, or from before the start of recording"
				      : "HEAP_PROFILE_MMAP=1 records what the program maps itself; "
					"the rest is stacks, freed memory that the allocator "
					"keeps, or from before the start of recording");
}

/* --- pools --------------------------------------------------------------------------------- */

/* Returns the bytes by which the slack of pools (see model/pool_labels.h) is negative, or 0. */
static int64_t negative_slack(const struct profile *profile)
{
	int value = profile_find_sample_type(profile, "inuse_space");
	struct pool_slack slack;
	int64_t sum = 0;

	pool_slack_init(&slack, profile);
	for (size_t i = 0; value >= 0 && i < profile->samples.n; i++)
		if (pool_slack_is(&slack, profile, i) &&
		    __builtin_add_overflow(sum, profile_values(profile, i)[value], &sum))
			return 0;
	return sum < 0 && sum > INT64_MIN ? -sum : 0;
}

static void warn_of_slack(const struct profile *profile, struct diag *diag)
{
	int64_t bytes = negative_slack(profile);

	if (bytes)
		diag_warn(diag,
			  "the objects of pools hold %s more than their blocks%s; so "
			  "'" POOL_SLACK_FUNCTION "' is negative, and flame graphs leave it out",
			  format_value((double)bytes, true /* bytes */).text,
			  profile->period > 1
				  ? "; both are estimates"
				  : ": some blocks were not reported, or are older than "
				    "the recording");
}

/* --- warning and printing ------------------------------------------------------------------ */

void notes_warn(const struct profile *profile, struct diag *diag)
{
	if (strcmp(profile->format, "heapprof") != 0) /* another profiler's dump */
		return;
	warn_of_cut(profile, diag);
	warn_of_unseen(profile, diag);
	warn_of_slack(profile, diag);
}

static void print_bytes(const struct profile *profile, const char *name, const char *key)
{
	int64_t bytes;

	if (find_number(profile, key, &bytes))
		printf("%s: %" PRId64 " bytes (%s)\n", name, bytes,
		       format_value((double)bytes, true /* bytes */).text);
}

void notes_print_memory(const struct profile *profile)
{
	print_bytes(profile, "resident memory", "rss_bytes");
	print_bytes(profile, "anonymous memory", "anonymous_bytes");
	print_bytes(profile, "reserved by mappings", "reserved_bytes");
}

void notes_print_quality(const struct profile *profile)
{
	int64_t n_dropped;
	struct cut cut;

	if (find_number(profile, "samples_dropped", &n_dropped) && n_dropped)
		printf("samples dropped: %" PRId64 "\n", n_dropped);
	if (find_cut(profile, &cut))
		printf("stacks cut: %" PRId64 " of %" PRId64 " samples (%.1f %%)\n", cut.n_cut,
		       cut.n_samples, cut.percent);
}
