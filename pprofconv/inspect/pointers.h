/* SPDX-License-Identifier: MIT */
/* Pointers are the words of a target's memory and registers that lead into nodes. A word within a
 * node is an edge of the graph; a word elsewhere is a root: in the data of a program or a library,
 * in the live part of a thread's stack, in a register, or in memory that the program has mapped
 * itself. Freed memory, the dead part of a stack and the profiler's own memory don't count. */
#pragma once
#include "inspect/nodes.h"

struct pointer_root {
	uint64_t source; /* an address; or the number of a thread, for one of its registers */
	uint32_t target; /* node */
};

#define POINTER_RED_ZONE      128 /* bytes below the stack pointer, of x86-64's calling convention */
#define POINTER_REGISTERS_MAX UINT64_C(0x10000) /* nothing is mapped below */

struct pointers {
	VEC(uint32_t) edges;  /* targets, by their sources */
	uint32_t *first_edge; /* for each node, and one more: the number of its first edge */
	VEC(struct pointer_root) roots;
	uint64_t n_bytes;    /* that were read */
	size_t n_unreadable; /* pieces of memory that could not be read */
};

/* Reads all memory of the target, which must not change meanwhile, except the profiler's own, which
 * `blocks` lists; NULL if nothing is recorded. Returns 0 or HP_TARGET_E. Call pointers_deinit() on
 * failure, too. */
int pointers_init(struct pointers *pointers, struct hp_target *target, const struct nodes *nodes,
		  const struct chunks *chunks, const struct hp_target_threads *threads,
		  const struct hp_snapshot_blocks *blocks, struct inspect_limits *limits);
void pointers_deinit(struct pointers *pointers);
