/* SPDX-License-Identifier: MIT */
/* These functions do what several commands do to a profile: load it, name its locations, save it.
 */
#pragma once
#include "base/diag.h"
#include "cli/command.h"
#include "model/profile.h"

#define PROGRAM "pprofconv"

/* Reads the profile at `path`, "-" for standard input, and prints warnings unless --quiet is set.
 * Returns the profile, which the caller frees, or NULL after it printed an error. */
struct profile *command_load(const struct settings *settings, const char *path);

/* Does the same for a dump in memory, which the caller keeps. `name` is its name in messages. */
struct profile *command_load_text(const struct settings *settings, const char *name,
				  const char *text, size_t size);

/* Notes whose core the profile was read from: that of the file's owner. */
void command_note_owner(struct profile *profile, const char *path);

/* Names the locations of a profile, unless --no-symbols is set. Unless --quiet is set, reports on
 * standard error how many locations got names, and why others did not. The files with the names
 * stay open for the next profile. `n_profiles` is the number of profiles that the whole run names;
 * if it is more than two, command_symbolize_end() reports the locations of all profiles together.
 * That function also reports each --binary that was not used. command_symbolize() prints an error
 * if it fails, and returns the exit status. */
int command_symbolize(const struct settings *settings, size_t n_profiles, struct profile *profile);
void command_symbolize_end(void);

struct writer;
struct output;
struct writer_moment;

/* Prints an error if the writer can't express the profile; returns the exit status. `input` is the
 * name of the profile. */
int command_can_write(const struct profile *profile, const char *input,
		      const struct writer *writer);

/* Writes the profile to `path`, or to standard output if `path` is "-". Prints an error if it
 * fails; returns the exit status. */
int command_save(const struct settings *settings, struct profile *profile,
		 const struct writer *writer, const char *path);

/* Does the same with the last profile of a series, for a writer that has write_series(). */
int command_save_series(const struct settings *settings, struct profile *profile,
			const struct writer_moment *moments, size_t n, const struct writer *writer,
			const char *path);

/* Prints on standard output what `write` writes of `what`; `write` returns 0 or -ENOMEM. Prints an
 * error if it fails; returns the exit status. */
int command_print(int (*write)(const void *what, struct output *output), const void *what);

/* Returns the index of the sample type to use: the one that --sample-type names, otherwise the
 * profile's default, otherwise the last. If the profile lacks the type that --sample-type names,
 * prints an error and returns -1. Without --sample-type, returns 0 for a profile without sample
 * types. */
int command_sample_type(const struct settings *settings, const struct profile *profile);
