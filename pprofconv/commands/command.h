/* SPDX-License-Identifier: MIT */
/* These functions do what several commands do to a profile: load it, name its locations, save it.
 */
#pragma once
#include "base/diag.h"
#include "cli/command.h"
#include "model/profile.h"

#define PROGRAM "pprofconv"

/* Reads the profile at `path`, "-" for standard input, and prints warnings. Returns the profile,
 * which the caller frees, or NULL after it printed an error. */
struct profile *command_load(const struct settings *settings, const char *path);

/* Names the profile's locations unless --no-symbols is set, and reports on standard error how many
 * got names and why others did not. Prints the error; returns the exit status. The files with the
 * names stay open for the next profile. `n_profiles` is how many the whole run names: if they are
 * more than two, command_symbolize_end() reports their locations together. It also reports each
 * --binary that was not used. */
int command_symbolize(const struct settings *settings, size_t n_profiles, struct profile *profile);
void command_symbolize_end(void);

struct writer;

/* Writes the profile to `path`, "-" for standard output. Prints the error; returns the exit
 * status. */
int command_save(const struct settings *settings, const struct profile *profile,
		 const struct writer *writer, const char *path);

/* Returns the index of the sample type to use: that of --sample-type, else the profile's default,
 * else the last. Prints an error and returns -1 if the profile lacks the type asked for. */
int command_sample_type(const struct settings *settings, const struct profile *profile);
