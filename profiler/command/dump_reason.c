/* SPDX-License-Identifier: MIT */
#include "command/dump_reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REASON "# reason: "
#define FROM   REASON "outside\n"

/* Returns the place of the line among the lines of metadata, which begin with "# " and follow the
 * first line; or NULL. */
static char *find_line(char *text, size_t size)
{
	char *end = text + size, *line = memchr(text, '\n', size);

	while (line && ++line < end && *line == '#') {
		size_t left = (size_t)(end - line);

		if (left >= strlen(FROM) && memcmp(line, FROM, strlen(FROM)) == 0)
			return line;
		line = memchr(line, '\n', left);
	}
	return NULL;
}

int dump_reason_set(char **text, size_t *size, const char *reason)
{
	char *line = *text ? find_line(*text, *size) : NULL, *grown;
	size_t before, after, extra = strlen(reason);

	if (!line)
		return 0;
	before = (size_t)(line - *text) + strlen(REASON);
	after = *size - before - strlen("outside");
	grown = realloc(*text, *size + extra);
	if (!grown)
		return -ENOMEM;
	memmove(grown + before + extra, grown + before + strlen("outside"), after);
	for (size_t i = 0; i < extra; i++)
		grown[before + i] = reason[i];
	*text = grown;
	*size = before + extra + after;
	return 0;
}
