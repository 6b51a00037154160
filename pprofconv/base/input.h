/* SPDX-License-Identifier: MIT */
/* An input is a file that is read from beginning to end, line by line or as a whole. It recognizes
 * gzip and zstd data by its content and unpacks it on the fly. Memory is bounded by the longest
 * line. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/diag.h"

#define INPUT_HEAD_SIZE   4096 /* enough to recognize most formats */
#define INPUT_LINE_MAX    (1u << 24)
#define INPUT_BYTES_LIMIT (UINT64_C(1) << 30) /* the limit if the user gave none */

enum {
	INPUT_E_LIMIT = 1, /* more bytes, or a longer line, than allowed */
	INPUT_E_CORRUPT,   /* damaged or truncated gzip or zstd data */
};

struct input;

/* Opens the file at `path`; "-" is standard input. Reading stops with INPUT_E_LIMIT when more than
 * `max_bytes` have come out, after unpacking; 0 means no limit. Errors go to `diag`, now and later,
 * whose file is set to a name for messages; it and `path` must outlive the input. Returns 0, or
 * -errno. */
int input_open(struct input **out_input, const char *path, uint64_t max_bytes, struct diag *diag);

/* Opens bytes in memory, as input_open() opens a file. They must outlive the input; `name` is for
 * messages. */
int input_open_memory(struct input **out_input, const char *name, const void *data, size_t size,
		      uint64_t max_bytes, struct diag *diag);

/* Takes NULL. */
void input_free(struct input *input);
DEFINE_CLEANUP(struct input *, input_free)

/* Calls `report` from time to time while reading, with the number of bytes that have come out so
 * far. */
void input_on_progress(struct input *input, void (*report)(void *context, uint64_t n_bytes),
		       void *context);

/* Returns the first `size` bytes, at most INPUT_LINE_MAX, or all if there are fewer, without taking
 * them. Call it before anything is taken. Valid until the next call. Empty if the input is empty or
 * failed. */
struct cursor input_head(struct input *input, size_t size);

/* Sets *out_line to the next line without its end, valid until the next call. Returns false at the
 * end and on failure: input_status() says which. */
bool input_next_line(struct input *input, struct cursor *out_line);

/* Returns the number of the last line returned, from 1. */
uint64_t input_line_number(const struct input *input);

/* Returns whether the last line returned was ended by the end of the input, not by a newline. */
bool input_line_is_cut(const struct input *input);

/* Sets *out_rest to all that has not been taken, valid as long as the input. Returns
 * input_status(). */
int input_take_rest(struct input *input, struct cursor *out_rest);

/* Sets *out_some to the next bytes, as many as are available, valid until the next call; to none at
 * the end. Returns input_status(). */
int input_take_some(struct input *input, struct cursor *out_some);

/* Returns a new descriptor of the file, for reading at any offset, which the caller closes; or -1
 * if the input is packed, in memory or not a regular file. */
int input_file(const struct input *input);

/* Returns 0, or the first failure: -errno or INPUT_E_*. The diag holds its message. */
int input_status(const struct input *input);

/* Returns how many bytes have come out so far, after unpacking. */
uint64_t input_bytes(const struct input *input);
