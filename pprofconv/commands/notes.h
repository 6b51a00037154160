/* SPDX-License-Identifier: MIT */
/* Notes are facts from the metadata of a dump that its records don't show: stacks that were cut,
 * and memory of the process that no record accounts for. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"

/* Adds a warning for each note that matters, if the profile is a dump of libheapprof. The program
 * gives one of a kind, however many dumps it reads. The profile must be complete. */
void notes_warn(const struct profile *profile, struct diag *diag);

/* Prints the numbers for `info`. Omits those that the metadata lacks, or has from several dumps. */
void notes_print(const struct profile *profile);
