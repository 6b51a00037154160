/* SPDX-License-Identifier: MIT */
/* Top names are the stacks of a process as functions. If a sample belongs to a pool, its innermost
 * function is one of its own, with the name of the pool: remember [TopMemoryContext]. The stacks of
 * a reading are named when they are first seen, and a later reading that has them again costs no
 * look-up of names. Each stack is kept twice: with all functions, and without the hidden ones. */
#pragma once
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/index.h"
#include "base/number_map.h"
#include "base/strtab.h"
#include "cli/command.h"
#include "model/profile.h"

struct top_function {
	uint32_t name, file; /* strings; the file is "" if it is not known */
};

struct top_chain { /* functions, the leaf first; equal chains are stored once */
	uint32_t first, n;
};

struct top_chains {
	VEC(struct top_chain) items;
	VEC(uint32_t) functions; /* of all chains */
	struct index index;
};

struct top_named { /* a stack of the process, in a pool or not: its chain with and without hidden
		      functions */
	uint32_t all, visible;
};

struct top_names {
	const struct settings *settings; /* where to look for names */
	const regex_t *hide;             /* hides functions, files and libraries; NULL: none */
	struct strtab strings;
	VEC(struct top_function) functions;
	struct index function_index;
	struct top_chains chains;
	VEC(struct top_named) stacks;
	struct number_map known; /* from the key of a stack to its number in `stacks` */
	size_t n_named;          /* stacks whose names were looked up, for tests */
};

typedef VEC(uint32_t) top_stack_vec;

/* Begins without stacks. The settings and the expression must outlive the names. */
void top_names_init(struct top_names *names, const struct settings *settings, const regex_t *hide);
void top_names_deinit(struct top_names *names);

/* Sets out->items[i] to the number of the stack of the profile's sample i in names->stacks, and
 * looks up the names of stacks that are new. Prints the error; returns the exit status. */
int top_names_find(struct top_names *names, const struct profile *profile, top_stack_vec *out);

/* Returns the functions of a chain, the leaf first; *out_n may be 0. */
static inline const uint32_t *top_chain_functions(const struct top_names *names, uint32_t chain,
						  size_t *out_n)
{
	*out_n = names->chains.items.items[chain].n;
	return vec_from(&names->chains.functions, names->chains.items.items[chain].first);
}

static inline const char *top_function_name(const struct top_names *names, uint32_t function)
{
	return strtab_text(&names->strings, names->functions.items[function].name);
}

static inline const char *top_function_file(const struct top_names *names, uint32_t function)
{
	return strtab_text(&names->strings, names->functions.items[function].file);
}
