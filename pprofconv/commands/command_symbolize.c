/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/strtab.h"
#include "commands/command.h"
#include "commands/names_apart.h"
#include "commands/progress.h"
#include "symbolize/symbolize.h"

static const char *const default_debug_dirs[] = {"/usr/lib/debug"};

/* These are kept for the whole run of the program, which may name many profiles. */
static struct binaries binaries;
static struct strtab reported; /* mappings without names, with the reason; each is reported once */

static struct { /* sums over all profiles */
	uint64_t n_named, n_locations;
	size_t n_profiles;
} sum;

static struct {
	VEC(const char *) files; /* the arguments of --binary; set when a profile is named */
	VEC(bool) was_used;
	bool is_quiet;
} named;

static int parse_style(const char *text, enum demangle_style *out_style)
{
	static const char *const styles[] = {
		[DEMANGLE_SHORT] = "short",
		[DEMANGLE_FULL] = "full",
		[DEMANGLE_NONE] = "none",
	};

	*out_style = DEMANGLE_SHORT;
	if (!text)
		return EXIT_DONE;
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		if (strcmp(text, styles[i]) == 0) {
			*out_style = (enum demangle_style)i;
			return EXIT_DONE;
		}
	}
	return command_error("--demangle: unknown style '%s'; expected short, full or none", text);
}

/* Fails if the path that an option gives does not exist. Without this check, a typo would silently
 * lose names. */
static int check_exists(const char *option, const char *path)
{
	if (access(path, F_OK) == 0)
		return EXIT_DONE;
	return command_error("--%s: %s: %s", option, path, strerror(errno));
}

static int check_binary(const char *path)
{
	_cleanup_(object_closep) struct object *object = NULL;
	int r = object_open(path, &object);

	if (r)
		return command_error("--binary: %s: %s", path,
				     r < 0 ? strerror(-r) : "not an ELF file");
	return EXIT_DONE;
}

/* Fails if a folder of debug files does not exist. The folder may be below --sysroot. */
static int check_debug_dir(const struct settings *settings, const char *path)
{
	_cleanup_(freep) void *memory = NULL;
	char *below_root;

	if (settings->sysroot && asprintf(&below_root, "%s%s", settings->sysroot, path) >= 0)
		memory = below_root;
	if (memory && access(memory, F_OK) == 0)
		return EXIT_DONE;
	return check_exists("debug-dir", path);
}

static int check_paths(const struct settings *settings)
{
	int status = settings->sysroot ? check_exists("sysroot", settings->sysroot) : EXIT_DONE;

	for (size_t i = 0; !status && i < settings->debug_dirs.n; i++)
		status = check_debug_dir(settings, settings->debug_dirs.items[i]);
	for (size_t i = 0; !status && i < settings->binaries.n; i++)
		status = check_binary(settings->binaries.items[i]);
	return status;
}

/* Checks the options once, because all profiles of a run are named with the same options. */
static int check_options(const struct settings *settings)
{
	static bool was_checked;
	int status = was_checked ? EXIT_DONE : check_paths(settings);

	was_checked = true;
	return status;
}

static int make_options(const struct settings *settings, const struct profile *profile,
			struct symbolize_options *out_options)
{
	static char process_root[32];
	struct debugfile_paths *paths = &out_options->locate.paths;

	*out_options = (struct symbolize_options){0};
	out_options->locate.binaries = settings->binaries.items;
	out_options->locate.n_binaries = settings->binaries.n;
	paths->dirs = settings->debug_dirs.items;
	paths->n_dirs = settings->debug_dirs.n;
	if (!paths->n_dirs) {
		paths->dirs = default_debug_dirs;
		paths->n_dirs = 1;
	}
	paths->sysroot = settings->sysroot;
	if (!settings->sysroot && profile->process) {
		snprintf(process_root, sizeof(process_root), "/proc/%d/root", profile->process);
		paths->sysroot = process_root;
		out_options->locate.process = profile->process;
	}
	paths->debuginfod = settings->debuginfod;
	return parse_style(settings->demangle, &out_options->style);
}

/* Returns whether the mapping was not reported before. Many dumps of one process lack the same
 * names. */
static bool is_new(const struct profile *profile, const struct symbolize_summary *summary,
		   size_t mapping)
{
	const struct symbolize_result *result = &summary->mappings.items[mapping];
	size_t n = strtab_count(&reported);
	uint32_t id;
	char key[4096];

	snprintf(key, sizeof(key), "%d %d %s", result->outcome, result->located.outcome,
		 profile_string(profile, profile->mappings.items[mapping].file));
	return strtab_intern(&reported, key, strlen(key), &id) || strtab_count(&reported) > n;
}

static bool is_whole(const struct symbolize_result *result)
{
	return !result->n_lost_units && result->n_named == result->n_locations;
}

