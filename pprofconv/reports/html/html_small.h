/* SPDX-License-Identifier: MIT */
/* Small stacks are those whose values are so small a share of every total that a picture can't show
 * them. A page has room for a limited number of nodes and records; small ones are merged. */
#pragma once
#include "reports/html/html_model.h"

struct html_limits {
	size_t nodes;     /* of the tree that are not small */
	size_t functions; /* that these nodes have; as many more are counted by themselves */
	size_t records;
};

/* If the model has more nodes or records than the limits, finds the smallest threshold that leaves
 * as few nodes, and as few functions in them. Below each node that stays, the children whose share
 * of each total is below the threshold become one node, whose frame is marked as small. What they
 * hold by function is kept in the model's rests, so that sums by function stay exact; small
 * functions are counted together there. If there are too many records then, their size classes
 * become octaves. Returns 0, -ENOMEM, or -EOVERFLOW. */
int html_small_merge(struct html_model *model, const struct html_limits *limits);
