/* SPDX-License-Identifier: MIT */
/* What is known to be readable: a thread's own stack, from the lowest address that was checked once
 * (thread->stack_home) to its end; it stays mapped as long as the thread runs. On any other stack,
 * a coroutine's or a signal handler's, pages are checked again in every walk, one by one as the
 * walk gets to them: such stacks come and go. So they are on a thread's own stack after it has
 * grown by more than HOME_CHECK_MAX from one walk to the next: 64 frames of 200 bytes take four
 * checks.
 *
 * A thread's stack differs from its last one in the inner frames only, mostly. Where a walk comes
 * to a frame of the last walk with the same pc, sp and bp, the next frame follows by the same rule
 * from the same words of the stack; if these words are what they were, so is that frame, and so on
 * outward. So the walk compares two words a frame instead of looking up a rule, until they differ.
 * Nothing is guessed: this finds what the rules would. It needs rules that did not change meanwhile
 * (the epoch of modules.h), frames that were found by pc, sp and bp alone, and the thread's own
 * stack. Recording a pair of malloc and free that is 32 calls deep takes half the time. */
#include "unwind.h"
#include "frame_rule.h"
#include "modules.h"
#include <unistd.h>

#define PAGE                ((uintptr_t)4096)
#define HOME_CHECK_MAX      (64 * PAGE) /* pages that are checked ahead, to extend the home */
#define SIGNAL_FRAMES_MAX   8
#define LOWEST_CODE_ADDRESS ((uintptr_t)4096)

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern void *__libc_stack_end; /* the loader's: where the main thread's stack began */

struct walk {
	struct hp_thread *thread;
	uintptr_t pc, sp, bp;
	uintptr_t low, high; /* the readable part of this stack, as far as it was checked */
	uintptr_t bp_at;     /* where bp was read; 0: nowhere */
	bool is_return_address;
	bool is_plain; /* so far: what struct hp_step holds says it all */
	int n_signal_frames;
	const struct hp_step *last, *last_end; /* what is still ahead of the last walk */
	struct hp_step *steps;                 /* of this one */
	size_t n_steps;
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
	w->is_plain = false;
	while (w->high < end) {
		if (!hp_sys_is_readable((void *)w->high))
			return false;
		w->high = (w->high & -PAGE) + PAGE;
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
	w->bp_at = has_bp ? bp_at : 0;
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

	w->is_plain = false;
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
	w->is_plain = false;
	enter_stack(w, sp); /* the handler may have run on an alternate stack */
	return true;
}

/* Without unwind data: the caller's frame is where bp points, if bp is a frame pointer at all. */
static bool step_by_frame_pointer(struct walk *w)
{
	uintptr_t bp = w->bp;

	return bp >= w->sp && step_to(w, bp + 16, bp, true);
}

static bool step_by_table(struct walk *w, const struct hp_frame_rule *rule)
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
	default:
		return false;
	}
}

static bool is_address(uintptr_t pc)
{
	return pc >= LOWEST_CODE_ADDRESS && pc >> 47 == 0;
}

static bool is_in_library(const struct walk *w)
{
	struct hp_frame_rule rule = {.kind = HP_RULE_NOT_CODE};

	if (is_address(w->pc))
		hp_frame_rule_for(w->pc - 1, &rule);
	return rule.kind != HP_RULE_NOT_CODE && rule.kind != HP_RULE_ALIEN;
}

/* Code that keeps no frame pointers leaves in bp what it likes, or what its caller had there. Where
 * that leads to no library's code, as in the C library and the loader, the unwind table says how to
 * go on. (Where it leads to the caller's caller, nobody can tell.) */
static bool step_by_frame_pointer_first(struct walk *w)
{
	struct walk by_table = *w;
	struct hp_frame_rule rule;
	bool is_stepped = step_by_frame_pointer(w);

	if (is_stepped && is_in_library(w))
		return true;
	hp_frame_rule_from_table(by_table.pc - by_table.is_return_address, &rule);
	if (rule.kind == HP_RULE_NONE)
		return is_stepped;
	is_stepped = step_by_table(&by_table, &rule);
	*w = by_table;
	return is_stepped;
}

static bool step(struct walk *w, const struct hp_frame_rule *rule)
{
	switch (rule->kind) {
	case HP_RULE_NONE:
		return step_by_frame_pointer_first(w);
	case HP_RULE_ALIEN:
		return step_by_frame_pointer(w);
	default:
		return step_by_table(w, rule);
	}
}

