/* SPDX-License-Identifier: MIT */
/* What the metadata of a dump says of what its records don't show: stacks that were cut, and memory
 * of the process that no record accounts for. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"

/* Adds a warning for each that matters to a dump of libheapprof: one of a kind in the whole run of
 * the program, however many dumps it reads. The profile must be whole. */
void notes_warn(const struct profile *profile, struct diag *diag);

/* Prints the numbers, as `info` shows them; nothing where the metadata doesn't hold them, or those
 * of several dumps. */
void notes_print(const struct profile *profile);
