/* SPDX-License-Identifier: MIT */
#include "symbolize/whole_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/short_name.h"
#include "symbolize/demangle.h"

/* Returns the whole name that a system name says, or NULL if memory is out. The caller frees it. */
static char *name_of(const char *system_name)
{
	char *name = demangle(system_name, DEMANGLE_SHORT);

	return name ? name : strdup(system_name);
}

bool whole_name_follows(const char *system_name, const char *name)
{
	_cleanup_(freep) void *whole = name_of(system_name);

	return whole && strcmp(whole, name) == 0;
}

static int restore(struct profile *profile, struct profile_function *function)
{
	const char *name = profile_string(profile, function->name);
	_cleanup_(freep) void *whole = NULL, *shorter = NULL;

	if (!strstr(name, "..."))
		return 0;
	whole = name_of(profile_string(profile, function->system_name));
	if (!whole)
		return -ENOMEM;
	shorter = short_name(whole);
	if (shorter && strcmp(shorter, name) == 0)
		function->name = profile_intern(profile, whole);
	return profile_status(profile);
}

int whole_name_restore(struct profile *profile)
{
	int r = 0;

	for (size_t i = 0; !r && i < profile->functions.n; i++)
		r = restore(profile, &profile->functions.items[i]);
	return r;
}
