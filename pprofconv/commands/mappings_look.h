/* SPDX-License-Identifier: MIT */
/* A look at mappings is the mapped memory of a process or a core at one moment, read by a child
 * that ends if the memory does not answer. */
#pragma once
#include "commands/target_work.h"
#include "inspect/mapped_memory.h"

enum {
	MAPPINGS_TEXTS_MAX = 100,
};

struct mappings_look {
	struct mapped_memory memory;
	struct repeated_text *texts; /* the strings that repeat most */
	size_t n_texts;
};

/* Reads what `work` says, whose other members this sets. Returns 0, or a failure whose message is
 * in `diag`. Call mappings_look_deinit() on failure too. */
int mappings_look_init(struct mappings_look *look, struct target_work *work, bool with_texts,
		       struct diag *diag);
void mappings_look_deinit(struct mappings_look *look);
