/* SPDX-License-Identifier: MIT */
/* A profile without a sample is no error, but its report is empty. One line says how much the
 * program had allocated, why nothing was sampled, and what to set. */
#pragma once
#include "commands/compare.h"
#include "commands/inputs.h"

#define EMPTY_TEXT_MAX 512

struct empty_text {
	char text[EMPTY_TEXT_MAX]; /* begins with "no sample" */
};

/* That line, without its end, of a profile that has no sample. With a confidence such as 0.95 it
 * also says up to which size growth may have gone unseen; 0 leaves that out. */
struct empty_text empty_describe(const struct profile *profile, double confidence);

/* How many of the inputs have no sample; describes the last of them, if there is any. */
size_t empty_count(const struct inputs *inputs, double confidence, struct empty_text *out);

/* Prints "NAME: " and the line on standard error if the profile has no sample, unless --quiet is
 * set. */
void empty_warn(const struct settings *settings, const struct profile *profile, const char *name);

/* Makes the line a comment of the profile, "note: no sample...", for those who read it by other
 * programs. Takes out such comments of its inputs, also where it has samples. Prints the error;
 * returns the exit status. */
int empty_set_note(struct profile *profile);
