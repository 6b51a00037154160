/* SPDX-License-Identifier: MIT */
/* Notes are facts from the metadata of a dump that its records don't show: stacks that were cut,
 * and memory of the process that no record accounts for. */
#pragma once
#include "base/diag.h"
#include "model/profile.h"

/* Adds a warning for each note that matters, if the profile is a dump of libheapprof. Call it after
 * the profile has been read. The program gives each kind of warning only once, even if it reads
 * many dumps. */
void notes_warn(const struct profile *profile, struct diag *diag);

/* Print numbers of the metadata for the command `info`: of the process's memory, and of samples and
 * stacks that the dump lacks. They omit a number if the metadata lack it, or have it from several
 * dumps. */
void notes_print_memory(const struct profile *profile);
void notes_print_quality(const struct profile *profile);

/* Returns how many bytes of the process's anonymous memory the dump does not account for, if that
 * is at least `bytes_min`, more than half of it and more than the sampling error, and if mappings
 * were not recorded; else 0. */
int64_t notes_unseen_bytes(const struct profile *profile, int64_t bytes_min);
