/* SPDX-License-Identifier: MIT */
/* The roots of a heap record in groups with names: those of a variable, of a thread, of the data of
 * a library without names, or of memory that the program has mapped itself. */
#pragma once
#include "base/strtab.h"
#include "commands/graph_look.h"
#include "inspect/holders.h"

struct root_names {
	struct root_groups groups;
	struct strtab names; /* of the groups: group 0 has name 1, and so on */
};

/* Prints an error if it fails; returns the exit status. Call root_names_deinit() on failure too. */
int root_names_init(struct root_names *names, const struct settings *settings,
		    const struct graph_look *look);
void root_names_deinit(struct root_names *names);

/* Returns the name of a group, which is valid as long as the names are. */
const char *root_names_of(const struct root_names *names, uint32_t group);
