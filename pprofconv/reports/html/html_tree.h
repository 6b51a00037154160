/* SPDX-License-Identifier: MIT */
/* The tree of a page holds the stacks of all dumps. Its root is node 0; the children of the root
 * are outermost frames. A record has the values of one node, label set and size class in each dump.
 * Records are finer than nodes because the error of an estimate depends on the sizes of blocks. */
#pragma once
#include <stdint.h>

#include "base/index.h"
#include "base/vec.h"

struct html_node {
	uint32_t parent; /* less than the node's own number, except for the root */
	uint32_t frame;
};

struct html_record {
	uint32_t node;
	uint32_t labels;  /* label set; 0 is the empty one */
	int32_t class;    /* of the sizes of its blocks, which are similar */
	int64_t interval; /* its own sample interval, or 0: that of the dump */
};

struct html_tree {
	VEC(struct html_node) nodes;
	VEC(struct html_record) records;
	size_t n_numbers;    /* of each record: as many for each dump */
	VEC(int64_t) values; /* the numbers of all records */
	VEC(uint32_t) order; /* the records by node, after html_tree_sort() */

	/* Private: the indexes of nodes and records. */
	struct index node_index, record_index;
};

/* Makes a tree with its root, and no record. Returns 0 or -ENOMEM. Call html_tree_deinit() on
 * failure too. */
int html_tree_init(struct html_tree *tree, size_t n_numbers);
void html_tree_deinit(struct html_tree *tree);

/* Returns the numbers of a record. */
static inline int64_t *html_tree_values(const struct html_tree *tree, size_t record)
{
	return vec_from(&tree->values, record * tree->n_numbers);
}

/* Returns the number of the child of `parent` with this frame, and adds it if it is new. Returns
 * UINT32_MAX if memory is out. */
uint32_t html_tree_child(struct html_tree *tree, uint32_t parent, uint32_t frame);

/* Sets *out to the number of the record with this key, and adds it, with numbers of 0, if it is
 * new. Returns 0 or -ENOMEM. */
int html_tree_record(struct html_tree *tree, const struct html_record *key, uint32_t *out);

/* Sets the order of the records. Returns 0 or -ENOMEM. */
int html_tree_sort(struct html_tree *tree);
