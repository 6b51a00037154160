/* SPDX-License-Identifier: MIT */
/* The return addresses on a thread's stack. Every word is read only where the stack is known to be
 * readable: wrong unwind data gives a short or wrong stack, never a fault. */
#pragma once
#include "thread.h"

/* A place in the host's code that called a hook: the registers as they are when it returns. */
struct hp_site {
	uintptr_t pc, sp, bp;
};

/* To be used in a function that a hook calls last, with a jump: then the caller of that hook. */
#define HP_SITE_OF_CALLER()                                                               \
	({                                                                                \
		uintptr_t *fp_ = __builtin_frame_address(0);                              \
		(struct hp_site){.pc = fp_[1], .sp = (uintptr_t)(fp_ + 2), .bp = fp_[0]}; \
	})

/* Functions that are part of the profiler's hooks: their frames are left out of stacks. */
#define HP_HOOK_CODE __attribute__((section("heapprof_hooks")))

/* Stores up to `max` frames (see hp_frame_make) in thread->frames, leaf first, the first one being
 * site->pc; returns their number. thread->is_stack_cut says whether the stack has more frames than
 * that, because of `max` or because the walk's budget was used up (see unwind.c). Takes no lock;
 * needs some 300 bytes of the host's stack, and a scratch stack when it meets code for the first
 * time. Any thread, from within a hook. */
size_t hp_unwind(struct hp_thread *thread, const struct hp_site *site, size_t max);
