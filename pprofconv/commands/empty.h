/* SPDX-License-Identifier: MIT */
/* An empty profile has no samples. That is not an error, but its report shows nothing. So a line of
 * text explains how much the program had allocated, why nothing was sampled, and what to set. */
#pragma once
#include "commands/compare.h"
#include "commands/inputs.h"

#define EMPTY_TEXT_MAX 512

struct empty_text {
	char text[EMPTY_TEXT_MAX]; /* begins with "no sample" */
};

/* Returns the line, without a newline, for a profile without samples. With a `confidence` such as
 * 0.95, the line also says below which size growth may have been missed. With 0 it does not. */
struct empty_text empty_describe(const struct profile *profile, double confidence);

/* Returns how many inputs have no samples. If there are any, sets *out to the line for the last of
 * them. */
size_t empty_count(const struct inputs *inputs, double confidence, struct empty_text *out);

/* If the profile has no samples, prints "NAME: " and the line on standard error, unless --quiet is
 * set. */
void empty_warn(const struct settings *settings, const struct profile *profile, const char *name);

/* If the profile has no samples, adds the line to it as a comment, "note: no sample...", which
 * other programs show. Always removes such comments that came from inputs. Prints an error if it
 * fails; returns the exit status. */
int empty_set_note(struct profile *profile);
