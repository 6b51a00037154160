/* SPDX-License-Identifier: MIT */
/* As root, the names for the profile of another user's process or core are looked up in a child
 * process with that user's rights, since it parses files that the user may have written. The child
 * sends the names to us. A file that the user can't read gives no names. */
#pragma once
#include "symbolize/symbolize.h"
#include "target/apart.h"

/* Sets *out to the user with whose rights the names are to be looked up. */
void names_apart_user(const struct profile *profile, struct hp_apart_user *out);

/* Does what symbolize_profile() does, in a child. Returns also 1, and sets `why`, if the child has
 * failed. */
int names_apart(struct profile *profile, const struct symbolize_options *options,
		const struct hp_apart_user *user, struct symbolize_summary *summary, char *why,
		size_t why_size);
