/* SPDX-License-Identifier: MIT */
#include "base/scratch.h"
#include "base/arena.h"
#include "base/memory.h"

#define N_STACKS   8
#define STACK_SIZE (128 * 1024)
#define GUARD_SIZE 4096

/* The C library sends this signal to every thread, to make all of them take part in setuid() and
 * similar calls; the thread that called setuid() waits for the others. The signal's handler is in
 * the C library, and may run on any stack. */
#define SETXID (UINT64_C(1) << (33 - 1))

struct scratch {
	struct hp_lock lock;
	char *memory; /* a guard page, then the stack; mapped when first used */
};

static struct scratch scratches[N_STACKS];

static struct scratch *take_stack(void)
{
	for (int i = 0; i < N_STACKS; i++)
		if (hp_lock_try(&scratches[i].lock))
			return &scratches[i];
	/* All stacks are busy: wait for one of them, chosen by the address of the thread's own
	 * stack. */
	struct scratch *s = &scratches[((uintptr_t)__builtin_frame_address(0) >> 16) % N_STACKS];

	return hp_lock_acquire(&s->lock) ? s : NULL;
}

static bool map_memory(struct scratch *s)
{
	if (s->memory)
		return true;
	s->memory = hp_memory_map_beyond_limit(GUARD_SIZE + STACK_SIZE);
	if (!s->memory)
		return false;
	hp_sys3(SYS_mprotect, (long)s->memory, GUARD_SIZE, PROT_NONE);
	return true;
}

/* Calls run(argument) with the stack pointer at `top`. __builtin_frame_address() makes the compiler
 * keep a frame pointer in this function, so that a walk from the scratch stack finds its way
 * out. */
static __attribute__((noinline)) void call_on_stack(void *top, void (*run)(void *), void *argument)
{
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "callq *%[run]\n\t"
			 "movq %%rbx, %%rsp"
			 : "+D"(argument), [top] "+r"(top), [run] "+r"(run)
			 : "r"(__builtin_frame_address(0))
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0",
			   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}

bool hp_scratch_call(void (*run)(void *argument), void *argument)
{
	hp_sigset signals = hp_sys_block_signals(HP_SIGSET_ALL & ~SETXID);
	struct scratch *s = take_stack();
	bool is_ready = s && map_memory(s);

	if (is_ready)
		call_on_stack(s->memory + GUARD_SIZE + STACK_SIZE, run, argument);
	if (s)
		hp_lock_release(&s->lock);
	hp_sys_restore_signals(signals);
	return is_ready;
}

void hp_scratch_after_fork(void)
{
	for (int i = 0; i < N_STACKS; i++)
		hp_lock_release(&scratches[i].lock);
}
