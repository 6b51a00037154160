/* SPDX-License-Identifier: MIT */
#include "commands/html_inputs.h"

#include <errno.h>
#include <string.h>

#include "commands/empty.h"

static int fail(int r)
{
	return command_error("%s", strerror(-r));
}

/* --- a base and a new profile --------------------------------------------------------------- */

static int check_sides(struct html_inputs *inputs, bool has_base, double confidence)
{
	const struct compare_settings compare = {.allow_dropped = true};
	int status = diff_sides_name_values(&inputs->sides, NULL);

	if (!status)
		status = diff_sides_check(&inputs->sides, &compare, confidence, false);
	for (int side = 0; !status && side < 2 && has_base; side++)
		status = inputs_find_fileless(&inputs->sides.inputs[side], &inputs->fileless);
	return status;
}

/* --- a series ------------------------------------------------------------------------------ */

static int check_dropped(struct diff_sides *sides)
{
	const struct compare_settings compare = {.allow_dropped = true};
	uint64_t n = inputs_most_dropped(&sides->inputs[DIFF_NEW]);
	char text[WARNING_MAX];
	int status = compare_check_dropped(&compare, n, false, text);

	return status || !*text ? status : diff_sides_warn(sides, text);
}

static int check_empty(struct diff_sides *sides)
{
	const struct inputs *dumps = &sides->inputs[DIFF_NEW];
	struct empty_text text;
	size_t n = empty_count(dumps, 0 /* no bound */, &text);
	char line[EMPTY_TEXT_MAX + WARNING_MAX];

	snprintf(line, sizeof(line), "%zu of %zu dumps: %s", n, dumps->profiles.n, text.text);
	return n ? diff_sides_warn(sides, line) : EXIT_DONE;
}

static int settle_series(struct html_inputs *inputs)
{
	struct inputs *dumps = &inputs->sides.inputs[DIFF_NEW];
	int status = check_dropped(&inputs->sides);

	if (!status)
		status = check_empty(&inputs->sides);
	if (!status)
		status = inputs_set_common_interval(dumps->profiles.items, dumps->profiles.n);
	if (!status && inputs_sort_by_time(dumps))
		status = fail(-ENOMEM);
	return status;
}

/* --- both ---------------------------------------------------------------------------------- */

static int load_sides(struct html_inputs *inputs, const struct settings *settings,
		      const char *const *base)
{
	struct input_list *lists = inputs->lists;
	int status = input_list_read(&lists[DIFF_BASE], (char *const *)base, base != NULL, NULL);

	if (!status)
		status = input_list_read(&lists[DIFF_NEW], settings->inputs,
					 (size_t)settings->n_inputs, NULL);
	return status ? status
		      : diff_sides_load(&inputs->sides, lists, false /* allow_missing_base */);
}

/* Returns the name of the file of a profile. `loaded` are the profiles in the order of their files.
 */
static const char *name_of(const struct profile *profile, struct profile *const *loaded, size_t n,
			   char *const *names)
{
	for (size_t i = 0; i < n; i++)
		if (loaded[i] == profile)
			return names[i];
	return "";
}

static int collect(struct html_inputs *inputs, struct profile *const *loaded)
{
	int r = 0;

	for (int side = 0; side < 2; side++) {
		const struct inputs *from = &inputs->sides.inputs[side];
		struct profile *const *in_order = side == DIFF_NEW ? loaded : from->profiles.items;

		vec_foreach (profile, &from->profiles) {
			r = r ? r : vec_push(&inputs->dumps, *profile);
			r = r ? r
			      : vec_push(&inputs->names, name_of(*profile, in_order,
								 from->profiles.n, from->names));
		}
	}
	return r ? fail(r) : EXIT_DONE;
}

static int settle(struct html_inputs *inputs, bool has_base, double confidence)
{
	const struct inputs *dumps = &inputs->sides.inputs[DIFF_NEW];
	size_t size = dumps->profiles.n * sizeof(*dumps->profiles.items);
	struct profile **loaded = malloc(size);
	int status;

	if (!loaded)
		return fail(-ENOMEM);
	memcpy(loaded, dumps->profiles.items, size);
	status = inputs->is_series ? settle_series(inputs)
				   : check_sides(inputs, has_base, confidence);
	if (!status)
		status = collect(inputs, loaded);
	free(loaded);
	return status;
}

int html_inputs_load(struct html_inputs *inputs, const struct settings *settings,
		     const char *const *base, double confidence)
{
	int status;

	*inputs = (struct html_inputs){
		.sides.settings = settings,
		.is_series = settings->n_inputs > 1,
	};
	status = load_sides(inputs, settings, base);
	return status ? status : settle(inputs, base != NULL, confidence);
}

void html_inputs_deinit(struct html_inputs *inputs)
{
	vec_deinit(&inputs->dumps);
	vec_deinit(&inputs->names);
	strtab_deinit(&inputs->fileless);
	diff_sides_deinit(&inputs->sides);
	input_list_deinit(&inputs->lists[DIFF_BASE]);
	input_list_deinit(&inputs->lists[DIFF_NEW]);
}
