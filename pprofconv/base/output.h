/* SPDX-License-Identifier: MIT */
/* A file that is written: it appears under its name whole, when it is committed, or not at all. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"

struct output;

/* Begins to write the file at `path`; "-" is standard output. What is no regular file (a pipe, a
 * device) is written to as it is. `path` must outlive the output. 0, or -errno with a message. */
int output_open(struct output **out_output, const char *path, struct diag *diag);

/* Gives up what was not committed; takes NULL. */
void output_free(struct output *output);
DEFINE_CLEANUP(struct output *, output_free)

/* Calls `report` now and then, with how many bytes have been written so far. */
void output_on_progress(struct output *output, void (*report)(void *context, uint64_t n_bytes),
			void *context);

/* Append. Failure is sticky and comes out of output_commit(). */
void output_write(struct output *output, const void *data, size_t size);
void output_text(struct output *output, const char *text);
/* In one line of a terminal: '?' stands for each byte that is not printable. */
void output_plain(struct output *output, const char *text);
/* As a JSON string with its quotes; what is no UTF-8 becomes U+FFFD. */
void output_json(struct output *output, const char *text, size_t size);
void output_printf(struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many bytes have been appended so far. */
uint64_t output_size(const struct output *output);

/* Makes the next output_commit() fail with `code`, a negative errno, unless something failed
 * before. */
void output_fail(struct output *output, int code);

/* Writes the rest and lets the file appear under its name. 0, or -errno with a message. */
int output_commit(struct output *output, struct diag *diag);
