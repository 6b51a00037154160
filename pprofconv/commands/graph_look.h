/* SPDX-License-Identifier: MIT */
/* A look at the graph of a process or a core is its heap record and its dump, of one moment. The
 * process is stopped for it by a child, which ends if the memory does not answer. */
#pragma once
#include "commands/command.h"
#include "commands/target_work.h"
#include "inspect/heap_record.h"

struct graph_look {
	struct heap_record record;
	struct profile *profile; /* of the dump */
	char *bytes;             /* the record is in them */
};

struct graph_limits {
	uint64_t stop_max_ms;
	uint64_t memory_max; /* bytes */
};

/* Reads what `work` says, whose other members this sets. `name` is that of the process or core in
 * messages. Prints an error if it fails; returns the exit status. Call graph_look_deinit() on
 * failure too. */
int graph_look_init(struct graph_look *look, struct target_work *work,
		    const struct settings *settings, const struct graph_limits *limits,
		    const char *name);
void graph_look_deinit(struct graph_look *look);
