/* SPDX-License-Identifier: MIT */
/* Sums over the recorded blocks of a heap record, with their errors: what is lost, what each root
 * alone retains, and what holds the blocks of each label. */
#pragma once
#include "analysis/estimate.h"
#include "inspect/holders.h"

struct graph_sum {
	uint32_t key; /* the label, or the group of roots */
	struct estimate bytes, objects;
};

/* What a group of roots holds. */
struct graph_held {
	uint32_t group;
	struct graph_sum alone; /* would be lost without it */
	struct graph_sum first; /* what others hold, too, but on no shorter path */
};

/* What of a label's blocks is held on one path; HEAP_RECORD_NONE: is lost. */
struct graph_share {
	uint32_t label, path;
	double bytes;
};

typedef VEC(struct graph_sum) graph_sum_vec;

struct graph_sums {
	struct sampling sampling; /* of bytes */
	struct graph_sum all, lost;
	uint64_t n_blocks; /* recorded */
	/* The largest first. */
	graph_sum_vec lost_by_label, by_label;
	VEC(struct graph_held) by_group; /* by both of its sums */
	VEC(struct graph_share) shares;  /* by label in the order of `by_label` */
};

/* Adds up. `labels` has one for each stack, below `n_labels`. Without a graph, `holders` is NULL
 * and all that is known is what was allocated where. Returns 0 or -ENOMEM. Call
 * graph_sums_deinit() on failure, too. */
int graph_sums_init(struct graph_sums *sums, const struct heap_record *record,
		    const struct holders *holders, uint32_t n_groups, const uint32_t *labels,
		    size_t n_labels);
void graph_sums_deinit(struct graph_sums *sums);

/* Returns how far the truth may be from a sum's bytes, with a confidence of 95 %. */
double graph_sums_error(const struct graph_sums *sums, const struct graph_sum *sum);
