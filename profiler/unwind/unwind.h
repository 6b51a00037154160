/* SPDX-License-Identifier: MIT */
/* A walk finds the return addresses on a thread's stack. It reads only words that are known to be
 * readable: wrong unwind data gives a short or wrong stack, never a fault. */
#pragma once
#include "unwind/stack_memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A step is one frame of a walk, with the facts by which the frame was found; see unwind.c. */
struct hp_step {
	uint64_t frame;  /* see hp_frame_make */
	uint64_t pc;     /* the return address */
	uint64_t sp, bp; /* their values on return to `pc` */
	uint64_t bp_at;  /* where `bp` was read; 0: it was not read, and is the callee's */
};

enum {
	HP_STEPS_MAX = 64 /* how many steps of a walk are remembered */
};

/* A walker is what a thread's walks keep for its next walk. Its owner provides the three arrays,
 * and zeroes for the rest. */
struct hp_walker {
	uint64_t *frames;                    /* room for a stack of HP_STACK_DEPTH_MAX frames, and
					one frame more for the owner's use */
	struct hp_step *steps, *spare_steps; /* of the last walk; room for the next one's */
	uint32_t n_steps;
	uint32_t steps_epoch; /* the epoch of `steps`: see hp_modules_epoch */
	bool is_cut;          /* the last walk's stack has more frames than were stored */
	struct hp_stack_memory memory;
};

/* A site is a place in the host's code that called a hook, with the registers as they are when the
 * hook returns. */
struct hp_site {
	uintptr_t pc, sp, bp;
};

/* Gives the site of a hook's caller. Use it in a function to which the hook jumps as its last
 * act. */
#define HP_SITE_OF_CALLER()                                                               \
	({                                                                                \
		uintptr_t *fp_ = __builtin_frame_address(0);                              \
		(struct hp_site){.pc = fp_[1], .sp = (uintptr_t)(fp_ + 2), .bp = fp_[0]}; \
	})

/* Marks a function as part of the profiler's hooks: its frames are left out of stacks. */
#define HP_HOOK_CODE __attribute__((section("heapprof_hooks")))

/* Stores up to `max` frames (see hp_frame_make) in walker->frames, leaf first, and returns their
 * number. The first frame is that of site->pc. Sets walker->is_cut to whether the stack has more
 * frames, which were left out because of `max` or because the walk's budget was used up (see
 * unwind.c). Takes no lock. Needs some 300 bytes of the host's stack, and a scratch stack when it
 * comes to code for the first time. Any thread, with a walker of its own, from within a hook; may
 * allocate: no. */
size_t hp_unwind(struct hp_walker *walker, const struct hp_site *site, size_t max);