/* The linker makes these two for the section; they are missing where no hook is linked. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
extern const char __start_heapprof_hooks[] __attribute__((weak, visibility("hidden")));
extern const char __stop_heapprof_hooks[] __attribute__((weak, visibility("hidden")));
/* NOLINTEND(bugprone-reserved-identifier) */

static bool is_hook(uintptr_t pc)
{
	return pc > (uintptr_t)__start_heapprof_hooks && pc <= (uintptr_t)__stop_heapprof_hooks;
}

/* --- the last walk ------------------------------------------------------------------------- */

static void remember(struct walk *w, uint64_t frame)
{
	if (!w->is_plain)
		return;
	w->steps[w->n_steps++] = (struct hp_step){frame, w->sp, w->bp, w->bp_at};
	w->is_plain = w->n_steps < HP_STEPS_MAX;
}

static bool is_met(struct walk *w)
{
	while (w->last < w->last_end && w->last->sp < w->sp)
		w->last++;
	return w->last < w->last_end && w->last->sp == w->sp && w->last->bp == w->bp &&
	       hp_frame_pc(w->last->frame) == w->pc && w->is_plain;
}

/* The words of the stack that led to this frame. They lie outward of a frame of this walk. */
static bool is_unchanged(const struct hp_step *s)
{
	const uintptr_t *pc_at = (const uintptr_t *)s->sp - 1;

	return *pc_at == hp_frame_pc(s->frame) &&
	       (!s->bp_at || *(const uintptr_t *)s->bp_at == s->bp);
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* From a frame that is_met() on, which this walk may have come to from elsewhere; stays at the last
 * one that is the same. Steps and frames have the same numbers as long as the walk is plain. */
static size_t follow(struct walk *w, uint64_t *frames, size_t n, size_t max)
{
	const struct hp_step *s = w->last;
	size_t end = min(n + (w->last_end - s), min(max, HP_STEPS_MAX));

	w->steps[n] = (struct hp_step){s->frame, w->sp, w->bp, w->bp_at};
	frames[n++] = s++->frame;
	for (; n < end && is_unchanged(s); s++, n++) {
		w->steps[n] = *s;
		frames[n] = s->frame;
	}
	w->n_steps = n;
	w->is_plain = n < HP_STEPS_MAX;
	w->last = s;
	w->pc = hp_frame_pc(s[-1].frame);
	w->sp = s[-1].sp;
	w->bp = s[-1].bp;
	return n;
}

static void begin(struct walk *w)
{
	struct hp_thread *t = w->thread;
	uint32_t epoch = hp_modules_epoch();

	enter_stack(w, w->sp);
	w->is_plain = w->high == t->stack_top && epoch != 0;
	w->last = t->steps;
	w->last_end = t->steps_epoch == epoch ? t->steps + t->n_steps : t->steps;
	w->steps = t->spare_steps;
	t->steps_epoch = epoch;
}

static void end(struct walk *w)
{
	struct hp_thread *t = w->thread;

	t->spare_steps = t->steps;
	t->steps = w->steps;
	t->n_steps = w->n_steps;
}

/* --- walking ------------------------------------------------------------------------------- */

/* The frame where the walk is. False if that is no code. */
static bool add_frame(struct walk *w, const struct hp_frame_rule *rule, size_t *n)
{
	/* Readers of dumps subtract 1: an interrupted address must survive that. */
	uint64_t frame = hp_frame_make(w->pc + !w->is_return_address, rule->module);

	if (rule->kind == HP_RULE_NOT_CODE)
		return false;
	if (is_hook(w->pc)) {
		w->is_plain = false;
		return true;
	}
	remember(w, frame);
	w->thread->frames[(*n)++] = frame;
	return true;
}

size_t hp_unwind(struct hp_thread *thread, const struct hp_site *site, size_t max)
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

	begin(&w);
	do {
		bool is_known = is_met(&w);

		if (is_known)
			n = follow(&w, thread->frames, n, max);
		if (!is_address(w.pc))
			break;
		hp_frame_rule_for(w.pc - w.is_return_address, &rule);
		if (!is_known && !add_frame(&w, &rule, &n))
			break;
	} while (n < max && step(&w, &rule));
	end(&w);
	return n;
}
