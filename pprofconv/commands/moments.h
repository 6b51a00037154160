/* SPDX-License-Identifier: MIT */
/* A moment is the time at which a process's memory in use is taken, such as its peak.
 * moments_find() sorts the inputs by process, and chooses the dump of each that shows it at that
 * moment. */
#pragma once
#include "analysis/moment.h"
#include "base/vec.h"
#include "commands/command.h"

struct moments_choice { /* for one process; indices into the settings' inputs */
	int inuse;      /* the dump whose values in use are taken */
	int allocated;  /* the last dump, which has all that was ever allocated */
};

typedef VEC(struct moments_choice) moments_vec;

/* Reads all inputs, one after another, and appends a choice for each process. An input that names
 * no run, or several, counts as a process of its own, with a warning. Prints the error; returns the
 * exit status. */
int moments_find(const struct settings *settings, enum moment moment, moments_vec *out);
