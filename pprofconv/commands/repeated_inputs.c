/* SPDX-License-Identifier: MIT */
#include "commands/repeated_inputs.h"

#include <string.h>

int repeated_inputs_check(struct repeated_inputs *repeated, const struct profile *profile,
			  const char *input)
{
	struct seen_dumps_before before;
	int r = seen_dumps_add(&repeated->seen, profile, input, &before);

	if (r)
		return command_error("%s", strerror(-r));
	if (before.same_dump)
		return command_error("%s: the same dump as %s; give it once", input,
				     before.same_dump);
	if (!before.same_run)
		return EXIT_DONE;
	if (!repeated->n_of_runs++) {
		repeated->of_run[0] = input;
		repeated->of_run[1] = before.same_run;
	}
	return EXIT_DONE;
}

void repeated_inputs_warn(const struct repeated_inputs *repeated, const struct settings *settings,
			  const char *advice)
{
	if (!repeated->n_of_runs || settings->quiet)
		return;
	command_error("%s: of the same run as %s; %s", repeated->of_run[0], repeated->of_run[1],
		      advice);
	if (repeated->n_of_runs > 1)
		command_error("%zu inputs are of the same run as another", repeated->n_of_runs);
}

void repeated_inputs_deinit(struct repeated_inputs *repeated)
{
	seen_dumps_deinit(&repeated->seen);
}
