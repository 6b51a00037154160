/* SPDX-License-Identifier: MIT */
/* Makes calls of functions in another process, by a thread of ours (thread.h), and leaves the
 * process as it was: no thread, no mapping, no descriptor, no byte.
 *
 * The process is stopped for milliseconds, twice, and runs while the calls are made. If it has had
 * one thread only, that is held at a safe point (safe_point.h) for all that time.
 *
 * The caller has asked hp_refuse() (refuse.h) before, and should be a process that ends soon
 * (target/stop.h). */
#pragma once
#include "inject/thread.h"
#include "target/target.h"

struct hp_call {
	const char *name;  /* of the function, for messages */
	uint64_t function; /* its address; 0: the first function of that name is looked up */
	uint64_t arguments[HP_THREAD_ARGUMENTS];
	const char *text; /* the first argument is this text, in the process's memory; or NULL */
	const void *data; /* the same of bytes: the first argument is the address of a copy */
	size_t data_size;
	int content; /* the text is to be the path of a file in memory with this descriptor's
			content; the file has no other path, and is closed after the calls. -1: none
		      */
	uint64_t result;
};

/* Makes the calls, in this order. Returns 0 or HP_TARGET_E. */
int hp_calls_make(struct hp_target *t, struct hp_call *calls, size_t n);

/* Loads a library into the process: a path there; or, if `content` is not -1, the bytes of that
 * descriptor. *out_handle is dlopen()'s result; 0 if the loader refused it. */
int hp_calls_open_library(struct hp_target *t, const char *path, int content, uint64_t *out_handle);

/* Closes a library by its handle. */
int hp_calls_close_library(struct hp_target *t, uint64_t handle);
