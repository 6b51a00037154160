/* SPDX-License-Identifier: MIT */
/* An output is a file that the program writes. A regular file appears under its name only when the
 * output is committed, and then it is complete. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"

struct output;

/* Opens the file at `path` for writing; "-" is standard output. Anything that is not a regular file
 * (a pipe, a device) is written directly. `path` must outlive the output. Returns 0, or -errno with
 * a message. */
int output_open(struct output **out_output, const char *path, struct diag *diag);

/* Makes an output that appends to an open file. The caller keeps `fd`. `name` is the file's name in
 * messages and must outlive the output. Returns 0, or -errno with a message. */
int output_open_file(struct output **out_output, int fd, const char *name, struct diag *diag);

/* Frees the output and discards its file, unless it was committed. Takes NULL. */
void output_free(struct output *output);
DEFINE_CLEANUP(struct output *, output_free)

/* Makes output_commit() fail with -EEXIST, instead of replacing a file that has the output's name.
 */
void output_refuse_replacing(struct output *output);

/* Calls `report` from time to time, with the number of bytes that have been written so far. */
void output_on_progress(struct output *output, void (*report)(void *context, uint64_t n_bytes),
			void *context);

/* These functions append to the output. The first failure is remembered, and output_commit()
 * returns it. */
void output_write(struct output *output, const void *data, size_t size);
void output_text(struct output *output, const char *text);
/* Appends text for one line of a terminal: unprintable bytes become '?'. */
void output_plain(struct output *output, const char *text);
/* Appends a JSON string with its quotes: invalid UTF-8 becomes U+FFFD. */
void output_json(struct output *output, const char *text, size_t size);
/* Appends a JSON string for a viewer that shows it: unprintable bytes become '?'. */
void output_json_plain(struct output *output, const char *text);
void output_printf(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Returns how many bytes have been appended so far. */
uint64_t output_size(const struct output *output);

/* Makes the next output_commit() fail with `code`, a negative errno, unless something failed
 * before. */
void output_fail(struct output *output, int code);

/* Writes the rest and makes the file appear under its name. Returns 0, or -errno with a message. */
int output_commit(struct output *output, struct diag *diag);
