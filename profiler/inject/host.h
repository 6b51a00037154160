/* SPDX-License-Identifier: MIT */
/* Stops a process at a moment at which system calls can be made on one of its threads. */
#pragma once
#include "inject/system_call.h"
#include "target/stop.h"

/* Stops all threads, and begins a host on one of them. *stop is a stop whose threads were let go,
 * or NULL for a new one; the caller ends it in either case. If `is_good` is not NULL, the moment is
 * one at which it returns true. Returns 0, or HP_TARGET_E after all threads were let go; the
 * message is `failure` if there was no such moment. */
int hp_host_begin(struct hp_target *t, struct hp_stop **stop, bool (*is_good)(void *context),
		  void *context, const char *failure, struct hp_system_call_host **out);

/* Ends the host and lets the threads go; keeps the stop. */
void hp_host_end(struct hp_stop *stop, struct hp_system_call_host **host);

/* Makes a system call that must succeed. `name` is for the message. Returns 0 or HP_TARGET_E. */
int hp_host_call(struct hp_target *t, struct hp_system_call_host *host, const char *name,
		 const struct hp_stub_call *call, int64_t *out_result);
