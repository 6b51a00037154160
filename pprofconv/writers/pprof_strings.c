/* SPDX-License-Identifier: MIT */
#include "writers/pprof_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/short_name.h"
#include "symbolize/whole_name.h"

static int add(struct pprof_strings *strings, const char *text, size_t size, uint32_t *out_number)
{
	*out_number = (uint32_t)strings->items.n;
	return vec_push(&strings->items, (struct pprof_string){text, size});
}

/* Adds a text, which the strings own from now on. */
static int add_owned(struct pprof_strings *strings, char *text, uint32_t *out_number)
{
	if (vec_push(&strings->owned, text)) {
		free(text);
		return -ENOMEM;
	}
	return add(strings, text, strlen(text), out_number);
}

/* Adds a string of the profile, unless it is there. */
static int use(struct pprof_strings *strings, uint32_t string)
{
	const struct strtab *table = &strings->profile->strings;

	if (!string || strings->numbers.items[string])
		return 0;
	return add(strings, strtab_text(table, string), strtab_size(table, string),
		   &strings->numbers.items[string]);
}

static int use_all_of(struct pprof_strings *strings, const uint32_t *items, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = use(strings, items[i]);
	return r;
}

#define USE(strings, ...)                                    \
	use_all_of(strings, (const uint32_t[]){__VA_ARGS__}, \
		   sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* --- functions ----------------------------------------------------------------------------- */

/* Returns the short name that a function gets, or NULL. The whole name must follow from the system
 * name. Otherwise it takes the place of the system name, unless that is mangled: of a function
 * without a mangled name, the system name is a part of the name. */
static char *find_short(const struct pprof_strings *strings, const char *name, const char *system,
			bool *out_is_replaced)
{
	char *shorter = strings->profile->keeps_names ? NULL : short_name(name);

	*out_is_replaced = shorter && !whole_name_follows(system, name);
	if (*out_is_replaced && (strncmp(system, "_Z", 2) == 0 || strncmp(system, "_R", 2) == 0)) {
		free(shorter);
		return NULL;
	}
	return shorter;
}

static int use_function(struct pprof_strings *strings, const struct profile_function *function)
{
	bool is_replaced;
	char *shorter =
		find_short(strings, profile_string(strings->profile, function->name),
			   profile_string(strings->profile, function->system_name), &is_replaced);
	uint32_t system_name = is_replaced && shorter ? function->name : function->system_name;
	uint32_t number = 0;
	int r = shorter ? add_owned(strings, shorter, &number) : use(strings, function->name);

	if (!r)
		r = USE(strings, system_name, function->filename);
	if (!r)
		r = vec_push(&strings->function_names,
			     shorter ? number : pprof_strings_number(strings, function->name));
	return r ? r
		 : vec_push(&strings->function_system_names,
			    pprof_strings_number(strings, system_name));
}

/* --- the rest ------------------------------------------------------------------------------ */

static int use_comments(struct pprof_strings *strings)
{
	comment_vec rest = {0};
	char *line;
	uint32_t number;
	int r = metadata_line_pack(strings->profile, &line, &rest);

	if (!r && line)
		r = add_owned(strings, line, &number);
	if (!r && line)
		r = vec_push(&strings->comments, number);
	for (size_t i = 0; !r && i < rest.n; i++) {
		r = use(strings, rest.items[i]);
		if (!r)
			r = vec_push(&strings->comments,
				     pprof_strings_number(strings, rest.items[i]));
	}
	vec_deinit(&rest);
	return r;
}

static int use_head(struct pprof_strings *strings)
{
	const struct profile *profile = strings->profile;
	int r = USE(strings, profile->period_type.type, profile->period_type.unit,
		    profile->drop_frames, profile->keep_frames, profile->default_sample_type,
		    profile->doc_url);

	for (size_t i = 0; !r && i < profile->sample_types.n; i++)
		r = USE(strings, profile->sample_types.items[i].type,
			profile->sample_types.items[i].unit);
	return r ? r : use_comments(strings);
}

static int use_parts(struct pprof_strings *strings)
{
	const struct profile *profile = strings->profile;
	int r = 0;

	for (size_t i = 0; !r && i < profile->labels.n; i++)
		r = USE(strings, profile->labels.items[i].key, profile->labels.items[i].text,
			profile->labels.items[i].unit);
	for (size_t i = 0; !r && i < profile->mappings.n; i++)
		r = USE(strings, profile->mappings.items[i].file,
			profile->mappings.items[i].build_id);
	for (size_t i = 0; !r && i < profile->functions.n; i++)
		r = use_function(strings, &profile->functions.items[i]);
	return r;
}

int pprof_strings_init(struct pprof_strings *strings, const struct profile *profile)
{
	size_t n = strtab_count(&profile->strings);
	uint32_t none;
	int r;

	*strings = (struct pprof_strings){.profile = profile};
	r = vec_reserve(&strings->numbers, n);
	if (r)
		return r;
	memset(strings->numbers.items, 0, n * sizeof(*strings->numbers.items));
	strings->numbers.n = n;
	r = add(strings, "", 0, &none);
	r = r ? r : use_head(strings);
	return r ? r : use_parts(strings);
}

void pprof_strings_deinit(struct pprof_strings *strings)
{
	vec_foreach (text, &strings->owned)
		free(*text);
	vec_deinit(&strings->owned);
	vec_deinit(&strings->items);
	vec_deinit(&strings->numbers);
	vec_deinit(&strings->function_names);
	vec_deinit(&strings->function_system_names);
	vec_deinit(&strings->comments);
}
