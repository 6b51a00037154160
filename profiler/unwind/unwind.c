/* SPDX-License-Identifier: MIT */
/* A walk reads a word of the stack only if stack_memory.h says that the word can be read. Each walk
 * has a budget for checks of the stack's pages, and a budget of steps, because code without unwind
 * data can lead a walk anywhere. When a budget is used up, the walk is cut: the rest of the stack
 * is dropped.
 *
 * Usually a thread's stack differs from that of its last walk in the inner frames only. If a walk
 * comes to a frame of the last walk, with the same pc, sp and bp, the caller's frame follows by the
 * same rule from the same words of the stack. If these words are unchanged, so is the caller's
 * frame, and so on outward. So the walk compares two words per frame instead of looking up a rule,
 * until the words differ. This is exact: the rules would find the same frames. It requires that
 * the rules have not changed meanwhile (the epoch of modules.h), and that the frames were found by
 * pc, sp and bp alone. The words must be within the thread's home, where they can be read without a
 * check. They are: the frame that both walks have is within the home, and the words of each further
 * step are above that frame, or within the home, and in both cases below the home's top. Recording
 * a malloc and its free that are 32 calls deep takes half the time. */
#include "unwind/unwind.h"
#include "process/modules.h"
#include "unwind/frame_rule.h"

#define SIGNAL_FRAMES_MAX   8
#define LOWEST_CODE_ADDRESS ((uintptr_t)4096)

/* The budgets. A page check takes some 0.1 us. On a stack that is not the thread's own, the budget
 * is enough to walk to the depth limit if frames have 2 KiB; if the limit is 64, the checks take 4
 * us. */
enum {
	CHECKS_MIN = 8,
	FRAMES_A_CHECK = 2,
	STEPS_BESIDE = 64 /* further steps that add no frame, because they are in hooks */
};

/* From how many of the innermost frames a walk steps by the unwind table, even if frame pointers
 * are asked for. There are two because the C++ runtime's operator new for std::nothrow calls
 * operator new. */
enum {
	BY_TABLE = 2
};

struct walk {
	struct hp_walker *walker;
	uintptr_t pc, sp, bp;
	struct hp_stack_memory *memory;
	uintptr_t low;   /* words below this address are not part of the stack */
	uintptr_t bp_at; /* where bp was read; 0: it was not read */
	int n_by_table;  /* from how many more inner frames to step by the table */
	bool is_return_address;
	bool is_plain; /* so far, a struct hp_step holds everything by which frames were found */
	int n_signal_frames;
	const struct hp_step *last, *last_end; /* the last walk's steps that are still ahead */
	struct hp_step *steps;                 /* this walk's steps */
	size_t n_steps;
};

/* Returns true if the word at `address`, which is outside of the home, can be read. */
static __attribute__((noinline, cold)) bool is_readable(struct walk *w, uintptr_t address)
{
	if (address < w->sp || address >= w->memory->top)
		w->is_plain = false;
	return hp_stack_memory_is_readable(w->memory, address);
}

static bool read_word(struct walk *w, uintptr_t address, uintptr_t *out)
{
	if (address < w->low || address % sizeof(*out) != 0 ||
	    (!hp_stack_memory_is_home(w->memory, address) && !is_readable(w, address)))
		return false;
	*out = *(const uintptr_t *)address;
	return true;
}

static bool step_to_frame(struct walk *w, uintptr_t cfa, uintptr_t bp_at, bool has_bp)
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

	return step_to_frame(w, cfa, cfa + rule->bp_offset, rule->bp_offset != HP_BP_UNCHANGED);
}

static bool step_realigned(struct walk *w, const struct hp_frame_rule *rule)
{
	uintptr_t cfa;

	w->is_plain = false;
	return read_word(w, w->bp + rule->cfa_offset, &cfa) &&
	       step_to_frame(w, cfa, w->bp + rule->bp_offset, true);
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
	w->low = sp; /* the handler may have run on an alternate stack */
	return true;
}

/* Steps from code without unwind data: the caller's frame is where bp points, if bp is a frame
 * pointer at all. */
