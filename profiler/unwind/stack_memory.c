/* SPDX-License-Identifier: MIT */
/* A thread's home is the part of its own stack that was found readable, from some address up to the
 * stack's top. It stays mapped as long as the thread runs, so its words are read without a check.
 * Stacks of coroutines and signal handlers come and go, so a word outside of the home is read only
 * after its page was checked, by a system call, in the same walk. Only pages that are read are
 * checked: a walk reads two words of a frame, so even a frame of 4 MiB costs at most two checks,
 * and none if the caller's frame is within the home.
 *
 * A walk can extend the home downward, by up to EXTENSION pages. It does so only if the thread's
 * last walk began below the home, had to check pages, and was probably on this stack: it came near
 * the home, or was cut before it could. So each page of a thread's stack is checked once in the
 * thread's life, if walks read there, and the cost of a walk is bounded. If a page can't be read
 * when the home is extended, it is a guard page, or another stack is below it: the home is never
 * extended below that page again (`floor`).
 *
 * The home must not contain memory that may be unmapped while the thread runs.
 * - It never extends below the page of the present stack pointer. If the stack pointer is on the
 *   thread's own stack, all memory between it and the home is part of that stack, since a stack is
 *   contiguous.
 * - If the stack pointer is on another stack, below this one, the thread's guard page is between
 *   the two. There is no guard page if the program supplied a thread's stack itself and placed
 *   another stack right below it. Then that other stack must be walked to the depth limit before
 *   the home extends into it; and this does harm only if its memory is unmapped, something else is
 *   mapped in part of it, the thread runs on that, and wrong unwind data leads to the gap.
 * - If a thread has moved to another stack for good, its stack pointer is below the floor, or a
 *   guard page stops the home. The same is true of a fork child that was made by a thread and
 *   therefore takes itself for a main thread. In both cases each page that is read is checked.
 * - The main thread's stack has no guard page of its own, and a read below the stack makes the
 *   kernel extend it. The kernel keeps at least 128 MiB below the stack's top free of mappings, for
 *   any RLIMIT_STACK. So a stack pointer within MAIN_STACK_MAX of the top is on that stack, and no
 *   page below the stack pointer is read; if it is farther away, it is taken to be on another
 *   stack. */
#include "unwind/stack_memory.h"
#include "base/sys.h"

#define PAGE           ((uintptr_t)4096)
#define MAIN_STACK_MAX ((uintptr_t)64 << 20)
#define NEAR_HOME      (64 * PAGE) /* what may be above a thread's outermost frame: its TLS */
#define UNREADABLE     ((uintptr_t)1)

enum {
	EXTENSION = 16
};

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern void *__libc_stack_end; /* set by the loader: where the main thread's stack began */

/* As __builtin_thread_pointer(), which gcc has only since version 11. */
static uintptr_t thread_pointer(void)
{
	uintptr_t pointer;

	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

static void find_top(struct hp_stack_memory *m)
{
	bool is_main = hp_sys3(SYS_gettid, 0, 0, 0) == hp_sys_getpid();

	/* glibc keeps a thread's descriptor at the upper end of its stack. */
	m->top = is_main ? (uintptr_t)__libc_stack_end : thread_pointer();
	m->home = m->top;
	m->floor = is_main ? m->top - MAIN_STACK_MAX : 0;
	m->is_home_due = true;
}

static bool check_page(struct hp_stack_memory *m, uintptr_t page)
{
	m->n_checks++;
	return hp_sys_is_readable((void *)page);
}

static __attribute__((noinline, cold)) void extend_home(struct hp_stack_memory *m, uintptr_t sp)
{
	for (int i = 0; i < EXTENSION && m->home > sp; i++) {
		uintptr_t page = (m->home - 1) & -PAGE;

		if (!check_page(m, page)) {
			m->floor = m->home;
			return;
		}
		m->home = page;
	}
}

void hp_stack_memory_begin(struct hp_stack_memory *m, uintptr_t sp, size_t n_checks)
{
	if (__builtin_expect(m->top == 0, false))
		find_top(m);
	if (__builtin_expect(m->is_home_due && sp < m->home && sp >= m->floor, false))
		extend_home(m, sp);
	m->began_at = sp;
	m->n_known = 0;
	m->n_checks_left = n_checks;
	m->is_exhausted = false;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

__attribute__((cold)) bool hp_stack_memory_is_readable(struct hp_stack_memory *m, uintptr_t address)
{
	uintptr_t page = address & -PAGE;
	size_t n = min(m->n_known, HP_STACK_PAGES_KNOWN);

	for (size_t i = 0; i < n; i++)
		if ((m->known[i] & -PAGE) == page)
			return !(m->known[i] & UNREADABLE);
	if (m->n_checks_left == 0) {
		m->is_exhausted = true;
		return false;
	}
	bool is_readable = check_page(m, page);

	m->n_checks_left--;
	m->known[m->n_known++ % HP_STACK_PAGES_KNOWN] = page | (is_readable ? 0 : UNREADABLE);
	return is_readable;
}

void hp_stack_memory_end(struct hp_stack_memory *m, uintptr_t sp, bool is_cut)
{
	bool has_come_home = sp >= m->home || m->home - sp <= NEAR_HOME;

	m->is_home_due = m->n_known > 0 && m->began_at < m->home && (has_come_home || is_cut);
}
