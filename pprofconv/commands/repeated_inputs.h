/* SPDX-License-Identifier: MIT */
/* Repeated inputs are inputs of a sum, or of one side of a comparison, that count something twice:
 * the same dump, which is refused, and several dumps of one run, of which a warning is printed. */
#pragma once
#include "analysis/seen_dumps.h"
#include "commands/command.h"

struct repeated_inputs { /* all zeroes: none yet */
	struct seen_dumps seen;
	size_t n_of_runs;      /* inputs whose run another input has */
	const char *of_run[2]; /* the first of them, and that other input */
};

/* Compares an input with those before it. Prints an error and returns EXIT_BAD if it is the same
 * dump, or if memory is out. `input`, its name, must outlive `repeated`. Call
 * repeated_inputs_deinit() on failure too. */
int repeated_inputs_check(struct repeated_inputs *repeated, const struct profile *profile,
			  const char *input);

/* Prints a warning if there are several dumps of one run, unless --quiet is set. `advice` ends it:
 * what is wrong with them, and what to do. */
void repeated_inputs_warn(const struct repeated_inputs *repeated, const struct settings *settings,
			  const char *advice);

void repeated_inputs_deinit(struct repeated_inputs *repeated);