static bool step_by_frame_pointer(struct walk *w)
{
	uintptr_t bp = w->bp;

	return bp >= w->sp && step_to_frame(w, bp + 16, bp, true);
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

static bool is_return_into_library(const struct walk *w)
{
	struct hp_frame_rule rule = {.is_call = false};

	if (is_address(w->pc))
		hp_frame_rule_for(w->pc - 1, &rule);
	return rule.is_call;
}

/* Steps by the frame pointer or, if bp proves not to be one, by the unwind table. Code that keeps
 * no frame pointers, as in the C library and the loader, leaves any value in bp, or its caller's.
 * So bp must lead to an address that is in a library and follows a call; otherwise the table is
 * used, if it has an entry. Being in a library is not enough: in the loader's open_worker, bp leads
 * to a number, the mode 0x80000002, followed by four bytes that were never written; together these
 * are sometimes an address in a library. (If bp leads to the caller's caller, nothing shows it.) */
static bool step_by_frame_pointer_first(struct walk *w)
{
	struct walk by_table = *w;
	struct hp_frame_rule rule;
	bool is_stepped = step_by_frame_pointer(w);

	if (is_stepped && is_return_into_library(w))
		return true;
	hp_frame_rule_from_table(by_table.pc - by_table.is_return_address, &rule);
	if (rule.kind == HP_RULE_NONE)
		return is_stepped;
	w->memory->is_exhausted = false;
	is_stepped = step_by_table(&by_table, &rule);
	*w = by_table;
	return is_stepped;
}

/* Steps from one of the innermost frames, by the unwind table if it has an entry. These frames are
 * often those of a library that allocates for its caller and keeps no frame pointers, such as the
 * C++ library's operator new. bp is then the caller's, and would lead past the caller. */
static bool step_from_inner_frame(struct walk *w)
{
	struct hp_frame_rule rule;

	w->n_by_table--;
	hp_frame_rule_from_table(w->pc - w->is_return_address, &rule);
	return rule.kind == HP_RULE_NONE ? step_by_frame_pointer_first(w) : step_by_table(w, &rule);
}

static bool step_to_caller(struct walk *w, const struct hp_frame_rule *rule)
{
	switch (rule->kind) {
	case HP_RULE_NONE:
		if (w->n_by_table > 0)
			return step_from_inner_frame(w);
		return step_by_frame_pointer_first(w);
	case HP_RULE_ALIEN:
		return step_by_frame_pointer(w);
	default:
		return step_by_table(w, rule);
	}
}

/* The linker defines these two for the section of hooks. They are undefined if no hook is
 * linked. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
extern const char __start_heapprof_hooks[] __attribute__((weak, visibility("hidden")));
extern const char __stop_heapprof_hooks[] __attribute__((weak, visibility("hidden")));
/* NOLINTEND(bugprone-reserved-identifier) */

static bool is_hook(uintptr_t pc)
{
	return pc > (uintptr_t)__start_heapprof_hooks && pc <= (uintptr_t)__stop_heapprof_hooks;
}

/* --- the last walk ------------------------------------------------------------------------- */

static void remember_step(struct walk *w, uint64_t frame)
{
	if (!w->is_plain)
		return;
	w->steps[w->n_steps++] = (struct hp_step){frame, w->pc, w->sp, w->bp, w->bp_at};
	w->is_plain = w->n_steps < HP_STEPS_MAX;
}

static bool is_in_last_walk(struct walk *w)
{
	while (w->last < w->last_end && w->last->sp < w->sp)
		w->last++;
	return w->last < w->last_end && w->last->sp == w->sp && w->last->bp == w->bp &&
	       w->last->pc == w->pc && w->is_plain && w->sp >= w->memory->home;
}

/* Returns true if the words of the stack that led to this step's frame are unchanged. The words are
 * between a frame of this walk that is within the home and the home's top, so they can be read. */
static bool is_unchanged(const struct hp_step *s)
{
	const uintptr_t *pc_at = (const uintptr_t *)s->sp - 1;

	return *pc_at == s->pc && (!s->bp_at || *(const uintptr_t *)s->bp_at == s->bp);
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* If the next step of the last walk has the number `n` in this walk too, this walk takes over the
 * last walk's array, and the steps that both have stay where they are. This walk's own `n` steps,
 * most often one or two, are copied before them. (Later this walk may overwrite the last walk's
 * steps. Steps that it has overwritten are inward of its present frame, so is_in_last_walk() skips
 * them.) */
static void continue_in_place(struct walk *w, size_t n)
{
	struct hp_walker *walker = w->walker;
	struct hp_step *own = w->steps;

	if (w->last != &walker->steps[n])
		return;
	for (size_t i = 0; i < n; i++)
		walker->steps[i] = own[i];
	w->steps = walker->steps;
	walker->steps = own;
}

/* Continues from a frame for which is_in_last_walk() is true, even if this walk came to it from
 * other frames. Stops at the last frame that both walks have, and returns the number of frames so
 * far. As long as a walk is plain, each of its steps has the same number as its frame. */
static size_t follow_last_walk(struct walk *w, uint64_t *frames, size_t n, size_t max)
{
	const struct hp_step *s = w->last;
	size_t end = min(n + (w->last_end - s), min(max, HP_STEPS_MAX));

	continue_in_place(w, n);
	bool is_in_place = s == &w->steps[n];

	w->steps[n] = (struct hp_step){s->frame, w->pc, w->sp, w->bp, w->bp_at};
	frames[n++] = s++->frame;
	for (; n < end && is_unchanged(s); s++, n++) {
		if (!is_in_place)
			w->steps[n] = *s;
		frames[n] = s->frame;
	}
	w->n_steps = n;
	w->is_plain = n < HP_STEPS_MAX;
	w->last = s;
	w->pc = s[-1].pc;
	w->sp = s[-1].sp;
	w->bp = s[-1].bp;
	return n;
}

static void begin_walk(struct walk *w, size_t max)
{
	struct hp_walker *walker = w->walker;
	uint32_t epoch = hp_modules_epoch();

	hp_stack_memory_begin(w->memory, w->sp, CHECKS_MIN + max / FRAMES_A_CHECK);
	w->low = w->sp;
	w->is_plain = w->sp < w->memory->top && epoch != 0;
	w->last = walker->steps;
	w->last_end =
		walker->steps_epoch == epoch ? walker->steps + walker->n_steps : walker->steps;
	w->steps = walker->spare_steps;
	walker->steps_epoch = epoch;
}

static void end_walk(struct walk *w, bool is_cut)
{
	struct hp_walker *walker = w->walker;

	hp_stack_memory_end(w->memory, w->sp, is_cut);
	walker->is_cut = is_cut;
	walker->spare_steps = walker->steps;
	walker->steps = w->steps;
	walker->n_steps = w->n_steps;
}

/* --- walking ------------------------------------------------------------------------------- */

/* Adds the frame to which the walk has come, unless it is a hook's. Returns false if there is no
 * code at its address. */
static bool add_frame(struct walk *w, const struct hp_frame_rule *rule, size_t *n)
{
	uint64_t frame;

	if (rule->kind == HP_RULE_NOT_CODE)
		return false;
	if (is_hook(w->pc)) {
		w->is_plain = false;
		return true;
	}
	/* Readers of dumps subtract 1 from each address. So an address that was interrupted, and is
	 * not a return address, is stored plus 1. */
	frame = hp_frame_rule_frame(w->pc - w->is_return_address, rule);
	remember_step(w, frame);
	w->walker->frames[(*n)++] = frame;
	return true;
}

/* Sets *out to the rule of the address to which the walk has come. Returns false if that can't be
 * an address of code. */
static bool find_rule(const struct walk *w, struct hp_frame_rule *out)
{
	if (is_address(w->pc))
		hp_frame_rule_for(w->pc - w->is_return_address, out);
	return is_address(w->pc);
}

/* Returns true if the stack has one more frame, or may have one because the budget is used up. */
static bool has_caller(struct walk *w, struct hp_frame_rule *rule)
{
	if (!step_to_caller(w, rule))
		return w->memory->is_exhausted;
	return find_rule(w, rule) && rule->kind != HP_RULE_NOT_CODE;
}

/* Adds up to `max` frames. Returns true if the stack has more frames, or may have more because a
 * budget is used up. */
static bool add_frames(struct walk *w, size_t max, size_t *n)
{
	struct hp_frame_rule rule;

	for (size_t i = 0; i < max + STEPS_BESIDE; i++) {
		bool is_known = is_in_last_walk(w);

		if (is_known)
			*n = follow_last_walk(w, w->walker->frames, *n, max);
		if (!find_rule(w, &rule) || (!is_known && !add_frame(w, &rule, n)))
			return false;
		if (*n >= max)
			return has_caller(w, &rule);
		if (!step_to_caller(w, &rule))
			return w->memory->is_exhausted;
	}
	return true;
}

size_t hp_unwind(struct hp_walker *walker, const struct hp_site *site, size_t max)
{
	struct walk w = {
		.walker = walker,
		.pc = site->pc,
		.sp = site->sp,
		.bp = site->bp,
		.memory = &walker->memory,
		.n_by_table = BY_TABLE,
		.is_return_address = true,
	};
	size_t n = 0;

	begin_walk(&w, max);
	end_walk(&w, add_frames(&w, max, &n));
	return n;
}
