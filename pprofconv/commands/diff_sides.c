/* SPDX-License-Identifier: MIT */
#include "commands/diff_sides.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "analysis/leftover.h"
#include "analysis/pairing.h"
#include "analysis/shared_samples.h"
#include "commands/empty.h"
#include "commands/labels.h"
#include "commands/repeated_inputs.h"
#include "model/merged_metadata.h"
#include "reports/format.h"

/* --- loading ------------------------------------------------------------------------------- */

static bool is_null_device(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

/* Returns whether a file is missing, or has no bytes, as after a failed download. The null device
 * counts as such a file. */
static bool is_missing(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno == ENOENT;
	return (S_ISREG(status.st_mode) && status.st_size == 0) || is_null_device(&status);
}

static int load_list(struct diff_sides *sides, enum diff_side side, size_t n_profiles,
		     const struct input_list *list)
{
	const struct settings *settings = sides->settings;
	struct inputs *inputs = &sides->inputs[side];
	int status = inputs_load(inputs, settings, n_profiles, list->names.items, list->names.n);

	for (size_t i = 0; !status && i < list->names.n; i++)
		status = labels_add(inputs->profiles.items[i], list->names.items[i],
				    &settings->labels, list->labels.items[i]);
	return status;
}

/* Loads the base. If `allow_missing` is set and the base is a single file, the file may be missing;
 * then the base has no profile. If the base is several files, none of them may be missing. */
static int load_base(struct diff_sides *sides, size_t n_profiles, const struct input_list *base,
		     bool allow_missing)
{
	if (allow_missing && base->names.n == 1 && is_missing(base->names.items[0])) {
		if (!sides->settings->quiet)
			command_error("%s: missing or empty base; every sample is new",
				      base->names.items[0]);
		return EXIT_DONE;
	}
	return load_list(sides, DIFF_BASE, n_profiles, base);
}

static int set_common_interval(struct diff_sides *sides)
{
	const struct inputs *base = &sides->inputs[DIFF_BASE], *new = &sides->inputs[DIFF_NEW];

	if (base->profiles.n != 1 || new->profiles.n != 1)
		return EXIT_DONE;
	return inputs_set_common_interval(
		(struct profile *[]){base->profiles.items[0], new->profiles.items[0]}, 2);
}

int diff_sides_load(struct diff_sides *sides, const struct input_list lists[2],
		    bool allow_missing_base)
{
	const struct input_list *base = &lists[DIFF_BASE], *new = &lists[DIFF_NEW];
	size_t n = base->names.n + new->names.n;
	int status = load_base(sides, n, base, allow_missing_base);

	if (!status)
		status = load_list(sides, DIFF_NEW, n, new);
	return status ? status : set_common_interval(sides);
}

void diff_sides_deinit(struct diff_sides *sides)
{
	inputs_deinit(&sides->inputs[DIFF_BASE]);
	inputs_deinit(&sides->inputs[DIFF_NEW]);
	vec_foreach (warning, &sides->warnings)
		free(*warning);
	vec_deinit(&sides->warnings);
}

/* --- what the profiles count --------------------------------------------------------------- */

/* Returns the sample type that folded stacks are taken to count: that of --sample-type, otherwise
 * that of the first gate, otherwise the default of `other`. */
static const char *wanted_type(const struct diff_sides *sides, const char *gate_type,
			       const struct profile *other)
{
	int value;

	if (sides->settings->sample_type)
		return sides->settings->sample_type;
	if (gate_type)
		return gate_type;
	value = command_sample_type(sides->settings, other);
	return profile_string(other, other->sample_types.items[value].type);
}

/* Returns a profile that says what it counts, or NULL if no profile does. Profiles that don't say
 * are taken to count the same. */
static const struct profile *find_typed(const struct diff_sides *sides)
{
	for (int side = 0; side < 2; side++)
		vec_foreach (profile, &sides->inputs[side].profiles)
			if (!inputs_is_unsaid(*profile) && (*profile)->sample_types.n)
				return *profile;
	return NULL;
}

int diff_sides_name_values(struct diff_sides *sides, const char *gate_type)
{
	const struct profile *said = find_typed(sides);
	const char *type = said ? wanted_type(sides, gate_type, said) : NULL;
	int value = said ? profile_find_sample_type(said, type) : -1, r = 0;
	const char *unit;

	if (value < 0)
		return EXIT_DONE; /* all are alike, or diff_sides_check_type() refuses them */
	unit = profile_string(said, said->sample_types.items[value].unit);
	for (int side = 0; !r && side < 2; side++)
		r = inputs_name_values(&sides->inputs[side], type, unit);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

int diff_sides_check_type(const struct diff_sides *sides, const char *type)
{
	for (int side = 0; side < 2; side++) {
		const struct inputs *inputs = &sides->inputs[side];

		for (size_t i = 0; i < inputs->profiles.n; i++)
			if (profile_find_sample_type(inputs->profiles.items[i], type) < 0)
				return command_error("%s: no values of the type '%s'",
						     inputs->names[i], type);
	}
	return EXIT_DONE;
}

/* --- checks -------------------------------------------------------------------------------- */

bool diff_sides_is_one_run(const struct diff_sides *sides)
{
	const struct inputs *base = &sides->inputs[DIFF_BASE];
	const struct inputs *new = &sides->inputs[DIFF_NEW];

	return base->profiles.n == 1 && new->profiles.n == 1 &&
	       shared_samples_is_one_run(base->profiles.items[0], new->profiles.items[0]);
}

int diff_sides_warn(struct diff_sides *sides, const char *text)
{
	char *copy = strdup(text);

	if (!copy || vec_push(&sides->warnings, copy) < 0) {
		free(copy);
		return command_error("%s", strerror(ENOMEM));
	}
	if (!sides->settings->quiet)
		command_error("%s", text);
	return EXIT_DONE;
}

static int warn_of_empty(struct diff_sides *sides, const char *name, size_t n_empty, size_t n,
			 const struct empty_text *text)
{
	char line[EMPTY_TEXT_MAX + FORMAT_SIZE];

	if (n_empty == n)
		snprintf(line, sizeof(line), "%s: %s", name, text->text);
	else
		snprintf(line, sizeof(line), "%s, %zu of %zu runs: %s", name, n_empty, n,
			 text->text);
	return n_empty ? diff_sides_warn(sides, line) : EXIT_DONE;
}

/* Warns about sides without samples. Such a side is an estimate of nothing, with the error of what
 * sampling may have missed. Gates judge it as such. */
static int check_empty(struct diff_sides *sides, double confidence)
{
	static const char *const names[] = {[DIFF_BASE] = "base", [DIFF_NEW] = "new"};
	struct empty_text texts[2] = {0};
	size_t n_empty[2], n[2];
	int status = EXIT_DONE;

	for (int side = 0; side < 2; side++) {
		const struct inputs *inputs = &sides->inputs[side];

		n[side] = inputs->profiles.n;
		n_empty[side] = empty_count(inputs, confidence, &texts[side]);
	}
	if (n[0] && n_empty[0] == n[0] && n_empty[1] == n[1] &&
	    strcmp(texts[0].text, texts[1].text) == 0)
		return warn_of_empty(sides, "base and new", 1, 1, &texts[0]);
	for (int side = 0; !status && side < 2; side++)
		status = warn_of_empty(sides, names[side], n_empty[side], n[side], &texts[side]);
	return status;
}

static int check_dropped(struct diff_sides *sides, const struct compare_settings *settings,
			 bool has_gates)
{
	uint64_t base = inputs_count_dropped(&sides->inputs[DIFF_BASE]);
	uint64_t new = inputs_count_dropped(&sides->inputs[DIFF_NEW]);
	char text[WARNING_MAX];
	int status;

	if (diff_sides_is_one_run(sides)) /* the new dump's count includes the base's */
		base = 0;
	status = compare_check_dropped(settings, base + new, has_gates, text);
	return status || !*text ? status : diff_sides_warn(sides, text);
}

struct intervals { /* bytes */
	int64_t least, most;
};

/* Sets *out to the smallest and the largest interval at which a side was sampled, and returns true.
 * Profiles that don't give their interval are left out; returns false if no profile gives it. */
static bool find_intervals(const struct inputs *inputs, struct intervals *out)
{
	bool has_any = false;

	vec_foreach (profile, &inputs->profiles) {
		int64_t period = profile_bytes_period(*profile);

		if (!period)
			continue;
		out->least = has_any && out->least < period ? out->least : period;
		out->most = has_any && out->most > period ? out->most : period;
		has_any = true;
	}
	return has_any;
}

static struct formatted format_interval(int64_t interval)
{
	struct formatted formatted = {"every allocation"};

	if (interval > 1)
		snprintf(formatted.text, FORMAT_SIZE, "one in %.200s",
			 format_value((double)interval, true /* bytes */).text);
	return formatted;
}

static struct formatted format_intervals(const struct intervals *intervals)
{
	struct formatted least = format_interval(intervals->least), formatted;

	if (intervals->least == intervals->most)
		return least;
	snprintf(formatted.text, FORMAT_SIZE, "from %.100s to %.100s", least.text,
		 format_interval(intervals->most).text);
	return formatted;
}

/* Returns whether the interval of each profile rose while its program ran, so that nobody chose
 * it. */
static bool is_adaptive(const struct inputs *inputs)
{
	vec_foreach (profile, &inputs->profiles) {
		const char *mode = profile_metadata(*profile, "interval_mode");

		if (!mode || strcmp(mode, "auto") != 0)
			return false;
	}
	return true;
}

/* Warns if the sides were sampled at different intervals, unless these are adaptive. The results
 * are right all the same, because each side has an error of its own. But different intervals are
 * seldom intended, and the comparison is only as certain as the worse side. */
static int check_intervals(struct diff_sides *sides)
{
	struct intervals found[2];
	char text[2 * FORMAT_SIZE];

	for (int side = 0; side < 2; side++)
		if (!find_intervals(&sides->inputs[side], &found[side]))
			return EXIT_DONE;
	if (found[0].least == found[1].least && found[0].most == found[1].most)
		return EXIT_DONE;
	if (is_adaptive(&sides->inputs[DIFF_BASE]) && is_adaptive(&sides->inputs[DIFF_NEW]))
		return EXIT_DONE;
	snprintf(text, sizeof(text), "the sides were sampled differently: base %.200s, new %.200s",
		 format_intervals(&found[DIFF_BASE]).text, format_intervals(&found[DIFF_NEW]).text);
	return diff_sides_warn(sides, text);
}

/* Fails if the new dump of that number is older than a base dump of the same run. */
static int check_order_of(const struct diff_sides *sides, size_t number)
{
	const struct inputs *base = &sides->inputs[DIFF_BASE];
	const struct inputs *new = &sides->inputs[DIFF_NEW];
	const struct profile *profile = new->profiles.items[number];

	for (size_t i = 0; i < base->profiles.n; i++)
		if (pairing_is_reversed(base->profiles.items[i], profile))
			return command_error("%s: earlier than the base %s, a dump of the same "
					     "run; swap them",
					     new->names[number], base->names[i]);
	return EXIT_DONE;
}

static int add_runs(struct strtab *runs, const struct inputs *inputs)
{
	uint32_t id;
	int r = 0;

	for (size_t i = 0; !r && i < inputs->profiles.n; i++) {
		const char *run = shared_samples_run(inputs->profiles.items[i]);

		if (run)
			r = strtab_intern(runs, run, strlen(run), &id);
	}
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

/* Fails if a new dump is older than a base dump of the same run. In the wrong order, memory that
 * the process allocated later would look like a leak that was fixed. Most new dumps of a fleet have
 * no such base dump, so the runs of the base are looked up. */
static int check_order(const struct diff_sides *sides)
{
	const struct inputs *new = &sides->inputs[DIFF_NEW];
	struct strtab runs = {0};
	int status = add_runs(&runs, &sides->inputs[DIFF_BASE]);

	for (size_t i = 0; !status && i < new->profiles.n; i++) {
		const char *run = shared_samples_run(new->profiles.items[i]);

		if (run && strtab_has(&runs, run, strlen(run)))
			status = check_order_of(sides, i);
	}
	strtab_deinit(&runs);
	return status;
}

/* Fails if a side has the same dump twice, and warns of several dumps of one run. */
static int check_repeated(const struct diff_sides *sides)
{
	int status = EXIT_DONE;

	for (int side = 0; !status && side < 2; side++) {
		const struct inputs *inputs = &sides->inputs[side];
		struct repeated_inputs repeated = {0};

		for (size_t i = 0; !status && i < inputs->profiles.n; i++)
			status = repeated_inputs_check(&repeated, inputs->profiles.items[i],
						       inputs->names[i]);
		if (!status)
			repeated_inputs_warn(&repeated, sides->settings,
					     "they share samples, so they count as more runs than "
					     "they are; give one dump of each run");
		repeated_inputs_deinit(&repeated);
	}
	return status;
}

/* Prints that a side is a sum of several runs, which hides how much they differ. This is about
 * hosts. A sum of the processes of one job is compared as it is, so the report does not have this
 * line. */
static void note_sums(const struct diff_sides *sides)
{
	static const char *const names[] = {[DIFF_BASE] = "base", [DIFF_NEW] = "new"};

	for (int side = 0; side < 2; side++) {
		uint64_t most = 0;

		vec_foreach (profile, &sides->inputs[side].profiles) {
			uint64_t n = merged_metadata_runs(*profile);

			most = n > most ? n : most;
		}
		if (most > 1 && !sides->settings->quiet)
			command_error("%s: a sum of %" PRIu64 " runs, whose spread is unknown; by "
				      "the error of sampling alone, differences between hosts "
				      "look real; give their dumps with --base-files-from and "
				      "--files-from",
				      names[side], most);
	}
}

/* Returns the program of a side. Returns NULL if a profile does not name its program, or if two
 * profiles name different ones. */
static const char *find_program(const struct inputs *inputs)
{
	const char *program = NULL;

	vec_foreach (profile, &inputs->profiles) {
		const char *own = pairing_program(*profile);

		if (!own || (program && strcmp(program, own) != 0))
			return NULL;
		program = own;
	}
	return program;
}

static int check_programs(struct diff_sides *sides)
{
	const char *base = find_program(&sides->inputs[DIFF_BASE]);
	const char *new = find_program(&sides->inputs[DIFF_NEW]);
	char text[4 * FORMAT_SIZE];

	if (!base || !new || strcmp(base, new) == 0)
		return EXIT_DONE;
	snprintf(text, sizeof(text), "the sides are of different programs: base %.200s, new %.200s",
		 base, new);
	return diff_sides_warn(sides, text);
}

int diff_sides_check(struct diff_sides *sides, const struct compare_settings *settings,
		     double confidence, bool has_gates)
{
	int status = check_repeated(sides);

	if (!status)
		status = check_empty(sides, confidence);
	if (!status)
		status = check_order(sides);
	if (!status)
		status = check_dropped(sides, settings, has_gates);
	if (!status)
		status = check_programs(sides);
	if (!status)
		status = check_intervals(sides);
	if (!status)
		note_sums(sides);
	return status;
}

/* --- leftovers ----------------------------------------------------------------------------- */

/* Returns the means of a side's runs; its flags are true if they are true for each run. */
static struct leftover find_leftover(const struct inputs *inputs)
{
	double n = (double)inputs->profiles.n;
	struct leftover mean = {.is_leftover = n > 0, .is_at_work = n > 0};

	vec_foreach (profile, &inputs->profiles) {
		struct leftover own = leftover_find(*profile);

		mean.is_leftover &= own.is_leftover;
		mean.is_at_work &= own.is_at_work;
		mean.inuse += own.inuse / n;
		mean.allocated += own.allocated / n;
	}
	return mean;
}

/* Returns why the sides cannot be compared, or NULL if they can. */
static const char *find_fault(const struct leftover *base, const struct leftover *new)
{
	if (base->is_leftover && new->is_leftover)
		return "both sides have freed what they held";
	if (base->is_at_work && new->is_leftover &&new->inuse < base->inuse)
		return "the base is of a program at work, the new side of one that has freed what "
		       "it held";
	if (base->is_leftover && new->is_at_work)
		return "the base is of a program that has freed what it held, the new side of one "
		       "at work";
	return NULL;
}

/* A heap that no longer holds anything does not prove that nothing grew, so a gate must not pass on
 * it. If a gate fails, growth was found all the same, and a warning is enough. */
int diff_sides_check_leftover(struct diff_sides *sides, int n_passed, bool allow_empty)
{
	struct leftover base = find_leftover(&sides->inputs[DIFF_BASE]);
	struct leftover new = find_leftover(&sides->inputs[DIFF_NEW]);
	const char *fault = find_fault(&base, &new);
	char text[FORMAT_SIZE];

	if (!fault || allow_empty)
		return EXIT_DONE;
	snprintf(text, sizeof(text), "%.100s: base %.30s of %.30s allocated, new %.30s of %.30s",
		 fault, format_value(base.inuse, true /* bytes */).text,
		 format_value(base.allocated, true).text, format_value(new.inuse, true).text,
		 format_value(new.allocated, true).text);
	if (n_passed <= 0)
		return diff_sides_warn(sides, text);
	return command_error(
		"%s; so no gate can see growth. Compare dumps from before the program's end, such "
		"as HEAP_PROFILE_ALLOCATION_INTERVAL writes, or use --allow-empty",
		text);
}
