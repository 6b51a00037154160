/* SPDX-License-Identifier: MIT */
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct text {
	char *bytes;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 0))) static void append_args(struct text *text, const char *format,
							      va_list args)
{
	size_t room = text->size - text->used;
	int n = vsnprintf(text->bytes + text->used, room, format, args);

	if (n > 0)
		text->used += (size_t)n < room ? (size_t)n : room - 1;
}

__attribute__((format(printf, 2, 3))) static void append_format(struct text *text,
								const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_args(text, format, args);
	va_end(args);
}

/* Returns the buffer for the text of an error. The text begins with "FILE:" if the diag has a
 * file. */
static struct text begin_error(struct diag *diag)
{
	struct text text = {diag->error, DIAG_TEXT_MAX, 0};

	if (diag->file)
		append_format(&text, "%s:", diag->file);
	return text;
}

int diag_error(struct diag *diag, int code, const char *format, ...)
{
	struct text text;
	va_list args;

	if (diag_has_error(diag))
		return code;
	text = begin_error(diag);
	if (text.used)
		append_format(&text, " ");
	va_start(args, format);
	append_args(&text, format, args);
	va_end(args);
	return code;
}

int diag_error_line(struct diag *diag, int code, uint64_t line, const char *format, ...)
{
	struct text text;
	va_list args;

	if (diag_has_error(diag))
		return code;
	text = begin_error(diag);
	append_format(&text, "%ju: ", (uintmax_t)line);
	va_start(args, format);
	append_args(&text, format, args);
	va_end(args);
	return code;
}

int diag_error_byte(struct diag *diag, int code, uint64_t byte, const char *format, ...)
{
	struct text text;
	va_list args;

	if (diag_has_error(diag))
		return code;
	text = begin_error(diag);
	append_format(&text, " byte %ju: ", (uintmax_t)byte);
	va_start(args, format);
	append_args(&text, format, args);
	va_end(args);
	return code;
}

int diag_errno(struct diag *diag, int code)
{
	return diag_error(diag, code, "%s", strerror(-code));
}

void diag_warn(struct diag *diag, const char *format, ...)
{
	char buffer[DIAG_TEXT_MAX];
	struct text text = {buffer, sizeof(buffer), 0};
	char *copy = NULL;
	va_list args;

	if (diag->file)
		append_format(&text, "%s: ", diag->file);
	append_format(&text, "warning: ");
	va_start(args, format);
	append_args(&text, format, args);
	va_end(args);
	if (diag->n_warnings < DIAG_WARNINGS_MAX)
		copy = strdup(buffer);
	if (copy)
		diag->warnings[diag->n_warnings++] = copy;
	else
		diag->n_warnings_lost++;
}

static void print_line(const char *program, const char *text, FILE *stream)
{
	fprintf(stream, "%s: ", program);
	utf8_print(text, stream);
	putc('\n', stream);
}

void diag_print(const struct diag *diag, const char *program, bool warnings, FILE *stream)
{
	for (int i = 0; warnings && i < diag->n_warnings; i++)
		print_line(program, diag->warnings[i], stream);
	if (warnings && diag->n_warnings_lost)
		fprintf(stream, "%s: %d more warnings\n", program, diag->n_warnings_lost);
	if (diag_has_error(diag))
		print_line(program, diag->error, stream);
}

void diag_deinit(struct diag *diag)
{
	for (int i = 0; i < diag->n_warnings; i++)
		free(diag->warnings[i]);
	*diag = (struct diag){0};
}
