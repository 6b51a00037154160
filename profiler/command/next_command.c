/* SPDX-License-Identifier: MIT */
#include "command/next_command.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "command/find_library.h"

static int print(FILE *stream, const char *path, const char *command, char *const arguments[],
		 size_t n)
{
	_cleanup_(freep) void *program = shell_word(path);

	if (!program)
		return command_error("%s", strerror(ENOMEM));
	fprintf(stream, "  %s %s", (char *)program, command);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) void *word = shell_word(arguments[i]);

		putc(' ', stream);
		utf8_print(word ? word : arguments[i], stream);
	}
	putc('\n', stream);
	return EXIT_DONE;
}

int next_command_pprofconv(FILE *stream, const char *command, char *const arguments[], size_t n)
{
	char path[PATH_MAX];

	library_find_pprofconv(path);
	return print(stream, path, command, arguments, n);
}

int next_command_heapprof(FILE *stream, const char *command, char *const arguments[], size_t n)
{
	char path[PATH_MAX];

	library_find_heapprof(path);
	return print(stream, path, command, arguments, n);
}
