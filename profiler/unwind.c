/* SPDX-License-Identifier: MIT */
/* What is known to be readable: a thread's own stack, from the lowest address that was checked once
 * (thread->stack_home) to its end; it stays mapped as long as the thread runs. On any other stack,
 * a coroutine's or a signal handler's, pages are checked again in every walk, one by one as the
 * walk gets to them: such stacks come and go. */
#include "unwind.h"
#include "frame_rule.h"
#include "modules.h"
#include <unistd.h>

#define PAGE                ((uintptr_t)4096)
#define HOME_CHECK_MAX      (64 * PAGE) /* pages that are checked ahead, to extend the home */
#define SIGNAL_FRAMES_MAX   8
#define LOWEST_CODE_ADDRESS ((uintptr_t)4096)

extern void *__libc_stack_end; /* the loader's: where the main thread's stack began */

struct walk {
	struct hp_thread *thread;
	uintptr_t pc, sp, bp;
	uintptr_t low, high; /* the readable part of this stack, as far as it was checked */
	bool is_return_address;
	int n_signal_frames;
};

static uintptr_t find_stack_top(void)
{
	bool is_main = hp_sys3(SYS_gettid, 0, 0, 0) == hp_sys_getpid();

	/* glibc keeps a thread's descriptor at the upper end of its stack. */
	return is_main ? (uintptr_t)__libc_stack_end : (uintptr_t)__builtin_thread_pointer();
}

static void extend_home(struct hp_thread *t, uintptr_t sp)
{
	uintptr_t page;

	if (t->stack_top == 0)
		t->stack_top = t->stack_home = find_stack_top();
	if (sp >= t->stack_home || t->stack_home - sp > HOME_CHECK_MAX)
		return;
	for (page = sp & -PAGE; page < t->stack_home; page += PAGE)
		if (!hp_sys_is_readable((void *)page))
			return;
	t->stack_home = sp;
}

static void enter_stack(struct walk *w, uintptr_t sp)
{
	struct hp_thread *t = w->thread;

	extend_home(t, sp);
	w->low = sp;
	w->high = sp >= t->stack_home && sp < t->stack_top ? t->stack_top : sp & -PAGE;
}

static __attribute__((noinline, cold)) bool extend_to(struct walk *w, uintptr_t end)
{
	while (w->high < end) {
		if (!hp_sys_is_readable((void *)w->high))
			return false;
		w->high += PAGE;
	}
	return true;
}

static bool read_word(struct walk *w, uintptr_t address, uintptr_t *out)
{
	if (address < w->low || address % sizeof(*out) != 0 ||
	    address > UINTPTR_MAX - sizeof(*out) ||
	    (address + sizeof(*out) > w->high && !extend_to(w, address + sizeof(*out))))
		return false;
	*out = *(const uintptr_t *)address;
	return true;
}

static bool step_to(struct walk *w, uintptr_t cfa, uintptr_t bp_at, bool has_bp)
{
	uintptr_t pc, bp = w->bp;

	if (cfa <= w->sp || !read_word(w, cfa - sizeof(pc), &pc) ||
	    (has_bp && !read_word(w, bp_at, &bp)))
		return false;
	w->pc = pc;
	w->sp = cfa;
	w->bp = bp;
	w->is_return_address = true;
	return true;
}

static bool step_by_rule(struct walk *w, const struct hp_frame_rule *rule, uintptr_t base)
{
	uintptr_t cfa = base + rule->cfa_offset;

	return step_to(w, cfa, cfa + rule->bp_offset, rule->bp_offset != HP_BP_UNCHANGED);
}

static bool step_realigned(struct walk *w, const struct hp_frame_rule *rule)
{
	uintptr_t cfa;

	return read_word(w, w->bp + rule->cfa_offset, &cfa) &&
	       step_to(w, cfa, w->bp + rule->bp_offset, true);
}

static bool step_over_signal(struct walk *w)
{
	uintptr_t pc, sp, bp;

	if (w->n_signal_frames++ == SIGNAL_FRAMES_MAX || !read_word(w, w->sp + HP_SIGNAL_PC, &pc) ||
	    !read_word(w, w->sp + HP_SIGNAL_SP, &sp) || !read_word(w, w->sp + HP_SIGNAL_BP, &bp))
		return false;
	w->pc = pc;
	w->sp = sp;
	w->bp = bp;
	w->is_return_address = false;
	enter_stack(w, sp); /* the handler may have run on an alternate stack */
	return true;
}

/* Without unwind data: the caller's frame is where bp points, if bp is a frame pointer at all. */
static bool step_by_frame_pointer(struct walk *w)
{
	uintptr_t bp = w->bp;

	return bp >= w->sp && step_to(w, bp + 16, bp, true);
}

static bool step(struct walk *w, const struct hp_frame_rule *rule)
{
	switch (rule->kind) {
	case HP_RULE_SP:
		return step_by_rule(w, rule, w->sp);
	case HP_RULE_BP:
		return step_by_rule(w, rule, w->bp);
	case HP_RULE_DEREF_BP:
		return step_realigned(w, rule);
	case HP_RULE_SIGNAL:
		return step_over_signal(w);
	case HP_RULE_NONE:
		return step_by_frame_pointer(w);
	default:
		return false;
	}
}

/* The linker makes these two for the section; they are missing where no hook is linked. */
extern const char __start_heapprof_hooks[] __attribute__((weak, visibility("hidden")));
extern const char __stop_heapprof_hooks[] __attribute__((weak, visibility("hidden")));

static bool is_hook(uintptr_t pc)
{
	return pc > (uintptr_t)__start_heapprof_hooks && pc <= (uintptr_t)__stop_heapprof_hooks;
}

size_t hp_unwind(struct hp_thread *thread, const struct hp_site *site, uint64_t *frames, size_t max)
{
	struct walk w = {
		.thread = thread,
		.pc = site->pc,
		.sp = site->sp,
		.bp = site->bp,
		.is_return_address = true,
	};
	struct hp_frame_rule rule;
	size_t n = 0;

	enter_stack(&w, w.sp);
	do {
		if (w.pc < LOWEST_CODE_ADDRESS || w.pc >> 47 != 0)
			break;
		hp_frame_rule_for(w.pc - w.is_return_address, &rule);
		if (rule.kind == HP_RULE_NOT_CODE)
			break;
		if (!is_hook(w.pc))
			/* Readers of dumps subtract 1: an interrupted address must survive that. */
			frames[n++] = hp_frame_make(w.pc + !w.is_return_address, rule.module);
	} while (n < max && step(&w, &rule));
	return n;
}
