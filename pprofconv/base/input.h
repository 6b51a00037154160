/* SPDX-License-Identifier: MIT */
/* A file that is read from beginning to end, line by line or as a whole. What is packed by gzip or
 * zstd is known by its content and unpacked on the way. Memory is bounded by the longest line. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/diag.h"

#define INPUT_HEAD_SIZE   4096 /* tells most formats apart */
#define INPUT_LINE_MAX    (1u << 24)
#define INPUT_BYTES_LIMIT (UINT64_C(1) << 30) /* the limit where the user gave none */

enum {
	INPUT_E_LIMIT = 1, /* more bytes, or a longer line, than allowed */
	INPUT_E_CORRUPT,   /* damaged or cut gzip or zstd data */
};

struct input;

/* Opens the file at `path`; "-" is standard input. Reading stops with INPUT_E_LIMIT when more than
 * `max_bytes` have come out, after unpacking; 0 is no limit. Errors go to `diag`, now and later,
 * whose file is set to a name for messages; it and `path` must outlive the input. 0, or -errno. */
int input_open(struct input **out_input, const char *path, uint64_t max_bytes, struct diag *diag);

/* The same of bytes in memory, which must outlive the input; `name` is for messages. */
int input_open_memory(struct input **out_input, const char *name, const void *data, size_t size,
		      uint64_t max_bytes, struct diag *diag);

/* Takes NULL. */
void input_free(struct input *input);
DEFINE_CLEANUP(struct input *, input_free)

/* Calls `report` now and then while reading, with how many bytes have come out so far. */
void input_on_progress(struct input *input, void (*report)(void *context, uint64_t n_bytes),
		       void *context);

/* The first `size` bytes, at most INPUT_LINE_MAX, or all if there are fewer, without taking them;
 * to be called before anything is taken; good until the next call. Empty if the input is empty or
 * failed. */
struct cursor input_head(struct input *input, size_t size);

/* Sets *out_line to the next line without its end, good until the next call. False at the end and
 * on failure: input_status() tells which. */
bool input_next_line(struct input *input, struct cursor *out_line);

/* The number of the last line returned, from 1. */
uint64_t input_line_number(const struct input *input);

/* Whether the last line returned was ended by the end of the input, not by a newline. */
bool input_line_is_cut(const struct input *input);

/* Sets *out_rest to all that has not been taken, good as long as the input. Returns the status. */
int input_take_rest(struct input *input, struct cursor *out_rest);

/* Sets *out_some to the next bytes, as many as there are at hand, good until the next call; none at
 * the end. Returns the status. */
int input_take_some(struct input *input, struct cursor *out_some);

/* A descriptor of the file that is read, to be read at any place and closed, or -1: what is packed,
 * in memory or a pipe has none. */
int input_file(const struct input *input);

/* 0, or the first failure: -errno or INPUT_E_*; its message is in the diag. */
int input_status(const struct input *input);

/* How many bytes have come out so far, after unpacking. */
uint64_t input_bytes(const struct input *input);
