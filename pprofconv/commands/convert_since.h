/* SPDX-License-Identifier: MIT */
/* `convert --since` makes a profile of what happened since an older dump of the same run. */
#pragma once
#include "commands/command.h"

/* Loads and names the input and the older dump. Returns the profile of what happened between them,
 * which the caller frees, or NULL after it printed an error. */
struct profile *convert_since(const struct settings *settings, const char *input,
			      const char *older);
