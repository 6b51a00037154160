/* SPDX-License-Identifier: MIT */
/* The report of a heap graph: what is lost, what roots retain, and what holds the blocks that each
 * function has allocated. It has no contents of the memory and no addresses. */
#pragma once
#include "base/display.h"
#include "base/output.h"
#include "inspect/graph_sums.h"
#include "inspect/stack_labels.h"

struct graph_report {
	const char *name; /* of the process or core */
	const struct heap_record *record;
	const struct graph_sums *sums;
	const struct holders *holders; /* NULL: without a graph */
	const struct stack_labels *labels;
	const char *const *groups; /* names */
	bool is_of_core;
	size_t n_lines; /* rows of each table; 0: all */
	struct display display;
};

/* Nodes look the same in paths if their kinds are equal: the function that allocated a recorded
 * block, or the size of a chunk that is not recorded. */
uint32_t graph_report_kind(const struct heap_node *node, const struct stack_labels *labels);

/* Prints a path, as "g_sessions -> [grow_sessions] -> .. -> *": two dots for steps that repeat, and
 * the block itself last; or "lost" if there is none. */
void graph_report_path(const struct graph_report *report, uint32_t path, char *out_text,
		       size_t size);

/* Writes it as text. Returns 0 or -ENOMEM; other failures are kept in the output. */
int graph_report_text(const struct graph_report *report, struct output *output);

/* Writes it as JSON in one line. Failures are kept in the output. */
void graph_report_json(const struct graph_report *report, struct output *output);
