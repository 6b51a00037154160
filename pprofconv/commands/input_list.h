/* SPDX-License-Identifier: MIT */
/* An input list is a file that names inputs, for more of them than fit on a command line:
 *
 *	list = { name "\n" } | { name "\0" }
 *
 * The list is separated by NUL bytes if it has any. Empty names are skipped. Functions that return
 * an int print an error if they fail, and return the exit status. */
#pragma once
#include "base/vec.h"
#include "commands/command.h"

struct input_list {        /* all zeroes: an empty list */
	VEC(char *) names; /* first the inputs of the command line, then those of the file */
	char *text;        /* of the file */
};

/* Sets settings->inputs to the inputs of the command line and those of the list in the file `path`,
 * "-" for standard input. Does nothing if `path` is NULL. The list must outlive the settings; call
 * input_list_deinit() on failure too. */
int input_list_append(struct input_list *list, const char *path, struct settings *settings);

void input_list_deinit(struct input_list *list);

/* The row of the option that names the list, for settings of the type `type`. */
#define OPTION_ROW_FILES_FROM(type)                                                         \
	{                                                                                   \
		"files-from", 0, OPTION_TEXT, offsetof(type, files_from), "FILE",           \
			"Reads names of more inputs from a file, one a line, or separated " \
			"by NUL bytes, as find -print0 writes them; - is standard input."   \
	}
