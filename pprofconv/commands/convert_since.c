/* SPDX-License-Identifier: MIT */
#include "commands/convert_since.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/common_interval.h"
#include "analysis/shared_samples.h"
#include "transform/since.h"

/* What servers take by default: Pyroscope's max-profile-stacktrace-samples. */
#define SERVER_SAMPLES_MAX 16000

static bool has_cumulative(const struct profile *profile)
{
	vec_foreach (type, &profile->sample_types)
		if (since_is_cumulative(profile_string(profile, type->type)))
			return true;
	return false;
}

/* Fails if the dumps are known not to be of one run, in this order. */
static int check(const struct profile *newer, const char *input, const struct profile *older,
		 const char *older_name)
{
	const char *run = shared_samples_run(newer), *older_run = shared_samples_run(older);

	if (!has_cumulative(newer))
		return command_error("%s: --since: the input doesn't count what was allocated; it "
				     "needs alloc_space",
				     input);
	if (run && older_run && strcmp(run, older_run) != 0)
		return command_error("%s: --since: %s is of another run of the program", input,
				     older_name);
	if (!newer->time_nanos || !older->time_nanos)
		return command_error("%s: --since: the input has no time",
				     newer->time_nanos ? older_name : input);
	if (newer->time_nanos <= older->time_nanos)
		return command_error("%s: --since: not later than %s; give the older dump as "
				     "--since",
				     input, older_name);
	return EXIT_DONE;
}

static void explain(const char *input, int code, const struct diag *diag)
{
	diag_print(diag, program_name(), true /* warnings */, stderr);
	if (!diag_has_error(diag))
		command_error("%s: %s", input,
			      code == -EOVERFLOW ? "values add up to more than 64 bits hold"
						 : strerror(-code));
}

static void warn(const struct settings *settings, const struct since *since, const char *input)
{
	if (settings->quiet)
		return;
	if (since->n_negative)
		command_error("%s: warning: --since: %" PRId64 " values came out below 0, by "
			      "rounding or because samples were dropped; they are 0",
			      input, since->n_negative);
	if (since->profile->samples.n > SERVER_SAMPLES_MAX)
		command_error("%s: warning: --since: %zu samples; servers may take no more than %d",
			      input, since->profile->samples.n, SERVER_SAMPLES_MAX);
}

struct profile *convert_since(const struct settings *settings, const char *input,
			      const char *older_name)
{
	_cleanup_(profile_freep) struct profile *newer = command_load(settings, input);
	_cleanup_(profile_freep) struct profile *older =
		newer ? command_load(settings, older_name) : NULL;
	struct since since = {0};
	struct diag diag = {.file = input};
	int r;

	if (!older || check(newer, input, older, older_name) ||
	    command_symbolize(settings, 2, newer) || command_symbolize(settings, 2, older))
		return NULL;
	r = common_interval_set((struct profile *[]){newer, older}, 2);
	r = r ? r : since_make(newer, older, &since, &diag);
	if (r)
		explain(input, r, &diag);
	else
		warn(settings, &since, input);
	diag_deinit(&diag);
	return since.profile;
}
