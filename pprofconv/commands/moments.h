/* SPDX-License-Identifier: MIT */
/* Finds the processes whose dumps the inputs are, and the dump of each that speaks for it. */
#pragma once
#include "analysis/moment.h"
#include "base/vec.h"
#include "commands/command.h"

/* Of one process: numbers of the settings' inputs. */
struct moments_choice {
	int inuse;     /* whose values in use are taken */
	int allocated; /* the last: all that was ever allocated */
};

typedef VEC(struct moments_choice) moments_vec;

/* Reads all inputs, one after another, and appends a choice for each process. An input that tells
 * no run, or several, is a process of its own, and warned of. Prints the error; returns the exit
 * status. */
int moments_find(const struct settings *settings, enum moment moment, moments_vec *out);
