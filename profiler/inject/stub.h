/* SPDX-License-Identifier: MIT */
/* A stub is code that makes one system call on a thread of another process, and then lets the
 * thread go on where it was. It holds all that it needs, so it comes to its end without us: it
 * loads the arguments, makes the call, sets the thread's signal mask, loads the thread's registers,
 * and jumps to the place where the thread was. It uses neither the stack nor the flags.
 * stub_MACHINE.c writes it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum {
	HP_STUB_SIZE = 288,
	HP_STUB_ARGUMENTS = 6,
};

struct hp_stub_call {
	uint64_t number;
	uint64_t arguments[HP_STUB_ARGUMENTS];
	uint64_t child_start; /* 0; or, for a clone, the address at which the new thread begins */
};

/* Returns the registers with which the thread goes on by itself. They are `registers`, the ones of
 * the stop, except for a system call that the kernel would make again. */
struct user_regs_struct hp_stub_way_back(const struct user_regs_struct *registers);

/* Writes the stub for this address. `back` is what hp_stub_way_back() returned, and `mask` is the
 * thread's signal mask. Returns the address after the instruction that makes the call. */
uint64_t hp_stub_write(uint8_t out[HP_STUB_SIZE], uint64_t address, const struct hp_stub_call *call,
		       const struct user_regs_struct *back, uint64_t mask);
