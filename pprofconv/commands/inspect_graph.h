/* SPDX-License-Identifier: MIT */
/* `inspect --graph` of a process or a core. */
#pragma once
#include "commands/graph_look.h"
#include "commands/inspect.h"

/* Reads the graph and prints its report on standard output. `path` is that of a core; NULL: `work`
 * is of a process. Prints an error if it fails; returns the exit status. */
int inspect_graph(const struct inspect_settings *settings, struct target_work *work,
		  const char *name, const char *path);
