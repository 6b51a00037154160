/* SPDX-License-Identifier: MIT */
#include "base/std_names.h"

#include <regex.h>
#include <stddef.h>

bool std_names_has(const char *name)
{
	static regex_t regex;
	static bool is_ready;

	if (!is_ready && regcomp(&regex, STD_NAMES, REG_EXTENDED | REG_NOSUB))
		return false;
	is_ready = true;
	return regexec(&regex, name, 0, NULL, 0) == 0;
}
