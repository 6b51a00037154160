/* SPDX-License-Identifier: MIT */
/* Makes system calls in another process, on one of its threads: the host. The thread notices
 * nothing of it: its registers, its signal mask and its pending signals are the same before and
 * after, and a system call in which it was stopped is continued.
 *
 * If the calling program is killed at any moment, the host finishes the call by itself and goes on
 * (stub.h). After each call the host is in the same stop again, in which it can be let go. */
#pragma once
#include "inject/stub.h"
#include "target/target.h"

struct hp_system_call_host;

/* Prepares for calls on a thread. The caller traces it (PTRACE_SEIZE), and it is in a stop that
 * PTRACE_INTERRUPT has caused; the other threads should be stopped, too. Reads the process's maps
 * anew. Returns 0, or HP_TARGET_E. *out is NULL after a failure.
 *
 * Some threads can't be hosts: hp_system_call_can_host() says so before. */
int hp_system_call_begin(struct hp_target *t, int thread, struct hp_system_call_host **out);

/* Returns false for a thread that executes 32-bit code, or is in a restartable sequence, which the
 * kernel aborts or forgets when other code runs. Another thread may do, or the same one later. */
bool hp_system_call_can_host(struct hp_target *t, int thread);

/* Makes a call. *out_result is its result: -errno, if it failed. Returns 0; or HP_TARGET_E if the
 * call may not have been made, after which the host can only be ended. */
int hp_system_call(struct hp_system_call_host *host, const struct hp_stub_call *call,
		   int64_t *out_result);

/* Returns the thread that the last call, a clone with `child_start`, has made; its number is the
 * one in our PID namespace. It is traced, and in its first stop. */
int hp_system_call_child(const struct hp_system_call_host *host);

/* Writes into the target's memory, also where the target itself must not. Returns 0 or
 * HP_TARGET_E. */
int hp_system_call_write(struct hp_system_call_host *host, uint64_t address, const void *bytes,
			 size_t size);

/* Clears what was used in the target, and frees the host; takes NULL. The thread stays traced and
 * stopped. */
void hp_system_call_end(struct hp_system_call_host *host);
