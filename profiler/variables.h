/* SPDX-License-Identifier: MIT */
/* Environment variables whose names begin like ours and that nobody reads: typing errors. */
#pragma once

/* Reports each in a line on standard error, with the nearest name that there is; of a hostile
 * environment the first few. Values are never shown. `environment` is environ, or NULL. */
void hp_variables_report_unknown(char *const *environment);
