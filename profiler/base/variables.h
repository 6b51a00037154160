/* SPDX-License-Identifier: MIT */
/* An unknown variable is an environment variable whose name begins like ours and that nobody reads:
 * a typing error. */
#pragma once
#include <stdbool.h>

/* Reports each unknown variable in a line on standard error, with the nearest name that exists. Of
 * a hostile environment it reports the first few. Values are never shown. `environment` is environ,
 * or NULL. */
void hp_variables_report_unknown(char *const *environment);

/* Same, but only for names that are nearest to HEAPPROFILE, without which nothing is recorded.
 * Returns true if there was one. */
bool hp_variables_report_misspelt_prefix(char *const *environment);
