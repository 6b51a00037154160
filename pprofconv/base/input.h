/* SPDX-License-Identifier: MIT */
/* An input is a file that is read from beginning to end, line by line or as a whole. It recognizes
 * gzip and zstd data by its content and unpacks it on the fly. Reading line by line takes memory
 * for the longest line only. */
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

/* Opens the file at `path`; "-" is standard input. Reading fails with INPUT_E_LIMIT when there are
 * more than `max_bytes` unpacked bytes; 0 means no limit. Messages of this and later calls go to
 * `diag`, and diag->file is set to the name of the input. `diag` and `path` must outlive the input.
 * Returns 0, or -errno. */
int input_open(struct input **out_input, const char *path, uint64_t max_bytes, struct diag *diag);

/* Same as input_open(), but the input is the `size` bytes at `data`, and `name` is its name in
 * messages. Both must outlive the input. */
int input_open_memory(struct input **out_input, const char *name, const void *data, size_t size,
		      uint64_t max_bytes, struct diag *diag);

/* Takes NULL. */
void input_free(struct input *input);
DEFINE_CLEANUP(struct input *, input_free)

/* Calls `report` from time to time while reading, with the number of unpacked bytes so far. */
void input_on_progress(struct input *input, void (*report)(void *context, uint64_t n_bytes),
		       void *context);

/* Returns the first `size` bytes of the input, or all of them if there are fewer, without taking
 * them. `size` is at most INPUT_LINE_MAX. The result is valid until the next call, and is empty if
 * the input is empty or has failed. Call it before anything is taken. */
struct cursor input_head(struct input *input, size_t size);

/* Sets *out_line to the next line, without its line end, and returns true. The line is valid until
 * the next call. Returns false at the end and on failure; input_status() says which. */
bool input_next_line(struct input *input, struct cursor *out_line);

/* Returns the number of the line that was returned last, counted from 1. */
uint64_t input_line_number(const struct input *input);

/* Returns whether the line that was returned last has no newline at its end, because the input
 * ended. */
bool input_line_is_cut(const struct input *input);

/* Sets *out_rest to all bytes that have not been taken, which are valid as long as the input, and
 * returns 0. On failure returns input_status() and leaves *out_rest unchanged. */
int input_take_rest(struct input *input, struct cursor *out_rest);

/* Sets *out_some to the next bytes, as many as are available, valid until the next call; to none at
 * the end. Returns input_status(). */
int input_take_some(struct input *input, struct cursor *out_some);

/* Returns a new descriptor of the file, for reading at any offset, which the caller closes; or -1
 * if the input is packed, in memory or not a regular file. */
int input_file(const struct input *input);

/* Returns 0, or the first failure: -errno or INPUT_E_*. The diag holds its message. */
int input_status(const struct input *input);

/* Returns the number of unpacked bytes so far. */
uint64_t input_bytes(const struct input *input);
