/* SPDX-License-Identifier: MIT */
/* An input list is a file that names inputs, for more of them than fit on a command line. A line
 * may have labels (see commands/labels.h):
 *
 *	list = { name { tab label } newline } | { name NUL }
 *
 * The list is separated by NUL bytes if it has any; then it has no labels. Empty names are skipped.
 * Functions that return an int print an error if they fail, and return the exit status. */
#pragma once
#include "base/vec.h"
#include "commands/command.h"

struct input_list {               /* all zeroes: an empty list */
	VEC(char *) names;        /* first those of the command line, then those of the file */
	VEC(const char *) labels; /* for each name: its labels, separated by tabs, or NULL */
	char *text;               /* of the file */
};

/* Sets *list to `n` names of the command line and those in the file `path`, "-" for standard input,
 * NULL for none. `names` must outlive the list. Call input_list_deinit() on failure too. */
int input_list_read(struct input_list *list, char *const *names, size_t n, const char *path);

/* Sets the inputs of the settings, and their labels, to those of the list, which must outlive
 * them. */
void input_list_use(const struct input_list *list, struct settings *settings);

void input_list_deinit(struct input_list *list);

/* The row of the option that names the list, for settings of the type `type`. */
#define OPTION_ROW_FILES_FROM(type)                                                         \
	{                                                                                   \
		"files-from", 0, OPTION_TEXT, offsetof(type, files_from), "FILE",           \
			"Reads names of more inputs from a file, one a line, or separated " \
			"by NUL bytes, as find -print0 writes them; - is standard input. "  \
			"Labels may follow a name in its line, KEY=VALUE after a tab each." \
	}
