/* SPDX-License-Identifier: MIT */
/* A label says of an input what its dump does not: the service, its version, the host. It is
 * written KEY=VALUE, and becomes metadata of the profile, the comment "KEY: VALUE". */
#pragma once
#include <stddef.h>

#include "cli/command.h"
#include "model/profile.h"

#define LABEL_KEY_MAX   63 /* bytes */
#define LABEL_VALUE_MAX 1024

/* Checks that the `size` bytes at `text` are KEY=VALUE: the key is of lower-case letters, digits
 * and
 * '_', and the value has no control characters. Returns NULL, or what is wrong. A NUL or a tab
 * follows the text. */
const char *label_fault(const char *text, size_t size);

/* Checks all arguments of --label. Prints an error if one has a fault; returns the exit status. */
int labels_check(const struct texts *texts);

/* Adds the labels `texts` and those in `more`, which are separated by tabs, to the metadata of a
 * profile; `more` may be NULL. They must have no fault. Prints an error if the dump itself has a
 * key of them, or two of them have one key; returns the exit status. `input` names the profile. */
int labels_add(struct profile *profile, const char *input, const struct texts *texts,
	       const char *more);

/* Same as labels_add(), with all labels that the settings have for the input of that number. */
int labels_add_to_input(struct profile *profile, const struct settings *settings, int input);

/* The row of the option that adds labels to all inputs. */
#define OPTION_ROW_LABEL                                                                        \
	{                                                                                       \
		"label", 0, OPTION_TEXTS, offsetof(struct settings, labels), "KEY=VALUE",       \
			"Adds this to the metadata of each input, such as service=api. May be " \
			"given several times."                                                  \
	}
