/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+=,:@%";

	return *text && !text[strspn(text, plain)];
}

static void put_quoted(FILE *stream, const char *text)
{
	putc('\'', stream);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stream);
		else
			putc(*text, stream);
	putc('\'', stream);
}

/* Returns `before` and the text as a word, or NULL if there is no memory. */
static char *make_word(const char *before, const char *text)
{
	size_t size;
	char *word;
	FILE *stream = open_memstream(&word, &size);

	if (!stream)
		return NULL;
	fputs(before, stream);
	if (is_plain(text))
		fputs(text, stream);
	else
		put_quoted(stream, text);
	if (fclose(stream) == 0)
		return word;
	free(word);
	return NULL;
}

char *shell_word(const char *text)
{
	return make_word("", text);
}

char *shell_operand(const char *text)
{
	return make_word(*text == '-' ? "-- " : "", text);
}