/* Returns whether a mapping got its names from a --binary of which nothing shows that it is the
 * program, because the profile has no memory map. */
static bool is_unchecked(const struct profile *profile, const struct symbolize_summary *summary,
			 size_t mapping)
{
	const struct profile_mapping *described = &profile->mappings.items[mapping];

	return summary->mappings.items[mapping].outcome == SYMBOLIZE_NAMED && !described->file &&
	       !described->build_id;
}

/* Prints a line for each mapping that lacks names or whose names are unchecked, unless it was
 * reported before, or for every mapping with --verbose. Also prints a line for the profile. If the
 * run names many profiles, each profile adds to a sum instead, which is printed at the end. */
static void print_summary(const struct settings *settings, bool is_series,
			  const struct profile *profile, const struct symbolize_summary *summary)
{
	bool was_needed = false;
	char text[1024];

	for (size_t i = 0; i < summary->mappings.n; i++) {
		enum symbolize_outcome outcome = summary->mappings.items[i].outcome;
		bool is_fine =
			outcome == SYMBOLIZE_ALREADY ||
			(outcome == SYMBOLIZE_NAMED && is_whole(&summary->mappings.items[i]) &&
			 !is_unchecked(profile, summary, i));

		was_needed |= outcome != SYMBOLIZE_UNUSED && outcome != SYMBOLIZE_ALREADY;
		if (!settings->verbose && (is_fine || !is_new(profile, summary, i)))
			continue;
		if (symbolize_describe(profile, summary, i, text, sizeof(text)))
			command_error("%s", text);
	}
	if (was_needed && is_series) {
		sum.n_named += summary->n_named;
		sum.n_locations += summary->n_locations;
		sum.n_profiles++;
	}
	if ((was_needed && !is_series) || settings->verbose)
		command_error("%" PRIu32 " of %" PRIu32 " locations named", summary->n_named,
			      summary->n_locations);
}

/* Remembers the arguments of --binary, which are the same for all profiles of a run. */
static int remember_binaries(const struct settings *settings)
{
	size_t n = settings->binaries.n;
	int r = 0;

	named.is_quiet = settings->quiet;
	if (named.files.n == n)
		return 0;
	r = vec_append(&named.files, settings->binaries.items, n);
	for (size_t i = 0; !r && i < n; i++)
		r = vec_push(&named.was_used, false);
	return r;
}

/* Names the locations, with the rights of the user whose process or core it is. Without names, as
 * after a failure of the child, the profile is complete. */
static int find_names(struct profile *profile, const struct symbolize_options *options,
		      struct symbolize_summary *summary)
{
	struct hp_apart_user user;
	char why[128];
	int r;

	names_apart_user(profile, &user);
	if (!user.is_other)
		return symbolize_profile(profile, options, summary);
	if (options->locate.paths.debuginfod)
		command_error("--debuginfod: no server is asked for another user's process or "
			      "core; save its profile, then convert that");
	r = names_apart(profile, options, &user, summary, why, sizeof(why));
	if (r <= 0)
		return r;
	command_error("no names: the look-up with the rights of user %u has failed: %s", user.uid,
		      why);
	symbolize_summary_deinit(summary);
	return 0;
}

int command_symbolize(const struct settings *settings, size_t n_profiles, struct profile *profile)
{
	struct symbolize_options options;
	struct symbolize_summary summary = {0};
	struct progress progress;
	int r;

	if (make_options(settings, profile, &options) || check_options(settings))
		return EXIT_BAD;
	if (settings->no_symbols)
		return EXIT_DONE;
	if (remember_binaries(settings))
		return command_error("%s", strerror(ENOMEM));
	options.locate.was_used = named.was_used.items;
	progress_begin(&progress, "names", !settings->quiet);
	options.binaries = &binaries;
	options.on_progress = progress_named;
	options.progress_context = &progress;
	r = find_names(profile, &options, &summary);
	progress_end(&progress);
	if (!r && !settings->quiet && summary.mappings.n == profile->mappings.n)
		print_summary(settings, n_profiles > 2, profile, &summary);
	symbolize_summary_deinit(&summary);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

void command_symbolize_end(void)
{
	if (sum.n_profiles)
		command_error("%" PRIu64 " of %" PRIu64 " locations of %zu profiles named",
			      sum.n_named, sum.n_locations, sum.n_profiles);
	for (size_t i = 0; i < named.files.n && !named.is_quiet; i++)
		if (!named.was_used.items[i])
			command_error("--binary: %s: not used; no mapping without names has its "
				      "build ID or its name",
				      named.files.items[i]);
	vec_deinit(&named.files);
	vec_deinit(&named.was_used);
	binaries_deinit(&binaries);
	strtab_deinit(&reported);
}
