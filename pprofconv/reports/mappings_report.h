/* SPDX-License-Identifier: MIT */
/* The report of mapped memory: a row for each kind of memory, and under it one for each object. */
#pragma once
#include "base/display.h"
#include "base/output.h"
#include "inspect/mapped_memory.h"

struct mappings_report {
	const char *name; /* of the process or core */
	const struct mapped_memory *memory;
	const struct mapped_memory *first; /* an earlier look, from which growth counts; or NULL */
	const struct repeated_text *texts; /* strings from its memory, for text only */
	size_t n_texts;
	size_t n_lines; /* rows of objects of a kind, and strings; 0: all */
	struct display display;
};

/* Write it as text, or as JSON in one line. Return 0 or -ENOMEM; other failures are kept in the
 * output. */
int mappings_report_text(const struct mappings_report *report, struct output *output);
int mappings_report_json(const struct mappings_report *report, struct output *output);
