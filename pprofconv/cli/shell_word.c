/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/command.h"

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+=,:@%";

	return *text && !text[strspn(text, plain)];
}

static bool is_printable(const char *text)
{
	size_t left = strlen(text), n = 1;

	for (; left && n; left -= n, text += n)
		n = utf8_printable(text, left);
	return !left;
}

/* Writes $'...', in which bash, zsh and ksh take \ooo as a byte. */
static void put_escaped(FILE *stream, const char *text)
{
	size_t left = strlen(text);

	fputs("$'", stream);
	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		if (!n)
			fprintf(stream, "\\%03o", (unsigned char)*text);
		else
			fprintf(stream, "%s%.*s", strchr("\\'", *text) ? "\\" : "", (int)n, text);
		text += step;
		left -= step;
	}
	putc('\'', stream);
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
	else if (is_printable(text))
		put_quoted(stream, text);
	else
		put_escaped(stream, text);
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
