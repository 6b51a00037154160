/* SPDX-License-Identifier: MIT */
/* A whole name is the name of a function with all of its arguments. Files that we write have short
 * names (see base/short_name.h), and system names from which the whole ones follow. Profiles in
 * memory have whole names, so that functions with different arguments stay apart. */
#pragma once
#include <stdbool.h>

#include "model/profile.h"

/* Returns whether `name` is the whole name of the function with that system name, and follows from
 * it. A system name is mangled, or is the whole name. */
bool whole_name_follows(const char *system_name, const char *name);

/* Gives the functions of a profile that was read their whole names, where the names are short ones
 * that we made of them. Returns 0 or -ENOMEM. */
int whole_name_restore(struct profile *profile);
