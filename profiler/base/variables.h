/* SPDX-License-Identifier: MIT */
/* An unknown variable is an environment variable whose name begins like ours, but which nothing
 * reads: probably a typo. */
#pragma once
#include <stdbool.h>

/* Reports each unknown variable in a line on standard error, with the nearest name that exists, but
 * no more than the first few, in case the environment is hostile. Values are never shown.
 * `environment` is environ, or NULL. */
void hp_variables_report_unknown(char *const *environment);

/* Same as hp_variables_report_unknown(), but only for names that are nearest to HEAPPROFILE, the
 * variable without which nothing is recorded. Returns true if a name was reported. */
bool hp_variables_report_misspelt_prefix(char *const *environment);
