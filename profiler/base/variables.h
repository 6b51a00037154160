/* SPDX-License-Identifier: MIT */
/* Environment variables whose names begin like ours and that nobody reads: typing errors. */
#pragma once
#include <stdbool.h>

/* Reports each in a line on standard error, with the nearest name that there is; of a hostile
 * environment the first few. Values are never shown. `environment` is environ, or NULL. */
void hp_variables_report_unknown(char *const *environment);

/* The same of those that are nearest to HEAPPROFILE, without which nothing is recorded. True if
 * there was one. */
bool hp_variables_report_misspelt_prefix(char *const *environment);
