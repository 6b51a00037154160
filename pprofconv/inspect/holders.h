/* SPDX-License-Identifier: MIT */
/* Holders say for each node of a heap record whether it is lost, which root alone holds it, and on
 * which path. Roots are groups of words: the words of a variable, or of a thread, are one. */
#pragma once
#include "base/index.h"
#include "inspect/heap_record.h"
#include "inspect/lost_states.h"

/* The groups of a record's roots, which the caller names. */
struct root_groups {
	uint32_t *of_root; /* for each root of the record, the number of its group */
	uint32_t n;
};

/* A path is a list of steps: the group of roots in which it begins, then kinds of nodes. It ends
 * before the node that it leads to. A step that repeats is there once. Paths are stored as a tree,
 * in which each one is its last step, after a shorter path. */
struct holder_path {
	uint32_t before; /* number of the shorter path; HEAP_RECORD_NONE: the step is a group */
	uint32_t step; /* a group; or a kind of nodes, as the caller of holders_init() numbers them
			*/
	uint16_t length; /* steps */
	bool is_repeated;
};

enum {
	HOLDER_STEPS_MAX = 6, /* later ones are left out */
};

struct holders {
	uint8_t *states; /* of nodes: enum lost_state */
	uint32_t
		*group; /* that alone holds the node; HEAP_RECORD_NONE: several do, or it is lost */
	uint32_t *path; /* number, or HEAP_RECORD_NONE: it is lost */
	VEC(struct holder_path) paths;
	struct index index; /* of paths */
};

/* Finds the holders. `kinds` has a number for each node: nodes of one kind look the same in paths.
 * Returns 0 or -ENOMEM. Call holders_deinit() on failure, too. */
int holders_init(struct holders *holders, const struct heap_record *record,
		 const struct root_groups *groups, const uint32_t *kinds);
void holders_deinit(struct holders *holders);

/* Returns the group of roots in which the path to a reachable node begins. */
uint32_t holders_first(const struct holders *holders, uint32_t node);
