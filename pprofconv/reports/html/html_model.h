/* SPDX-License-Identifier: MIT */
/* The model of a page holds one or more profiles, called dumps, from which the page's script
 * computes what it shows. */
#pragma once
#include <regex.h>

#include "base/strtab.h"
#include "model/profile.h"
#include "reports/html/html_tree.h"

struct html_function {
	uint32_t name, file; /* strings; the file is "" if unknown */
};

struct html_frame {
	uint32_t function;
	uint32_t line;    /* 0: unknown */
	uint32_t library; /* string: the last part of the path of the program or library */
	bool is_inlined;  /* into the frame that called it */
	bool is_small;    /* stands for stacks that were merged; the other fields are 0 */
};

struct html_label {
	uint32_t key, value; /* strings */
};

struct html_label_set {
	uint32_t first, n;
};

struct html_type {
	const char *type, *unit; /* strings of the first dump */
	int bytes, objects; /* the types with the bytes and the number of the same blocks, or -1 */
	bool is_bytes;
};

#define HTML_FUNCTION_SMALL UINT32_MAX /* in a rest: all small functions together */

/* What merged stacks hold, by function: what is missing if only the nodes are counted. */
struct html_rest {
	VEC(uint32_t) functions;
	VEC(int64_t) values; /* of each function: as many as a record of the tree has */
};

struct html_model {
	const struct profile *const *dumps;
	size_t n_dumps;
	struct strtab strings;
	VEC(struct html_type) types; /* those that all dumps have */
	VEC(struct html_function) functions;
	VEC(struct html_frame) frames;
	struct html_tree tree;
	VEC(struct html_label) labels;
	VEC(struct html_label_set) label_sets;

	/* What html_small_merge() did. */
	double threshold;          /* share of every total; 0: nothing was merged */
	size_t n_merged;           /* stacks */
	VEC(uint32_t) n_merged_to; /* for each node of the tree: stacks that were merged into it */
	size_t n_small_functions;  /* which only the rests count, together */
	double function_threshold; /* of every total they hold a smaller share each */
	struct html_rest rest_flat, rest_cumulative;

	/* Private: the indexes of functions, frames and label sets. */
	struct index function_index, frame_index, label_index;
};

struct html_rules {
	const regex_t *hide;           /* see struct frames_view; may be NULL */
	const struct strtab *fileless; /* the same */
	/* Functions whose files were in another folder in the dump before are the same functions,
	 * as in a diff. */
	bool matches_moved_files;
};

/* Makes the model of `n` dumps, which are in order of time and must outlive it. Returns 0, -ENOMEM,
 * or -EOVERFLOW if values add up to more than 64 bits hold. Call html_model_deinit() on failure
 * too. */
int html_model_init(struct html_model *model, const struct profile *const *dumps, size_t n,
		    const struct html_rules *rules);
void html_model_deinit(struct html_model *model);

/* Returns how many numbers a record has in each dump: the mean size of its blocks by the sample's
 * label, or 0; then a value of each type. */
static inline size_t html_model_n_columns(const struct html_model *model)
{
	return 1 + model->types.n;
}
