/* SPDX-License-Identifier: MIT */
/* The return addresses on a thread's stack. Every word is read only where the stack is known to be
 * readable: wrong unwind data gives a short or wrong stack, never a fault. */
#pragma once
#include "unwind/stack_memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame of a walk, and what it was found by; see unwind.c. */
struct hp_step {
	uint64_t frame;  /* see hp_frame_make */
	uint64_t pc;     /* the return address */
	uint64_t sp, bp; /* on return to it */
	uint64_t bp_at;  /* where that bp was read; 0: nowhere, it is the callee's */
};

enum {
	HP_STEPS_MAX = 64 /* of a walk are remembered */
};

/* What a thread's walks leave for its next one. Its owner gives it room, and 0 for the rest. */
struct hp_walker {
	uint64_t *frames;                    /* room for a stack of HP_STACK_DEPTH_MAX frames */
	struct hp_step *steps, *spare_steps; /* of the last walk, and room for the next */
	uint32_t n_steps;
	uint32_t steps_epoch; /* in which they were made: see hp_modules_epoch */
	bool is_cut;          /* the last walk's stack has more frames than were stored */
	struct hp_stack_memory memory;
};

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

/* Stores up to `max` frames (see hp_frame_make) in walker->frames, leaf first, the first one being
 * site->pc; returns their number. walker->is_cut says whether the stack has more frames than that,
 * because of `max` or because the walk's budget was used up (see unwind.c). Takes no lock; needs
 * some 300 bytes of the host's stack, and a scratch stack when it meets code for the first time.
 * Any thread, with a walker of its own, from within a hook. */
size_t hp_unwind(struct hp_walker *walker, const struct hp_site *site, size_t max);
