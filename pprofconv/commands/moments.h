/* SPDX-License-Identifier: MIT */
/* A moment is the time at which a process's memory in use is looked at, such as its peak.
 * moments_find() groups the inputs by process, and chooses for each process the dump that shows
 * this moment. */
#pragma once
#include "analysis/moment.h"
#include "base/vec.h"
#include "commands/command.h"

struct moments_choice { /* for one process: indices into settings.inputs */
	int inuse;      /* the dump that gives the values in use */
	int allocated;  /* the last dump, which counts everything that was ever allocated */
};

typedef VEC(struct moments_choice) moments_vec;

/* Reads all inputs, one after another, and appends a choice for each process. An input whose
 * metadata name no run, or several runs, counts as a process of its own, with a warning. An input
 * that can't be read or is the same dump as another is an error; if `n_left_out` is not NULL, it is
 * left out and counted there instead. Prints an error if it fails; returns the exit status. */
int moments_find(const struct settings *settings, enum moment moment, int *n_left_out,
		 moments_vec *out);
