/* SPDX-License-Identifier: MIT */
/* What the commands `inspect` of both programs share: their settings, and the printing of what they
 * have found. */
#pragma once
#include "commands/command.h"
#include "commands/mappings_look.h"

struct inspect_settings {
	struct settings common;
	bool mappings;
	bool graph;
	uint64_t memory_max; /* bytes that the graph may take */
	const char *max_stop;
	uint64_t max_stop_ms; /* what max_stop says */
	bool show_content;
	const char *format;
	uint64_t n_lines;
	const char *every; /* NULL: one look */
	uint64_t n_rounds; /* 0: until the process ends */
};

#define INSPECT_ROW_MAPPINGS(meaning)                                                            \
	{                                                                                        \
		"mappings", 'm', OPTION_FLAG, offsetof(struct inspect_settings, mappings), NULL, \
			meaning                                                                  \
	}
#define INSPECT_ROW_GRAPH                                                                          \
	{                                                                                          \
		"graph", 'g', OPTION_FLAG, offsetof(struct inspect_settings, graph), NULL,         \
			"Shows which blocks are lost, since no path of pointers leads to them, "   \
			"which global variables and threads hold the others, and on which paths. " \
			"The program must have been recorded by heapprof."                         \
	}
#define INSPECT_ROW_MEMORY                                                                        \
	{                                                                                         \
		"memory", 0, OPTION_SIZE, offsetof(struct inspect_settings, memory_max), "SIZE",  \
			"Leaves out the graph if its blocks and pointers take more memory, such " \
			"as 4G. The default is 2G."                                               \
	}
#define INSPECT_MEMORY_MAX ((uint64_t)2 << 30)
#define INSPECT_ROW_SHOW_CONTENT                                                                 \
	{                                                                                        \
		"show-content", 0, OPTION_FLAG, offsetof(struct inspect_settings, show_content), \
			NULL,                                                                    \
			"Also shows the strings that repeat most in the memory. Without this "   \
			"option no output contains a byte of it."                                \
	}
#define INSPECT_ROW_FORMAT                                                                       \
	{                                                                                        \
		"format", 'f', OPTION_TEXT, offsetof(struct inspect_settings, format), "FORMAT", \
			"text, the default; json, a line for each look; or, with --graph, "      \
			"pprof: a profile with the labels held_by and lost, for a file."         \
	}
#define INSPECT_ROW_LINES                                                                        \
	{                                                                                        \
		"lines", 'l', OPTION_COUNT, offsetof(struct inspect_settings, n_lines), "N",     \
			"Shows the first N objects of each kind; 0 shows all. The default is 6." \
	}

/* Checks the settings that both programs have. Prints an error; returns the exit status. */
int inspect_check(const struct inspect_settings *settings);

/* Prints a look on standard output. `name` is that of the process or core, `first` an earlier look,
 * from which growth counts, or NULL. Prints an error if it fails; returns the exit status. */
int inspect_print_mappings(const struct inspect_settings *settings, const char *name,
			   const struct mappings_look *look, const struct mappings_look *first);
