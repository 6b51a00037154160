/* SPDX-License-Identifier: MIT */
/* Labels of stacks for a row of a report: the innermost function that is not of the standard
 * library, and its caller, as "make_session < grow_sessions". */
#pragma once
#include "base/strtab.h"
#include "inspect/heap_record.h"
#include "model/profile.h"

struct stack_labels {
	struct strtab texts;
	uint32_t *label, *function; /* of each stack of the record: strings in `texts` */
	uint32_t *stack;            /* the same stack in the profile */
};

/* Makes the labels. The names are those of the profile, to which the stacks are added. Returns 0,
 * -ENOMEM or -EOVERFLOW. Call stack_labels_deinit() on failure, too. */
int stack_labels_init(struct stack_labels *labels, struct profile *profile,
		      const struct heap_record *record);
void stack_labels_deinit(struct stack_labels *labels);
