/* SPDX-License-Identifier: MIT */
/* An empty profile has no sample. It is not an error, but its report shows nothing. One line says
 * how much the program had allocated, why nothing was sampled, and what to set. */
#pragma once
#include "commands/compare.h"
#include "commands/inputs.h"

#define EMPTY_TEXT_MAX 512

struct empty_text {
	char text[EMPTY_TEXT_MAX]; /* begins with "no sample" */
};

/* Returns that line, without its end, for a profile without a sample. With a confidence such as
 * 0.95 it also says up to which size growth may have been missed; 0 leaves that out. */
struct empty_text empty_describe(const struct profile *profile, double confidence);

/* Returns how many of the inputs have no sample; sets *out to the line of the last of them. */
size_t empty_count(const struct inputs *inputs, double confidence, struct empty_text *out);

/* Prints "NAME: " and the line on standard error if the profile has no sample, unless --quiet is
 * set. */
void empty_warn(const struct settings *settings, const struct profile *profile, const char *name);

/* Adds the line to the profile as a comment, "note: no sample...", which other programs show.
 * Removes such comments that came from its inputs, also if it has samples. Prints the error;
 * returns the exit status. */
int empty_set_note(struct profile *profile);
