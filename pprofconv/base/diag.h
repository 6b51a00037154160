/* SPDX-License-Identifier: MIT */
/* A diag collects what a function reports to the user: at most one error, with its place in the
 * input, and a few warnings. Only diag_print() prints, and only the program's commands call it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DIAG_TEXT_MAX     512
#define DIAG_WARNINGS_MAX 32

struct diag {
	/* The file that messages are about, or NULL. Not owned; each message reads it. */
	const char *file;
	char error[DIAG_TEXT_MAX];
	char *warnings[DIAG_WARNINGS_MAX];
	int n_warnings;
	int n_warnings_lost;
};

/* Each of these three functions records an error and returns `code`, so that a caller can write
 * `return diag_error(...)`. If there is an error already, it is kept, because the first error is
 * the cause. diag_error() is about the file as a whole, diag_error_line() about a line, counted
 * from 1, and diag_error_byte() about a byte, counted from 0. */
int diag_error(struct diag *diag, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int diag_error_line(struct diag *diag, int code, uint64_t line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int diag_error_byte(struct diag *diag, int code, uint64_t byte, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Records the system's message for `code`, a negative errno, as the error. Returns `code`. */
int diag_errno(struct diag *diag, int code);

/* Records a warning: something is odd, but the work goes on. */
void diag_warn(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool diag_has_error(const struct diag *diag)
{
	return diag->error[0] != '\0';
}

/* Prints the warnings, if `warnings` is true, and the error, each as one line after `program: `.
 * Unprintable bytes become '?'. */
void diag_print(const struct diag *diag, const char *program, bool warnings, FILE *stream);

/* Frees what the diag owns and sets all its fields, including `file`, to zero. */
void diag_deinit(struct diag *diag);
