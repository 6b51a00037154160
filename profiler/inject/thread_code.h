/* SPDX-License-Identifier: MIT */
/* The code that a thread of ours executes. It is copied into the target. thread_code_MACHINE.c
 * defines it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	HP_THREAD_CODE_ARGUMENT = 5, /* of the system call clone: it holds the calls' address */
};

/* The calls, as the code finds them. */
struct hp_thread_code_calls {
	uint64_t n;
	uint64_t keys;     /* of thread-specific data: sequences and destructors; 0: none */
	uint64_t specific; /* the thread's data: 32 blocks of 32 sequences and values */
	struct {
		uint64_t function, arguments[3], result, is_made;
	} calls[16];
};

extern const uint8_t hp_thread_code[];
extern const uint64_t hp_thread_code_size;
extern const uint64_t hp_thread_code_exit; /* where it ends the thread, from its start */

/* The start of a thread control block, glibc's tcbhead_t. */
struct hp_thread_code_block {
	uint64_t self, dtv, self_too;
	uint32_t is_multiple, unused;
	uint64_t system_info, stack_guard, pointer_guard;
};

/* Sets the arguments of a clone that makes a thread of the process, with this stack and thread
 * pointer, and with a number that the kernel writes to `tid`. */
void hp_thread_code_clone(uint64_t arguments[6], uint64_t stack, uint64_t thread_pointer,
			  uint64_t tid);
