/* SPDX-License-Identifier: MIT */
/* Small stacks are those whose values are so small a share of every total that a picture can't show
 * them. A page has room for a limited number of nodes and records; small ones are merged. */
#pragma once
#include "reports/html/html_model.h"

/* If the model has more than `nodes_max` nodes, finds the smallest threshold that leaves fewer.
 * Below each node that stays, the children whose share of each total is below the threshold become
 * one node, whose frame is marked as small. What they hold by function is kept in the model's
 * rests, so that sums by function stay exact. If there are more than `records_max` records then,
 * their size classes become octaves. Returns 0, -ENOMEM, or -EOVERFLOW. */
int html_small_merge(struct html_model *model, size_t nodes_max, size_t records_max);
